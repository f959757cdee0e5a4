"""A unit's parts: where they begin, and what each is read with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs.testing import NASTY_TEXTS
from attngs.text.parts import parts_of, pieces_of
from attngs.types import Unit

KINDS = "sentence item header row cell answer turn speaker field key record event frame code signature markup".split()

Parts = list[tuple[str, list[int]]]


def parts(text: str, kind: str) -> Parts:
    return [(text[start:end].strip(), list(heads)) for start, end, heads, _ in parts_of(text, Unit(0, len(text), (), kind))]


CASES: list[tuple[str, str, Parts]] = [
    (
        "record",
        '{"plot": 7, "name": "Elm", "owner": {"name": "Ode", "since": 2019}},',
        [('{"plot": 7,', [1]), ('"name": "Elm",', []), ('"owner": {"name": "Ode", "since": 2019}},', [1])],
    ),
    ("field", '"owner": {"name": "Ode", "since": 2019},', [('"owner": {', []), ('"name": "Ode",', [0]), ('"since": 2019},', [0, 1])]),
    ("field", '"note": "Mow it late."', [('"note":', []), ('"Mow it late."', [0])]),
    (
        "record",
        "- plot: 7\n  title: Elm\n  trees:\n    - ash\n    - fir",
        [("- plot: 7", []), ("title: Elm", [0]), ("trees:\n    - ash\n    - fir", [0, 1])],
    ),
    ("row", "| Elm | 7 | wet |", [("| Elm", []), ("| 7", [0]), ("| wet |", [0])]),
    ("row", 'Elm,"wet, cold",7', [("Elm,", []), ('"wet, cold",', [0]), ("7", [0])]),
    ("row", "Elm   wet, cold   7", [("Elm", []), ("wet, cold", [0]), ("7", [0])]),
    ("row", "<tr><td>Elm</td><td>7</td></tr>", [("<tr><td>Elm</td>", []), ("<td>7</td></tr>", [0])]),
    ("header", "Plot\tSoil\tTrees", [("Plot", []), ("Soil", []), ("Trees", [])]),
    (
        "event",
        "07:01:02 ERROR mower 4 stopped\nTraceback:\n  File a\n    cut()\nJamError: a root",
        [("07:01:02 ERROR mower 4 stopped", []), ("Traceback:\n  File a\n    cut()", [0, 2]), ("JamError: a root", [0])],
    ),
    (
        "event",
        'File "a"\n    cut()\n  File "b"\nJamError: a root',
        [('File "a"', [3]), ("cut()", [3]), ('File "b"', [3]), ("JamError: a root", [])],
    ),
    ("frame", "Traceback:\n  File a\n    cut()\n  File b", [("Traceback:", []), ("File a\n    cut()", []), ("File b", [])]),
    (
        "code",
        "@plot\ndef mow(field):\n    if field.wet:\n        return 0\n    return 7",
        [("@plot\ndef mow(field):", []), ("if field.wet:\n        return 0", [0]), ("return 7", [0])],
    ),
    ("code", "p {\n  em {\n    top: 0;\n  }\n}", [("p {", []), ("em {\n    top: 0;\n  }\n}", [0])]),
    ("turn", "Ode: It rained. I could not mow.", [("Ode:", []), ("It rained.", [0]), ("I could not mow.", [0])]),
    ("turn", "Ode  9:14 AM\nIt rained. I slept.", [("Ode  9:14 AM", []), ("It rained.", [0]), ("I slept.", [0])]),
    ("answer", "It rained. I slept.", [("It rained.", []), ("I slept.", [])]),
    ("sentence", "It rained", []),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "expected"), CASES, ids=lambda value: value if value in KINDS else "")
def test_parts_by_structure(kind: str, text: str, expected: Parts) -> None:
    assert parts(text, kind) == expected


def test_running_text_is_cut_between_words_and_dense_scripts_between_characters() -> None:
    text = "the gate is by the old mill and the key hangs behind it"
    pieces = pieces_of(text, Unit(0, len(text)), 20)
    assert [text[start:end].strip() for start, end, *_ in pieces] == ["the gate is by the", "old mill and the", "key hangs behind it"]
    assert len(pieces_of("鍵は水車小屋の裏に掛かっている", Unit(0, 15), 5)) == 3
    assert pieces_of("Donaudampfschiff", Unit(0, 16), 4) == (Unit(0, 16),)


LINES = st.sampled_from(
    [*'{"a": 1,|"name": "x"},|- k: v|    deeper|a,b|Ana: hi. Yes.|}|早上好。|\t|| |"|['.split("|"), "| a | b |", "x" * 50],
)


@given(
    st.lists(LINES, max_size=8).map("\n".join) | st.text(max_size=60) | st.sampled_from(NASTY_TEXTS),
    st.sampled_from(KINDS),
    st.integers(1, 40),
)
def test_parts_and_pieces_tile_the_unit(text: str, kind: str, longest: int) -> None:
    if not text:
        return
    unit = Unit(0, len(text), (), kind)
    for found in (parts_of(text, unit), pieces_of(text, unit, longest)):
        assert not found or "".join(text[part.start : part.end] for part in found) == text
        assert len(found) < 2 or all(text[part.start : part.end].strip() for part in found)
        assert all(0 <= head < len(found) and head != number for number, part in enumerate(found) for head in part.heads)


@pytest.mark.parametrize("text", ['"plots": [\n', '"": {', '  "a" : { '])
def test_a_key_without_a_value_has_no_empty_part(text: str) -> None:
    assert parts(text, "key") == []


def test_each_line_of_a_message_is_read_with_its_speaker_and_no_other_line() -> None:
    found = parts("oona, 10:02\nthe lock is shut\nwe wait for the keeper\nbring tea", "turn")
    assert found == [("oona, 10:02", []), ("the lock is shut", [0]), ("we wait for the keeper", [0]), ("bring tea", [0])]


def test_a_comment_is_read_with_the_function_below_it() -> None:
    found = parts("// at night\nfunction shut() {\n  lower(gate);\n}", "code")
    assert found == [("// at night", [1]), ("function shut() {", []), ("lower(gate);\n}", [1])]
