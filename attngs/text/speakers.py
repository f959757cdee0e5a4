"""Speaker labels: the beginning of a line that names who speaks."""

from __future__ import annotations

import re

LABEL = re.compile(
    r"""(?P<stamp>[\[(]?\d[\d/.:,\-TZ\ ]{3,24}(?:[AaPp]\.?[Mm]\.?)?[\])]?\s?[-–—|]?\s?)?
    (?:<(?P<nick>[^<>\n]{1,40})>:?(?=\s)
    | \*{0,2}(?!(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b)
      (?P<name>[^\W\d_][^:：\n!?;|{}"=<>]{0,79})\*{0,2}(?:：|:\*{0,2}(?=\s|$)))""",
    re.VERBOSE,
)


def speaker_of(label: re.Match[str] | None) -> str:
    """The speaker that a label names, in lower case; empty if the label does not look like a person's."""
    name = (label["nick"] or label["name"]).strip(" *").casefold() if label else ""
    words = name.partition("(")[0].split()
    return name if len(words) <= 6 and not any(word.endswith(",") for word in words) else ""
