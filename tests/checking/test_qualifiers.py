"""What a reply may not change beside names and figures: how sure, how many, when, on which condition, in which order, and why."""

from __future__ import annotations

import pytest

from attngs.checking.language.languages import english
from attngs.checking.language.tenses import states, tenses, verb_times
from attngs.checking.language.tokens import tokenize
from attngs.checking.verify import verify
from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence


def kinds(reply: str, source: str) -> set[str]:
    document = Document(id="note", text=source)
    sentences = [Sentence(document=document, position=0, start=start, end=end) for start, end in split_sentences(source, "sentence")]
    return {claim.kind for verdict in verify(reply, sentences) for claim in verdict.unsupported}


@pytest.mark.parametrize(
    ("kind", "source", "reply"),
    [
        ("modality", "Greta might sell the boat in spring.", "Greta will sell the boat in spring."),
        ("modality", "Guests may park in the yard.", "Guests must park in the yard."),
        ("modality", "You must rinse the filter weekly.", "You may rinse the filter weekly."),
        ("modality", "The dentist recommends a crown on the upper molar.", "The dentist put a crown on the upper molar."),
        ("quantity", "Some of the parents signed the letter.", "All of the parents signed the letter."),
        ("quantity", "Udo rarely drinks wine with his supper.", "Udo often drinks wine with his supper."),
        ("quantity", "The market is open every other Saturday.", "The market is open every Saturday."),
        ("quantity", "At least ten members have to vote.", "At most ten members have to vote."),
        ("tense", "Lena used to teach chemistry.", "Lena teaches chemistry."),
        ("tense", "Karim will start the course in May.", "Karim started the course in May."),
        ("tense", "I had a parrot in Cadiz.", "The user has a parrot."),
        ("tense", "My aunt was a pilot.", "The user's aunt is a pilot."),
        ("tense", "The firm roasted oats until the flood.", "The firm roasts oats."),
        ("tense", "Rolf is a former judge.", "Rolf is a judge."),
        ("tense", "We once had two goats.", "They have two goats."),
        ("modality", "Greta wants to sell the boat.", "Greta sold the boat."),
        ("modality", "Perhaps Greta will sell the boat.", "Greta is going to sell the boat."),
        ("modality", "The crane will definitely come on Friday.", "The crane may come on Friday."),
        ("quantity", "Parts of the roof leak.", "The whole roof leaks."),
        ("quantity", "Two out of six lamps flicker.", "All of the lamps flicker."),
        ("condition", "If the paint dries I'll hang the shelf.", "The user will hang the shelf today."),
        ("attribution", "They say the ferry is late.", "The ferry is late today."),
        ("attribution", "I heard that Ken sold his van.", "Ken sold the van."),
        ("attribution", "It is said that the well is dry.", "The old well is dry."),
        ("attribution", "Her landlord thinks she is messy.", "Elsa is messy."),
        ("condition", "Take the drops if the eye burns.", "Take the drops."),
        ("condition", "Call me unless the parcel arrives.", "Call me if the parcel arrives."),
        ("attribution", "The seller claims that the roof was renewed.", "The roof was renewed."),
        ("attribution", "The tenant says the lock was broken.", "The caretaker says the lock was broken."),
        ("comparison", "The blue tent is heavier than the green tent.", "The green tent is heavier than the blue tent."),
        ("comparison", "The blue tent is heavier than the green tent.", "The blue tent is lighter than the green tent."),
        ("comparison", "Nora prefers chess to cards.", "Nora prefers cards to chess."),
        ("comparison", "The grey cat is shyer than the black cat.", "The black cat is shyer than the grey one."),
        ("comparison", "The train costs less than the coach.", "The coach is cheaper than the train."),
        ("comparison", "The desk weighs more than the bed.", "The bed is heavier than the desk."),
        ("comparison", "The steel pan outlasts the copper pan.", "The copper pan lasts longer than the steel one."),
        ("comparison", "I like figs more than dates.", "The user prefers dates over figs."),
        ("comparison", "Nora rates chess above cards.", "Nora ranks cards over chess."),
        ("comparison", "Team B answered more quickly than team A.", "Team A was quicker than team B to answer."),
        ("comparison", "The attic is warmer, the cellar is damp.", "The cellar is warmer than the attic."),
        ("order", "Wash the knives first and peel the onions later.", "Peel the onions first and wash the knives afterwards."),
        ("order", "The choir sang first, the band second.", "The band played before the choir."),
        ("order", "Kiel opened in May, Oslo two weeks later.", "Oslo opened before Kiel."),
        ("order", "We ate soup, followed by trout.", "They ate trout first and then soup."),
        ("order", "Peel the onions before you wash the knives.", "Wash the knives before you peel the onions."),
        ("order", "After the exam I flew to Malta.", "I flew to Malta before the exam."),
        ("order", "The ferry goes from Kiel to Oslo.", "The ferry goes from Oslo to Kiel."),
        ("cause", "We sold the piano because the stairs are steep. The cats fell ill.", "We sold the piano because the cats fell ill."),
        ("cause", "The pipe burst, so the cellar flooded.", "The pipe burst because the cellar flooded."),
    ],
)  # fmt: skip
def test_what_the_sources_qualify_or_relate_otherwise_is_unsupported(kind: str, source: str, reply: str) -> None:
    assert kind in kinds(reply, source)


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("Greta might sell the boat in spring.", "Perhaps Greta will sell the boat in spring."),
        ("Guests may park in the yard.", "Guests are allowed to park in the yard."),
        ("You must rinse the filter weekly.", "The filter has to be rinsed weekly."),
        ("Rinse the filter weekly.", "The filter must be rinsed weekly."),
        ("Most of the parents signed the letter.", "The majority of parents signed the letter."),
        ("At least ten members have to vote.", "A minimum of ten members must vote."),
        ("Lena used to teach chemistry.", "Lena taught chemistry."),
        ("Lena no longer teaches chemistry.", "Lena used to teach chemistry."),
        ("Karim will start the course in May.", "Karim is going to start the course in May."),
        ("Take the drops if the eye burns.", "In case the eye burns, take the drops."),
        ("Call me unless the parcel arrives.", "Call me if the parcel does not arrive."),
        ("My aunt was a pilot.", "The user's aunt worked as a pilot."),
        ("The firm roasted oats until the flood.", "Until the flood, oats were roasted at the firm."),
        ("Parking used to be free, but now it costs 8 euros.", "Parking, once free, is now 8 euros."),
        ("You wanted to know about the sauna: it is open daily.", "The sauna is open daily."),
        ("If the paint dries I'll hang the shelf.", "Once the paint is dry, the user hangs the shelf."),
        ("She'll sell the house only if my uncle agrees.", "The house is sold solely with the uncle's consent."),
        ("They say the ferry is late.", "The ferry is said to be late."),
        ("Gil told me the ferry is late.", "As Gil puts it, the ferry is late."),
        ("Her landlord thinks she is messy.", "In the landlord's eyes she is messy."),
        ("Nearly all windows were closed.", "Only a few windows stayed open."),
        ("The class has at least 20 pupils.", "The class has 20 pupils or more."),
        ("The grey cat is shyer than the black cat.", "The black cat is less shy than the grey one."),
        ("The train costs less than the coach.", "The coach is dearer than the train."),
        ("I like figs more than dates.", "The user prefers figs over dates."),
        ("The attic is warmer, the cellar is damp.", "The attic is warmer than the cellar."),
        ("The choir sang first, the band second.", "The choir sang before the band."),
        ("Kiel opened in May, Oslo two weeks later.", "Oslo opened after Kiel."),
        ("The seller claims that the roof was renewed.", "According to the seller, the roof was renewed."),
        ("Tom says he will bring the ladder.", "Tom will bring the ladder."),
        ("The blue tent is heavier than the green tent.", "The green tent is lighter than the blue tent."),
        ("Nora prefers chess to cards.", "Nora would rather play chess than cards."),
        ("Peel the onions before you wash the knives.", "Wash the knives after you peel the onions."),
        ("First peel the onions, then wash the knives.", "Peel the onions before washing the knives."),
        ("The pipe burst, so the cellar flooded.", "The cellar flooded because the pipe burst."),
        ("Because the pipe burst, the cellar flooded.", "The pipe burst and so the cellar flooded."),
    ],
)
def test_other_words_for_the_same_are_faithful(source: str, reply: str) -> None:
    assert not kinds(reply, source)


