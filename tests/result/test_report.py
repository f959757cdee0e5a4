"""The heat map page: nothing escapes, nothing is lost, everything can be read."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

import pytest

from attngs.compressor import ContextCompressor
from attngs.marking.marker import Marker
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.tokens import as_counter
from attngs.result.report import facts, render_html
from attngs.result.result import CompressedContext, Draft, finish
from attngs.testing import count_words
from attngs.types import Document, Marking, Selection, Sentence

HOSTILE = "</span><script>alert(1)</script>\"' onmouseover='x' {{ 7*7 }} &amp; <b>"


class Lengths:
    """A scorer without a model."""

    name = "lengths"

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [float(len(sentence.text)) for sentence in sentences]


def compressed(
    documents: Sequence[tuple[str, Sequence[str]]],
    scores: Sequence[float],
    *,
    marked: Sequence[int] = (),
    kept: Sequence[int] = (),
    query: str = "What now?",
    text: str = "short",
    metadata: Mapping[str, object] | None = None,
    tokens: tuple[int, int] = (100, 10),
    reason: str | None = None,
    passthrough: bool = False,
) -> CompressedContext:
    """A result made by hand: `documents` are ids with their sentences."""
    sentences = list[Sentence]()
    for position, (name, texts) in enumerate(documents):
        document, end = Document(id=name, text="".join(texts), metadata=metadata or {}), 0
        for piece in texts:
            sentences.append(Sentence(document=document, position=position, start=end, end=end + len(piece)))
            end += len(piece)
    dropped = tuple(i for i in range(len(sentences)) if i not in kept)
    marks = tuple(i in marked for i in range(len(sentences)))
    draft = Draft(
        marking=Marking(query=query, sentences=tuple(sentences), scores=tuple(scores), marked=marks),
        selection=Selection(kept=tuple(kept), dropped=dropped, text=text, tokens=tokens[1], reason=reason),
        original_tokens=tokens[0],
        target_tokens=20,
        milliseconds={"mark": 1234.0, "select": 5.6},
        passthrough=passthrough,
    )
    return finish(draft, None, counter=as_counter(lambda text: len(text.split())))


class Page(HTMLParser):
    """What a browser would make of the page: tags in order, visible words, and every sentence with its attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags = list[tuple[str, dict[str, str]]]()
        self.sentences = list[tuple[dict[str, str], str]]()
        self.words = ""
        self._depth = 0
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        self._hidden = tag in ("script", "style")
        if "data-t" in attributes:
            self.sentences.append((attributes, ""))
            self._depth = 1
        elif self._depth:
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        self._depth -= self._depth > 0
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if self._depth:
            attributes, text = self.sentences[-1]
            self.sentences[-1] = (attributes, text + data)
        self.words += "" if self._hidden else data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def classes(self, number: int) -> set[str]:
        return set(self.sentences[number][0]["class"].split())


SIX = [("one", ["A a. ", "B b.\n\n", "C c."]), ("two", ["  D d. ", "E e. ", "F f."])]


