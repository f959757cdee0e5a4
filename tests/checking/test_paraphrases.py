"""What people and models write in other words, and what it must not excuse: each pair stands for a kind of false alarm."""

from __future__ import annotations

import pytest

from attngs.checking.verify import verify
from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence


def kinds(reply: str, source: str) -> set[str]:
    document = Document(id="note", text=source)
    sentences = [Sentence(document=document, position=0, start=start, end=end) for start, end in split_sentences(source, "sentence")]
    return {claim.kind for verdict in verify(reply, sentences) for claim in verdict.unsupported}


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("The migraines are gone since May.", "Migraines have stopped since May."),
        ("The valve will hold another year at most.", "The valve lasts no longer than one more year."),
        ("The shelf is covered, the stove isn't.", "They cover the shelf but not the stove."),
        ("The play for March is settled. June is still open.", "Nothing has been settled for June."),
        ("Visits are fine from ten on, except on Fridays.", "Visits are possible from ten onwards on any day but Friday."),
        ("Rosa has a bad nut allergy.", "Rosa can eat plums but not nuts."),
        ("No fires before six.", "Fires are allowed from six on."),
        ("Next week the juniors play, so the seniors stay home.", "The seniors do not play next week."),
        ("She can skip the scales, but not the prelude.", "She still has to practise the prelude."),
        ("He smoked nothing apart from a cigar in Rome.", "He was smoke-free, except for a cigar in Rome."),
        ("I quit the band in spring.", "The user left the band in spring."),
        ("Children are not allowed without a parent.", "Children need a parent with them."),
        ("Gran can't do the stairs alone.", "Gran needs help on the stairs."),
        ("We had two working pumps; now there is one.", "One of the two pumps no longer works."),
        ("Karl eats anything but olives, Pia says.", "Pia says that Karl does not eat olives."),
    ],
)
def test_a_denial_in_other_words_is_faithful(source: str, reply: str) -> None:
    assert "negation" not in kinds(reply, source)


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("Rosa has a bad nut allergy.", "Rosa tolerates nuts."),
        ("No fires before six.", "Fires are allowed before six."),
        ("Next week the juniors play.", "The juniors do not play next week."),
        ("I quit the band in spring.", "The user did not quit the band."),
        ("Gran can't do the stairs alone.", "Gran can do the stairs alone."),
        ("The bus runs every day but Sunday.", "The bus does not run every day but Sunday."),
    ],
)
def test_a_denial_turned_round_is_not(source: str, reply: str) -> None:
    assert "negation" in kinds(reply, source)


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("84 guests, 11 of them children.", "There are 84 guests: 73 adults and 11 children."),
        ("He gets 180 grams a day, split into two meals.", "He gets 90 grams twice daily."),
        ("The deposit was 1,800 and each of us paid half.", "Each of them paid 900 of the deposit."),
        ("Rome was 4:12. In Oslo I ran 3:58.", "Oslo was faster than Rome by 14 minutes."),
        ("The ferry leaves at 8:55, check-in closes half an hour earlier.", "Check-in closes at 8:25."),
        ("It is due on 31 July. Remind me a week before.", "The reminder should come on 24 July."),
        ("The lease ends on 30 September, cancel three months ahead.", "The lease must be cancelled by the end of June."),
        ("The recipe takes 400 g of lentils. I double it.", "The user makes twice the amount, that is 800 g of lentils."),
        ("The price had doubled.", "The price was twice as high."),
        ("Nina takes biology, French and art.", "Nina takes three subjects: biology, French and art."),
        ("There are twelve sessions; you pass if you attend ten.", "Attending ten of the twelve sessions is enough to pass."),
        ("Bedtime is eight on school nights and nine at weekends.", "Bedtime on school nights is at 8, on weekends at 9."),
        ("The club picked Emma for May.", "The club reads Emma in May."),
    ],
)
def test_what_follows_from_figures_is_faithful(source: str, reply: str) -> None:
    assert kinds(reply, source).isdisjoint({"number", "unit", "date", "time", "amount"})


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("84 guests, 11 of them children.", "There are 84 guests: 74 adults and 11 children."),
        ("He gets 180 grams a day, split into two meals.", "He gets 80 grams twice daily."),
        ("Rome was 4:12. In Oslo I ran 3:58.", "Oslo was faster than Rome by 15 minutes."),
        ("The ferry leaves at 8:55, check-in closes half an hour earlier.", "Check-in closes at 8:20."),
        ("It is due on 31 July. Remind me a week before.", "The reminder should come on 25 July."),
        ("Nina takes biology, French and art.", "Nina takes four subjects: biology, French and art."),
    ],
)
def test_a_wrong_result_is_not(source: str, reply: str) -> None:
    assert kinds(reply, source) & {"number", "unit", "date", "time", "amount"}


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("We took a cottage in Wales instead of Greece.", "Instead of Greece the family is going to a cottage in Wales."),
        ("I asked for a new lamp.", "A new lamp is what the user is asking for."),
        ("I should stop the tablets five days before.", "The user was told to stop the tablets five days before."),
        ("I still can't sleep through.", "Sleeping through is still not possible."),
        ("The exam is optional.", "There's an exam, but it is voluntary."),
        ("The man from Brandt said the pump won't last.", "The pump will not last, said the man from Brandt."),
        ("In the United States, schools set the rules.", "Schools set the rules in the United States."),
        (
            "The new brand was bad; nobody liked it. So we bought the old brand again.",
            "Nobody liked the new brand, so they bought the old one again.",
        ),
        ("Loud restaurants I avoid.", "Noisy restaurants are avoided."),
        ("The offices are closed for New Year.", "For New Year, the offices are closed."),
    ],
)
def test_other_words_are_no_other_claims(source: str, reply: str) -> None:
    assert not kinds(reply, source)