@pytest.mark.parametrize(
    ("reply", "supported"),
    [
        ("Paint and brushes cost 200 euros in total.", True),
        ("Paint cost 40 euros more than the brushes.", True),
        ("Paint and brushes cost 210 euros in total.", False),
        ("Paint and brushes cost 200 euros.", False),  # it does not say that it has reckoned
    ],
)
def test_simple_arithmetic_is_faithful_where_the_reply_says_that_it_has_reckoned(reply: str, supported: bool) -> None:
    assert (not kinds(reply, "We spent 120 euros on paint and 80 on brushes.")) is supported


def test_a_part_of_a_number_counts_the_same_thing() -> None:
    assert not kinds("Three printers are leased.", "Three of the five printers are leased.")
    assert kinds("Four printers are leased.", "Three of the five printers are leased.")


def test_another_language_is_not_judged_by_english_cues() -> None:
    assert not kinds("Greta verkauft das Boot im Frühling.", "Greta verkauft vielleicht das Boot im Frühling.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("she grew roses", {"past"}),
        ("the roses are watered", {"present"}),
        ("they have sold it", {"past"}),
        ("it is to be sold", {"present"}),
        ("he plans trips", {"present"}),
    ],
)
def test_when_a_clause_holds(text: str, expected: set[str]) -> None:
    assert tenses(tokenize(text, english()), ()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he was a judge and has two dogs", [("be", True), ("have", False)]),
        ("she is still in hospital", [("be", False)]),
        ("he is a retired judge", [("be", True)]),
        ("they used to have a dog", [("have", True)]),
        ("the house was sold", []),
        ("she will have a baby", []),
    ],
)
def test_states_and_whether_they_have_ended(text: str, expected: list[tuple[str, bool]]) -> None:
    assert [(state.verb, state.past) for state in states(tokenize(text, english()))] == expected


def test_verbs_that_show_their_time() -> None:
    assert verb_times(tokenize("I grow roses and he sold tulips", english())) == {
        "rais": "present",
        "rose": "present",
        "sell": "past",
        "tulip": "present",
    }