def test_strangers_words_stay_words() -> None:
    hostile = compressed(
        [(HOSTILE, [HOSTILE + " 1. ", HOSTILE + " 2."]), ("b", ["B."])],
        [1.0, 2.0, 3.0],
        kept=[1],
        query=HOSTILE,
        text=HOSTILE,
        metadata={HOSTILE: HOSTILE, "date": HOSTILE},
        reason=HOSTILE,
    )
    page, harmless = Page(render_html([hostile, hostile])), compressed([("a", ["x ", "y"]), ("b", ["B."])], [1.0, 2.0, 3.0], kept=[1])
    plain = Page(render_html([harmless, harmless]))
    assert len(page.all("script")) == 1
    assert len(page.all("b")) == len(plain.all("b"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.words.count(HOSTILE) >= 2 * 6  # question, reason, short text, document id and two sentences, for each result
    assert page.sentences[0][1] == HOSTILE + " 1. "


def test_the_policy_allows_this_pages_script_alone_and_no_network() -> None:
    html = render_html([compressed(SIX, [1, 2, 3, 4, 5, 6])])
    policy = next(a["content"] for a in Page(html).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    script = html.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy
    assert not re.search(r"""(?:src|href)="(?!#)|url\(|@import|https?://""", html)


@pytest.mark.parametrize("broken", ["\ud800", "\0"])
def test_text_that_utf8_cannot_hold_is_replaced(broken: str) -> None:
    result = compressed([(f"id{broken}", [f"One{broken}two."])], [1.0], query=f"q{broken}", text=f"t{broken}", metadata={"k": broken})
    html = render_html([result])
    assert "One\ufffdtwo." in html.encode().decode()
    assert broken not in html


def test_every_sentence_stands_once_per_result_in_order_with_its_white_space() -> None:
    texts = ["\n\n First.  ", "\t\n", "Zweitens, \u202ertl\u202c.\r\n", "\u2028 三。", "Last \U0001f9c2"]
    page = Page(render_html([compressed([("d", texts)], [0.1, 0.2, 0.3, 0.4, 0.5])] * 2))
    assert [text for _, text in page.sentences] == texts * 2
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_links_of_the_page_lead_somewhere() -> None:
    page = Page(render_html([compressed(SIX, [1, 2, 3, 4, 5, 6], kept=[0])] * 3))
    identifiers = {attributes.get("id") for _, attributes in page.tags}
    links = [a["href"] for a in page.all("a")]
    assert len(links) == 3 + 3 * 2  # a tab for each result, and the map's documents
    assert {link.removeprefix("#") for link in links} <= identifiers


def test_kept_marked_and_dropped_are_told_apart() -> None:
    page = Page(render_html([compressed(SIX, [9, 8, 7, 1, 2, 3], marked=[0, 1], kept=[0, 2])]))
    states = [page.classes(i) & {"kept", "marked", "dropped"} for i in range(6)]
    assert states == [{"kept"}, {"marked"}, {"kept"}, {"dropped"}, {"dropped"}, {"dropped"}]
    assert [a["tabindex"] for a, _ in page.sentences] == ["0", "-1", "0", "-1", "-1", "-1"]
    tips = [a["data-t"].split("\n") for a, _ in page.sentences]
    assert tips[0] == ["Kept · rank 1 of 6", "score 9", "one · characters 0–5"]
    assert tips[1][0] == "Marked, dropped · rank 2 of 6"
    assert tips[2][0] == "Kept, not marked · rank 3 of 6"
    assert tips[5] == ["Dropped · rank 4 of 6", "score 3", "two · characters 12–16"]


def test_only_documents_with_something_kept_are_unfolded() -> None:
    page = Page(render_html([compressed(SIX, [9, 8, 7, 1, 2, 3], kept=[0])]))
    assert ["open" in a for a in page.all("details")] == [True, False]
    assert "open" in Page(render_html([compressed(SIX[:1], [9, 8, 7])])).all("details")[0]


@pytest.mark.parametrize(
    ("scores", "levels"),
    [
        ([-4.0, -2.0, -1.0, 0.0, 1.0, 8.0], [0, 0, 0, 1, 2, 9]),  # z-scores: the median is -0.5
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.5], [0, 0, 0, 0, 0, 9]),
        ([1.0, 3.0, 3.0, 3.0, 3.0, 3.0], [0, 9, 9, 9, 9, 9]),  # more than half share the best score
        ([2.0] * 6, [0] * 6),
    ],
)
def test_colour_runs_from_the_median_to_the_best(scores: list[float], levels: list[int]) -> None:
    page = Page(render_html([compressed(SIX, scores)]))
    assert [page.classes(i) >= {f"h{level}"} for i, level in enumerate(levels)] == [True] * 6
    assert ("All scores are equal" in page.words) == (len(set(scores)) == 1)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ((10_686, 256), "41.7× smaller"),
        ((100, 0), "nothing kept"),
        ((0, 0), "nothing to shorten"),
        ((100, 100), "same size"),
        ((10, 20), "2.0× larger"),
    ],
)
def test_ledger(tokens: tuple[int, int], words: str) -> None:
    result = compressed(SIX, [1, 2, 3, 4, 5, 6], marked=[1, 2], kept=[5], tokens=tokens, text="short" if tokens[1] else "")
    page = Page(render_html([result]))
    assert words in page.words
    assert "1 kept, 2 marked, 6 in all" in page.words
    assert "mark 1.2 s, select 6 ms" in page.words
    assert ("Empty: nothing is sent." in page.words) == (tokens[1] == 0)


def test_a_reason_is_shown_and_its_absence_is_not() -> None:
    assert "no luck" in Page(render_html([compressed(SIX, [0.0] * 6, reason="no luck")])).words
    assert not [a for a in Page(render_html([compressed(SIX, [0.0] * 6)])).all("p") if a.get("class") == "notice"]


@pytest.mark.parametrize(
    ("name", "told"), [("2026-03-14", False), ("14 Mar 2026", False), ("4 Mar 2026", True), ("14 Mar 2025", True), ("note-3", True)]
)
def test_a_day_that_the_id_says_is_not_said_again(name: str, told: bool) -> None:
    assert ["2026-03-14"] * told == list(facts(name, {"date": "2026-03-14", "_key": "x"}))


def test_metadata_stands_beside_the_document_with_the_date_first() -> None:
    facts = {"kind": "chat", "n": 3, "date": "2026-01-05", "tags": ["a", "b"], "same": "one"}
    words = Page(render_html([compressed(SIX, [1.0] * 6, metadata=facts)])).words
    assert "2026-01-05 · kind chat · n 3" in words
    assert "tags ['a', 'b']" in words
    assert "same two" not in words
    assert words.count("same one") == 1  # document `one` says it already, document `two` does not


