"""Our splitter beside sentencex and a split at newlines: labelled cases, boundary F1 and speed, in one run.

    python -m benchmarks.sentences

*Exact* counts the labelled texts of `tests/text/sentence_cases.py` with every boundary right; *prose* leaves out the texts
whose structure (turns, lines, rows) sentencex does not claim to know. F1 is over inner boundaries. Speed is the best of
three runs of CPU time. sentencex 1.0 is quadratic in paragraphs with quotes, panics on some white space and cannot
encode lone surrogates, so it gets windows of cleaned text behind a guard, and its gaps are closed.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "text"))

from sentence_cases import DEVELOPMENT, HELD_OUT, Case

from attngs.text.sentences import UnitSize, split_sentences
from attngs.types import Span

Split = Callable[[str, UnitSize, str], list[Span]]

_WINDOW = 4000
_BLANKS = {ord(blank): " " for blank in "\x00\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"}
_BLANKS |= dict.fromkeys(range(0x2000, 0x200B), " ")
_SURROGATE = re.compile("[\ud800-\udfff]")

SPEED_TEXTS = {
    "prose": "Dr. Ann Lee came home at noon, and it rained. Nobody had told her that the old house, which she knew "
    "well, was sold in 2019. “Why?” she asked. They had no answer for her.\n\n",
    "chat": "User: I went to see a film with a friend. It was great!\nAI: That sounds nice. Which film did you see?\n",
    "one paragraph": 'She said: "I will not go." He left, and nobody knew why he had come at all, or what he wanted. ',
    "chinese": "今天天气很好，我们去公园散步。你想一起来吗？他说：“好的。”\n",
}


def ours(text: str, unit: UnitSize, language: str) -> list[Span]:
    return split_sentences(text, unit)


def newlines(text: str, unit: UnitSize, language: str) -> list[Span]:
    return _tile(text, (match.end() for match in re.finditer(r"\n+", text)))


def sentencex(text: str, unit: UnitSize, language: str) -> list[Span]:
    return _tile(text, _sentencex_ends(text, language))


def _sentencex_ends(text: str, language: str) -> Iterator[int]:
    from sentencex import get_sentence_boundaries  # type: ignore[import-untyped]

    clean = _SURROGATE.sub("\ufffd", text).translate(_BLANKS)
    start = 0
    while start < len(clean):
        end = min(start + _WINDOW, len(clean))
        if end < len(clean):  # break after the last line, else the last word, that fits
            end = next((at + 1 for mark in "\n " if (at := clean.rfind(mark, start + 1, end)) > 0), end)
        try:
            yield from (start + found["end_index"] for found in get_sentence_boundaries(language, clean[start:end]))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a Rust panic is no Exception
            yield end
        start = end


def _tile(text: str, ends: Iterable[int]) -> list[Span]:
    """Close gaps: each span takes the white space after it; blank spans go."""
    spans: list[Span] = []
    start = len(text) - len(text.lstrip())
    first = 0
    for end in (*ends, len(text)):
        while end < len(text) and text[end].isspace():
            end += 1
        if end > start:
            spans.append(Span(first, end))
            first = start = end
    return spans or [Span(0, len(text))]


def scores(splitter: Split, cases: Iterable[Case]) -> tuple[int, float]:
    """How many cases are exact, and F1 of the inner boundaries of all of them."""
    exact = hits = found = wanted = 0
    for case in cases:
        ends = [sum(map(len, case.pieces[: n + 1])) for n in range(len(case.pieces) - 1)]
        got = [span.end for span in splitter(case.text, case.unit, case.language)][:-1]
        exact += got == ends
        hits += len(set(got) & set(ends))
        found += len(got)
        wanted += len(ends)
    return exact, 2 * hits / (found + wanted)


def megabytes_per_second(splitter: Split, unit_text: str, size: int) -> float:
    """UTF-8 megabytes a second, best of three."""
    text = unit_text * (size // len(unit_text))
    seconds = []
    for _ in range(3):
        began = time.process_time()
        splitter(text, "auto", "en")
        seconds.append(time.process_time() - began)
    return len(text.encode()) / min(seconds) / 1e6


def main() -> None:
    splitters: dict[str, Split] = {"attngs": ours, "sentencex": sentencex, "newlines": newlines}
    structured = {"auto", "line", "turn"}
    parts = {
        "development": DEVELOPMENT,
        "held-out": HELD_OUT,
        "held-out prose": tuple(case for case in HELD_OUT if case.unit not in structured and "\n" not in case.text),
        "all prose": tuple(c for c in (*DEVELOPMENT, *HELD_OUT) if c.unit not in structured and "\n" not in c.text),
    }
    print(f"{'exact cases (boundary F1)':26}" + "".join(f"{name:>22}" for name in splitters))
    for part, cases in parts.items():
        row = [scores(splitter, cases) for splitter in splitters.values()]
        print(f"{part:26}" + "".join(f"{f'{exact}/{len(cases)} ({f1:.3f})':>22}" for exact, f1 in row))
    print("\nMB/s")
    for name, unit_text in SPEED_TEXTS.items():
        speeds = [megabytes_per_second(splitter, unit_text, 1_000_000) for splitter in splitters.values()]
        print(f"{name:26}" + "".join(f"{speed:22.1f}" for speed in speeds))


if __name__ == "__main__":
    main()
