"""Settings that the core and packages for frameworks share, each with one name and default.

A package for a framework adds that framework's names as aliases; it never renames or redescribes a setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from attngs.errors import ConfigError
from attngs.marking.marker import Marker
from attngs.writing.statements import FaithfulnessFloor

Mode = Literal["extract", "rewrite"]
Output = Literal["separate", "merged"]
OnChatError = Literal["extract", "raise"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    default: object
    """`...` where there is none: the setting must be given."""
    description: str


SETTINGS = {
    "target_tokens": Setting(..., "Hard limit on what the reader is shown, in tokens of `counter`."),
    "marker": Setting("default", "`default` for the embedded model, a model's name or folder, or a `Marker`."),
    "mode": Setting("extract", "`extract` keeps sentences verbatim; `rewrite` has `chat` rewrite them and checks its words."),
    "chat": Setting(None, "The model that rewrites, in mode `rewrite`."),
    "counter": Setting(None, "Whose tokens count: the name of a tiktoken model, `marker`, or a function from text to a number."),
    "must_keep": Setting((), "Regular expressions: sentences in which one is found go in first."),
    "neighbors": Setting(0, "How many sentences before and after each chosen one come along, where they fit."),
    "min_per_document": Setting(0, "How many of its best sentences each document keeps, where they fit."),
    "min_score": Setting(
        None, "The least probability, 0 to 1, that a kept sentence bears on the question; unless set, 0.1 for memory, else none."
    ),
    "template": Setting(None, "What `chat` is sent; attngs' own template when not given."),
    "floor": Setting(FaithfulnessFloor(), "What happens to rewritten sentences that the documents do not support."),
    "on_chat_error": Setting("extract", "When `chat` fails: return the verbatim extract, or raise the error."),
    "max_concurrency": Setting(4, "How many documents are rewritten at the same time."),
    "namespace": Setting("", "Whose texts these are. What the marker caches of them is used only under the same namespace."),
    "output": Setting("separate", "`separate`: each document comes back on its own; `merged`: one document holds all of them."),
}


def described(name: str) -> str:
    """The description of a setting."""
    return SETTINGS[name].description


def check_marker_name(marker: str | Path | Marker) -> str | Path | Marker:
    """A marker, or the name or folder of one.

    Raises:
        ConfigError: The name is empty.
    """
    if isinstance(marker, str) and not marker.strip():
        raise ConfigError("`marker` is empty; use 'default', a model's name, a folder, or a `Marker`.")
    return marker
