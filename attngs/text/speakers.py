"""Speaker labels: how a line names who speaks, and whether the labels of a text make it a transcript."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

LABEL = re.compile(
    r"""(?P<stamp>[\[(]?(?=[\d/.,\-]{0,10}[T\ ]?(?:\d:\d\d|\d[-/.]\d{1,2}[-/.]\d))
      \d[\d/.:,\-TZ\ ]{3,24}(?:[AaPp]\.?[Mm]\.?)?[\])]?\s?[-–—|]?\s?)?
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


_ROLES = frozenset(
    "user assistant ai human system bot agent chatbot customer client model chatgpt claude gemini q a question "
    "answer interviewer interviewee doctor patient me you usuario usuário asistente assistente benutzer assistent "
    "utilisateur utente пользователь ассистент 用户 助手 用戶 ユーザー アシスタント 사용자 어시스턴트".split()
)
"""Speakers of a chat that are roles, not names."""


class Speakers:
    """Who speaks in a text, judged by all its labels together.

    Args:
        labels: The speaker of each label, in reading order.
        lines: Lines of the text that are not blank.
        paragraphs: Its paragraphs.
        opened: Paragraphs whose first line has a label.
    """

    def __init__(self, labels: Sequence[str], *, lines: int, paragraphs: int, opened: int) -> None:
        self._turns = Counter(labels)
        self._total = len(labels)
        self._roles = _ROLES & self._turns.keys()
        self._recurring = {speaker for speaker, turns in self._turns.items() if turns > 1}
        self._are_the_rule = 2 * len(labels) > lines or 2 * opened > paragraphs > 1

    @property
    def make_a_transcript(self) -> bool:
        """Whether roles talk to each other, or several people who mostly speak again."""
        if len(self._roles) > 1 and (self._are_the_rule or sum(self._turns[role] for role in self._roles) > 3):
            return True
        several = len(self._turns) > 1 and self._total > 2
        speak_again = 2 * sum(self._turns[speaker] for speaker in self._recurring) >= self._total
        return self._are_the_rule and several and speak_again

    def takes_turns(self, speaker: str) -> bool:
        """Whether a label opens a turn. Where only roles recur, only roles do: "Tip:" is no speaker."""
        only_roles = len(self._roles) > 1 and self._recurring <= self._roles
        return speaker in self._roles or not only_roles