def test_nothing_to_show() -> None:
    assert "There are no results to show." in Page(render_html([])).words
    page = Page(render_html([compressed([], [], tokens=(0, 0), text="")]))
    assert page.sentences == []
    assert "0 documents, 0 sentences" in page.words


def test_one_sentence() -> None:
    page = Page(render_html([compressed([("d", ["Alone."])], [0.7], kept=[0])]))
    assert page.classes(0) == {"s", "kept", "h0"}
    assert "1 document, 1 sentence" in " ".join(page.words.split())


def test_what_was_passed_through_was_not_scored() -> None:
    page = Page(render_html([compressed(SIX, [1.0] * 6, marked=range(6), kept=range(6), passthrough=True)]))
    assert "nothing was scored" in page.words
    assert page.sentences[0][0]["data-t"] == "Kept · not scored\none · characters 0–5"


def test_each_question_is_a_tab() -> None:
    page = Page(render_html([compressed(SIX, [1.0] * 6, query=f"Question {n}?") for n in "ab"]))
    assert [a["href"] for a in page.all("a") if a.get("id", "").startswith("tab")] == ["#q1", "#q2"]
    assert ["on" in a["class"].split() for a in page.all("section") if "panel" in a.get("class", "")] == [True, False]
    assert not Page(render_html([compressed(SIX, [1.0] * 6)])).all("nav")


def test_language_title_and_short_text() -> None:
    html = render_html([compressed(SIX, [1.0] * 6, query="Who?", text="\n[one]\nA a.  B\n")])
    assert '<html lang="en">' in html
    assert "<title>Who? – attngs</title>" in html
    assert ">\n[one]\nA a.  B\n</code>" in html


def test_a_long_context_stays_a_small_page() -> None:
    names = [(f"conversations/2026/{n:04}/session-export.jsonl", [f"{n} {k} " + "word " * 18 for k in range(50)]) for n in range(44)]
    scores = [(i * 7919 % 2200) / 100 - 8 for i in range(2200)]
    html = render_html([compressed(names, scores, marked=range(0, 2200, 3), kept=range(0, 2200, 100))])
    assert sum(len(text) for _, texts in names for text in texts) > 200_000
    assert len(html.encode()) < 1_500_000


def test_words_can_be_read_on_every_colour() -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text, in both modes. From level 6 on nothing is muted."""
    html = render_html([])
    roots = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", html, re.DOTALL)]
    assert len(roots) == 2
    assert ":is(.h6, .h7, .h8, .h9) { --muted: var(--ink); --soft: var(--ink); }" in html
    for colours in roots:
        for level in range(1, 10):
            assert contrast(colours["ink"], colours[f"h{level}"]) >= 4.5
            assert level > 5 or contrast(colours["muted"], colours[f"h{level}"]) >= 4.5
            assert contrast(colours["keep"], colours[f"h{level}"]) >= 3  # a line, not text
        lightness = [luminance(colours[f"h{level}"]) for level in range(1, 10)]
        assert lightness in (sorted(lightness), sorted(lightness, reverse=True))  # order survives without hue
        for name in ("ink", "muted", "soft", "keep"):
            assert min(contrast(colours[name], colours[ground]) for ground in ("paper", "card")) >= 4.5


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_a_compressed_context_shows_itself() -> None:
    compressor = ContextCompressor(Marker(Lengths()), counter=lambda text: len(text.split()))
    result = compressor.compress(["One is short. Two is a little longer than one.", "Three."], "Which?", target_tokens=12)
    page = Page(result.to_html())
    assert [text for _, text in page.sentences] == [sentence.text for sentence in result.marking.sentences]
    assert {i for i in range(len(page.sentences)) if "kept" in page.classes(i)} == set(result.selection.kept)


def test_the_heat_map_alone_is_for_a_frame_without_script() -> None:
    result = compressed(
        [("a", [f"One. {HOSTILE}", " Two."]), ("b", ["Three."])], [2, 1, 0], kept=[0], metadata={"source": "note", "_key": "k-7"}
    )
    html = result.to_heat_map()
    page = Page(html)
    assert not [tag for tag, _ in page.tags if tag in ("script", "h1", "h2", "button", "img")]
    assert [text for _, text in page.sentences] == [f"One. {HOSTILE}", " Two.", "Three."]
    assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'" in html
    assert "exactly as sent" not in page.words
    assert ("source note" in page.words, "k-7" in page.words) == (True, False)
    assert "checked" in dict(next(attributes for tag, attributes in page.tags if attributes.get("class") == "only-kept"))


def test_a_head_is_called_what_it_is() -> None:
    text = "# Workshop\n\n## Lathe\n\nThe belt is number 12.\n\n## Drill\n\nThe belt is number 35.\n"
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count_words)
    page = compressor.compress([text], "number 35 belt drill", target_tokens=12).to_html()
    assert page.count("Kept with what follows it") == 2
