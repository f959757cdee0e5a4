"""What a reply may say: links, figures, names, signs, persons, and what holds for every string."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import languages, tell_language
from attngs.checking.language.mentions import Clock, Contact, Day, Meaning, Number, Quantity, Rate
from attngs.checking.language.tokens import tokenize
from attngs.checking.verify import CitedText, Claim, Verdict, read_citations, verify
from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence

LANGUAGES = {language.code: language for language in languages()}
PIECES = (
    "Anna ", "Ben's ", "my sister ", "he ", "I ", "3 May ", "2026-05-03 ", "03/05/2026 ", "15:00 ", "half past six ",
    "a year and a half ", "5 mg ", "$1,200 ", "30 % ", "1.000 ", "two hundred and five ", "not ", "never ", "no longer ", "doesn't ",
    "stopped ", "likes ", "might ", "used to ", "most of ", "at least ", "if ", "unless ",
    "before ", ", so ", "older than ", "prefers ", "to ", "says ", "takes red pills ", "works in Rome ", "anna@x.org ",
    "+49 170 1234567 ", "[3] ", "[2-9] ", ", ", "; ", ": ",
    ". ", "? ", "! ", "\n", "\n- ", "and ", "but ", "because ", "田中さんは", "魚を食べません。", "l'avis ", "ne mange pas ",
    "Ich esse kein Fleisch. ", "\ud800", "\0", "ﬁ", "½ ",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


def sentences_of(*texts: str) -> tuple[Sentence, ...]:
    documents = [Document(text=text, id=f"note-{number}") for number, text in enumerate(texts, 1)]
    return tuple(
        Sentence(document=document, position=position, start=start, end=end)
        for position, document in enumerate(documents)
        for start, end in split_sentences(document.text, "sentence")
    )


def kinds(reply: str, *texts: str) -> set[str]:
    return {claim.kind for verdict in verify(reply, sentences_of(*texts)) for claim in verdict.unsupported}


def meanings(text: str, code: str = "en") -> list[tuple[Meaning, ...]]:
    return [mention.meanings for mention in find_figures(text, LANGUAGES[code])[0] if not mention.weak]


def check_tiling(reply: str, verdicts: Sequence[Verdict]) -> None:
    assert [verdict.start for verdict in verdicts] == [0, *(verdict.end for verdict in verdicts[:-1])][: len(verdicts)]
    assert (verdicts[-1].end if verdicts else 0) == len(reply)


@given(reply=TEXTS, source=TEXTS, cited=st.booleans())
@settings(max_examples=200)
def test_any_text_has_verdicts_that_tile_it_and_point_at_sentences(reply: str, source: str, cited: bool) -> None:
    sentences = sentences_of(source, reply[:20])
    verdicts = verify(reply, sentences, cited=cited)
    check_tiling(reply, verdicts)
    for verdict in verdicts:
        assert 0 <= verdict.support <= 1
        assert len(set(verdict.sources)) == len(verdict.sources)
        assert all(0 <= number < len(sentences) for number in verdict.sources)
        assert cited or verdict.text == reply[verdict.start : verdict.end]


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), data=st.data())
@settings(max_examples=200)
def test_what_a_source_says_word_for_word_is_faithful(texts: list[str], data: st.DataObject) -> None:
    sentences = sentences_of(*texts)
    if not sentences:
        return
    sentence = data.draw(st.sampled_from(sentences))
    assert all(not verdict.unsupported for verdict in verify(sentence.text, sentences))


@given(texts=st.lists(TEXTS, min_size=1, max_size=4), data=st.data())
@settings(max_examples=200)
def test_what_sentences_in_a_row_say_word_for_word_is_faithful(texts: list[str], data: st.DataObject) -> None:
    sentences = sentences_of(*texts)
    if not sentences:
        return
    first = data.draw(st.sampled_from(sentences))
    last = data.draw(st.sampled_from([each for each in sentences if each.position == first.position and each.start >= first.start]))
    assert all(not verdict.unsupported for verdict in verify(first.document.text[first.start : last.end], sentences))


@pytest.mark.parametrize(
    ("reply", "context"),
    [
        ("@A.", "@A."),
        ("@A.", "It rained. We ate @A. Anna left."),
        ("J0PAR. TWO:AM:BIE", "J0PAR. TWO:AM:BIE"),
        ("AM:BIE", "J0PAR. TWO:AM:BIE"),
        ("e.g. Four", "Two: three, e.g. Four\nFive"),
        ("I am at No. 12.", "I am at No.\n12. We are there."),
        ("He said it to B. Weber on 3 May.", "He said it to B.  Weber on\t3 May."),
        ("魚を食べます。", "田中さんは魚を食べます。"),
    ],
)
def test_a_quotation_is_faithful_and_fully_supported(reply: str, context: str) -> None:
    for verdict in verify(reply, sentences_of("It rained.", context)):
        assert not verdict.unsupported
        assert verdict.sources
        assert verdict.support == 1


def test_a_quotation_across_sentences_has_them_all_as_sources() -> None:
    (memory,) = sentences_of("Ben is at No. 12 Main Street.")
    pieces = [Sentence(document=memory.document, position=0, start=start, end=end) for start, end in ((0, 13), (13, 16), (16, 29))]
    (verdict,) = verify("at No. 12 Main Street.", pieces)
    assert verdict.sources == (0, 1, 2)
    assert not verdict.unsupported


@pytest.mark.parametrize(
    ("reply", "context", "kind"),
    [
        ("5 mg of it.", "Anna takes 15 mg of it.", "number"),
        ("5 mg of it.", "Anna takes 1.5 mg of it.", "number"),
        ("500 euros a month.", "Anna pays 1,500 euros a month.", "amount"),
        ("The rent went up by 2.", "The rent went up by 2.5 percent.", "number"),
    ],
)
def test_part_of_a_word_or_of_a_number_is_no_quotation(reply: str, context: str, kind: str) -> None:
    assert kinds(reply, context) == {kind}


def test_a_sentence_that_was_cut_inside_a_word_can_be_quoted() -> None:
    sentences = sentences_of("".join(f"x{number}" for number in range(300)))
    assert len(sentences) == 2
    for number, sentence in enumerate(sentences):
        (verdict,) = verify(sentence.text, sentences)
        assert number in verdict.sources
        assert verdict.support == 1
        assert not verdict.unsupported


def test_nothing_is_said_in_an_empty_reply_or_by_punctuation() -> None:
    sentences = sentences_of("Anna moved to Rome.")
    assert verify("", sentences) == ()
    (verdict,) = verify("...", sentences)
    assert (verdict.sources, verdict.support, verdict.unsupported) == ((), 0.0, ())


def test_without_sources_everything_is_unsupported() -> None:
    (verdict,) = verify("Anna moved to Rome on 3 May with her two old cats.", ())
    assert {claim.kind for claim in verdict.unsupported} >= {"date", "number", "name"}
    assert verdict.sources == ()


def test_a_link_goes_to_the_sentences_that_carry_the_content() -> None:
    sentences = sentences_of("It rained. Anna adopted two cats from the shelter. Ben sold the piano in March.", "We ate pancakes.")
    first, second = verify("The piano was sold by Ben. Two shelter cats were adopted by Anna.", sentences)
    assert (first.sources, second.sources) == ((2,), (1,))
    assert first.support > 0.7
    assert not first.unsupported + second.unsupported


@pytest.mark.parametrize(
    ("texts", "tom"),
    [
        (["Ben lives in Porto. He pays 900 euros. It rained. Tom lives in Rome. He pays 900 euros."], {3, 4}),
        (["Ben lives in Porto. He pays 900 euros.", "Tom lives in Rome. He pays  900 euros."], {2, 3}),
    ],
)
def test_of_sentences_that_say_the_same_each_is_linked(texts: list[str], tom: set[int]) -> None:
    reply = "Ben lives in Porto and pays 900 euros. Tom lives in Rome and pays 900 euros."
    verdicts = verify(reply, sentences_of(*texts))
    assert [verdict.unsupported for verdict in verdicts] == [(), ()]
    assert tom <= set(verdicts[1].sources)
    (_, copied) = verify("Tom lives in Rome. He pays 900 euros.", sentences_of(*texts))
    assert copied.sources == (1, max(tom)), "the first, and what says the same"
    assert kinds("Ana lives in Rome and pays 900 euros.", *texts), "nobody says that of her"


def test_of_very_many_that_say_the_same_those_beside_the_other_links_are_taken() -> None:
    text = "Ben lives in Porto. " + "He pays 900 euros. " * 500 + "Tom lives in Rome. He pays 900 euros."
    (verdict,) = verify("Tom lives in Rome and pays 900 euros.", sentences_of(text))
    assert {501, 502} <= set(verdict.sources)
    assert not verdict.unsupported
    assert len(verdict.sources) < 100


def test_what_shares_less_has_less_support() -> None:
    sentences = sentences_of("Anna adopted two cats from the shelter.")
    near, far = verify("Anna adopted two cats. Anna inherited a vineyard in Tuscany.", sentences)
    assert near.support > far.support


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("1,000", "en", Number(1000)),
        ("1.000", "de", Number(1000)),
        ("1 000", "fr", Number(1000)),
        ("1.250,50", "de", Number(1250.5)),
        ("two hundred and five", "en", Number(205)),
        ("twenty-five", "en", Number(25)),
        ("zweiundzwanzig", "de", Number(22)),
        ("quatre-vingt-dix-sept", "fr", Number(97)),
        ("treinta y cinco", "es", Number(35)),
        ("ventotto", "it", Number(28)),
        ("trinta e cinco", "pt", Number(35)),
        ("2.5 million", "en", Number(2_500_000)),
        ("3 May", "en", Day(month=5, day=3)),
        ("May 3rd", "en", Day(month=5, day=3)),
        ("the third of May", "en", Day(month=5, day=3)),
        ("2026-05-03", "en", Day(2026, 5, 3, 6)),
        ("03/05/2026", "en", Day(2026, 5, 3, 6)),
        ("3. Mai", "de", Day(month=5, day=3)),
        ("3.5.", "de", Day(month=5, day=3)),
        ("le 3 mai", "fr", Day(month=5, day=3)),
        ("3 de mayo de 2026", "es", Day(2026, 5, 3, 6)),
        ("il 3 maggio", "it", Day(month=5, day=3)),
        ("3 de maio", "pt", Day(month=5, day=3)),
        ("2026年5月3日", "en", Day(2026, 5, 3, 6)),
        ("on Monday", "en", Day(weekday=0)),
        ("4 to 8 April", "en", Day(month=4, day=4)),
        ("April 4-8", "en", Day(month=4, day=8)),
        ("3 pm", "en", Clock(15 * 60)),
        ("half past three", "en", Clock(15 * 60 + 30)),
        ("15h30", "fr", Clock(15 * 60 + 30)),
        ("halb vier", "de", Clock(15 * 60 + 30)),
        ("$1,200", "en", Quantity("usd", 1200, 1200)),
        ("20 Euro", "de", Quantity("eur", 20, 20)),
        ("5 to 10 kg", "en", Quantity("mass", 5000, 5)),
        ("a year and a half", "en", Quantity("months", 18, 1.5)),
        ("90 minutes", "en", Quantity("time", 5400, 90)),
        ("1 h 30 min", "en", Quantity("time", 5400, 1.5)),
        ("thirty percent", "en", Quantity("share", 30, 30)),
        ("twice a week", "en", Rate("week")),
        ("+49 170 1234567", "en", Contact("701234567")),
        ("https://www.example.org/a/", "en", Contact("example.org/a")),
        ("order INV-2041", "en", Contact("inv2041")),
    ],
)
def test_a_figure_is_read_as(text: str, code: str, found: Meaning) -> None:
    assert any(found in options for options in meanings(text, code)), meanings(text, code)


@pytest.mark.parametrize("text", ["you may go", "march on", "a cat", "one of us", "he sat down", "the second", "24 hours a day, once"])
def test_ordinary_words_are_no_dates(text: str) -> None:
    assert not any(isinstance(meaning, Day) for options in meanings(text) for meaning in options)


def test_long_rows_of_digits_are_signs_not_numbers() -> None:
    assert [type(options[0]) for options in meanings("9" * 5000)] == [Contact]
    assert not any(token.values for token in tokenize("1.2.3.4"))


@pytest.mark.parametrize(
    ("reply", "source"),
    [
        ("Anna pays 1000 euros.", "Anna pays €1,000 for it."),
        ("Anna has 2 cats.", "Anna has two cats."),
        ("The exam takes 90 minutes.", "The exam takes an hour and a half."),
        ("The meeting is at 15:00.", "The meeting is at 3 pm."),
        ("She arrives at 3 pm.", "She arrives at 3."),
        ("The visit is on May 3rd.", "The visit is on 3 May 2026."),
        ("Her course ends on Monday, 4 May.", "Her course ends on 2026-05-04."),
        ("She met Weber in Bonn.", "In Bonn she met Dr. Anna Weber."),
        ("Anna no longer eats meat.", "Anna stopped eating meat."),
        ("Anna dislikes olives.", "Anna doesn't like olives."),
        ("He takes his pills every day.", "He takes his pills daily."),
        ("She moved from Spain.", "The Spanish woman moved."),
    ],
)
def test_the_same_in_other_words_is_faithful(reply: str, source: str) -> None:
    assert kinds(reply, source) == set()


@pytest.mark.parametrize(
    ("reply", "source", "kind"),
    [
        ("Anna has three cats.", "Anna has two cats.", "number"),
        ("Anna has 2 dogs and 3 cats.", "Anna has 3 dogs and 2 cats.", "number"),
        ("The visit is on 4 May.", "The visit is on 3 May.", "date"),
        ("The dentist is on 7 May.", "The dentist is on 3 May, the flight leaves on 7 May.", "date"),
        ("We meet at 4 pm.", "We meet at 3 pm.", "time"),
        ("We meet at 3 am in the bar.", "We meet at 3 pm in the bar.", "time"),
        ("Take 5 g of it.", "Take 5 mg of it.", "unit"),
        ("She runs 10 miles.", "She runs 10 km.", "unit"),
        ("He pays $20 for it.", "He pays €20 for it.", "amount"),
        ("Write to ana@x.org.", "Write to anna@x.org.", "contact"),
        ("Berta moved to Rome.", "Anna moved to Rome.", "name"),
        ("Anna moved to Paris.", "Anna moved to Rome.", "name"),
        ("Anna eats fish.", "Anna doesn't eat fish.", "negation"),
        ("Anna doesn't eat fish.", "Anna eats fish.", "negation"),
        ("She likes olives.", "She hates olives.", "negation"),
        ("Ben is ill.", "Anna is ill. Ben is fine.", "attribution"),
        ("Anna takes the blue pills.", "Anna takes the red pills and Ben takes the blue pills.", "attribution"),
        ("Anna owns a vineyard in the hills near the coast.", "In the evening Anna reads books.", "content"),
        ("Ich esse Fleisch.", "Ich esse kein Fleisch.", "negation"),
        ("Elle mange de la viande.", "Elle ne mange pas de viande.", "negation"),
        ("Ella come carne con la familia.", "Ella no come carne con la familia.", "negation"),
        ("Lei mangia la carne.", "Lei non mangia la carne.", "negation"),
        ("Ela come carne com leite.", "Ela não come carne com leite.", "negation"),
        ("山本さんは魚を食べます。", "田中さんは魚を食べます。", "name"),
        ("我每天吃40毫克。", "我每天吃20毫克。", "number"),
    ],
)
def test_a_planted_error_is_found(reply: str, source: str, kind: str) -> None:
    assert kind in kinds(reply, source)


def test_a_pronoun_stands_for_the_name_before_and_a_label_for_i() -> None:
    assert kinds("Anna has two cats.", "Anna moved to Rome. She has two cats.") == set()
    chat = "Anna: I have two cats.\nBen: I have a dog.\nAnna: Nice."
    assert kinds("Anna has two cats.", chat) == set()
    assert "attribution" in kinds("Ben has two cats.", chat)


def test_a_language_that_is_not_known_is_only_checked_for_figures() -> None:
    source = "Sinds maart slik ik elke ochtend 25 mg metoprolol. Mijn zus Fleur woont in Zwolle."
    assert kinds("Slikt iedere ochtend 25 mg metoprolol, zus Fleur woont in een huis te Zwolle.", source) == set()
    assert kinds("Slikt iedere ochtend 52 mg metoprolol.", source) == {"number"}


def test_citations_link_are_checked_and_leave_the_text() -> None:
    sentences = sentences_of("Ben was ill. Ben left Oslo. Anna stayed in Bergen.")
    left, stayed = verify("Ben left Oslo [2]. Anna stayed in Bergen. [3]", sentences, cited=True)[:2]
    assert (left.text, left.sources, left.unsupported) == ("Ben left Oslo. ", (1,), ())
    assert (stayed.sources, stayed.unsupported) == ((2,), ())
    (wrong,) = verify("The rent is 900 euros [1].", sentences_of("Ben was ill. It rained. We ate. The rent is 900 euros."), cited=True)
    assert wrong.sources == (0,)
    assert wrong.unsupported
    (nothing,) = verify("Ben left Oslo [9].", sentences, cited=True)
    assert nothing.unsupported == (Claim("attribution", "[9]"),)


def test_a_citation_after_the_stop_belongs_to_the_sentence_before() -> None:
    reply = "He left. [3] She stayed. [1, 4-5]"
    spans = split_sentences(reply, "sentence")
    assert read_citations(reply, spans)[:2] == [CitedText("He left. ", (3,)), CitedText(" She stayed. ", (1, 4, 5))]


def test_the_language_is_told_by_its_small_words() -> None:
    assert [
        getattr(tell_language(text), "code", None) for text in ("Ich esse kein Fleisch", "Je ne mange pas de viande", "日本語です")
    ] == ["de", "fr", None]
