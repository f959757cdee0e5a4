"""Cut a text into units that tile it: structure first (fences, lists, tables, turns), then punctuation.

Everything here produces *ends*: ascending positions where a unit may end. `_tile` alone turns ends into spans, so white space,
the length limit and the promise that nothing is lost are settled in one place. All of it is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Literal, NamedTuple, get_args

from attngs.boundaries import sentence_ends
from attngs.errors import ConfigError
from attngs.turns import is_transcript, label_starts, opens_turn
from attngs.types import Span

Unit = Literal["sentence", "line", "turn", "auto"]
