"""The seam: a text and what is known of it -> its structure, from the first reader that is sure."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.text.structure.chat import CHAT
from attngs.text.structure.console import CONSOLE
from attngs.text.structure.csv_text import TABLE
from attngs.text.structure.html_text import HTML
from attngs.text.structure.json_text import JSON, JSON_LINES
from attngs.text.structure.logs import LOG
from attngs.text.structure.mail import MAIL
from attngs.text.structure.running_text import MARKDOWN, PLAIN
from attngs.text.structure.source_code import CODE
from attngs.text.structure.subtitles import SUBTITLES
from attngs.text.structure.units import Reader, Structure
from attngs.text.structure.yaml_text import INI, YAML

SAMPLE = 10_000
"""Characters at the beginning of a text that tell its format."""

READERS: tuple[Reader, ...] = (JSON_LINES, JSON, SUBTITLES, HTML, MAIL, LOG, CONSOLE, CODE, YAML, INI, CHAT, MARKDOWN, TABLE, PLAIN)
"""From the format that is hardest to mistake to the one that takes everything."""


def read_structure(text: str, *, source: str = "", content_type: str = "", readers: Sequence[Reader] = READERS) -> Structure:
    """Find the units of a text, and what each is read with.

    Args:
        text: Any string.
        source: Where it comes from, a path or an address: its ending names the format, if a reader knows it.
        content_type: Its MIME type, which names the format before `source` does.
        readers: The formats, in the order in which they are tried. `(mine, *READERS)` adds one.

    Returns:
        Units that tile the text.
    """
    named = _named(readers, source, content_type)
    for reader in named:
        if found := reader.read(text):
            return found
    head = _head(text)
    for reader in readers:
        if reader not in named and reader.recognises(head) and (found := reader.read(text)):
            return found
    found = PLAIN.read(text)
    assert found, "plain text is every text"
    return found


def _named(readers: Sequence[Reader], source: str, content_type: str) -> list[Reader]:
    """The readers that metadata names.

    By MIME type, else by the ending of a path, a query of an address aside.
    """
    mime = content_type.partition(";")[0].strip().lower()
    named = [reader for reader in readers if mime in reader.content_types]
    path = source.partition("?")[0].partition("#")[0].lower()
    return named or [reader for reader in readers if path.endswith(reader.suffixes)]


def _head(text: str) -> str:
    """The opening of a text, in whole lines where it has any."""
    if len(text) <= SAMPLE:
        return text
    line_end = max(text.rfind("\n", 0, SAMPLE), text.rfind("\r", 0, SAMPLE))
    return text[: line_end + 1 or SAMPLE]
