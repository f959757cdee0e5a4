"""What people say about themselves and others, and how one asks for it: the words of the task, as data.

In a template `[I live|P lives]` is read on the left of the bar when the user speaks of himself and on the right for another person, `P` is
that person's name and `V` the value. The decoder is trained on the wordings in `asks`. Those in `held_out` hold no word that it does not
know; the first one stands in labelled questions too, the second in the test alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One kind of fact: each person has at most one current value."""

    values: tuple[str, ...]
    says: tuple[str, ...]
    changes: tuple[str, ...]
    """How a new value is told; the plain wordings are used for that as well."""
    asks: tuple[str, ...]
    held_out: tuple[str, ...]


def _values(text: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in text.split(","))


TOPICS: dict[str, Topic] = {
    "city": Topic(
        values=_values(
            "Paris, Rome, Oslo, Lisbon, Berlin, Madrid, Dublin, Vienna, Boston, Chicago, New York, Cairo, Tokyo, Sydney, Prague"
        ),
        says=("[I live|P lives] in V.", "[My|P's] home is in V.", "[I have|P has] a small flat in V."),
        changes=("[I|P] moved to V.", "[I now live|P now lives] in V.", "[My|P's] new home is in V."),
        asks=("Where [do I|does P] live?", "Which city [do I|does P] live in?", "In which city is [my|P's] home?"),
        held_out=("Where is [my|P's] home?", "What is the city [I live|P lives] in?"),
    ),
    "food": Topic(
        values=_values("pizza, sushi, pasta, soup, rice, curry, bread, cheese, salad, noodles, pancakes, tacos, fish, ramen, apple pie"),
        says=("[My|P's] favourite food is V.", "[I love|P loves] to eat V.", "For dinner [I like|P likes] V best."),
        changes=("[My|P's] new favourite food is V.", "For dinner [I now like|P now likes] V best."),
        asks=("What is [my|P's] favourite food?", "Which food [do I|does P] like best?", "What [do I|does P] love to eat?"),
        held_out=("Which food is [my|P's] favourite?", "What [do I|does P] like to eat best?"),
    ),
    "drink": Topic(
        values=_values("coffee, tea, milk, water, juice, cocoa, wine, beer, cola, cider, lemonade, red wine, green tea"),
        says=("[My|P's] favourite drink is V.", "[I love|P loves] to drink V.", "[I drink|P drinks] V every morning."),
        changes=("[My|P's] new favourite drink is V.", "[I now drink|P now drinks] V every morning."),
        asks=("What is [my|P's] favourite drink?", "Which drink [do I|does P] like best?", "What [do I|does P] drink every morning?"),
        held_out=("Which drink is [my|P's] favourite?", "What [do I|does P] love to drink every morning?"),
    ),
    "pet": Topic(
        values=_values("cat, dog, rabbit, parrot, hamster, turtle, horse, pony, snake, lizard, canary, goat, guinea pig"),
        says=("[My|P's] pet is a V.", "[I have|P has] a V at home.", "[I take|P takes] care of a V."),
        changes=("[My|P's] new pet is a V.", "[I now have|P now has] a V at home."),
        asks=("What pet [do I|does P] have?", "Which animal [do I|does P] take care of?", "What animal [do I|does P] have at home?"),
        held_out=("Which pet [do I|does P] have at home?", "What is [my|P's] pet?"),
    ),
    "job": Topic(
        values=_values("teacher, doctor, nurse, lawyer, baker, pilot, farmer, singer, writer, painter, driver, waiter, police officer"),
        says=("[I work|P works] as a V.", "[My|P's] job is to be a V.", "[I earn my|P earns a] living as a V."),
        changes=("[I now work|P now works] as a V.", "[I|P] became a V.", "[My|P's] new job is to be a V."),
        asks=("What is [my|P's] job?", "What [do I|does P] do for a living?", "What [do I|does P] work as?"),
        held_out=("Which job [do I|does P] have?", "What [do I|does P] do as a job?"),
    ),
    "hobby": Topic(
        values=_values(
            "chess, yoga, hiking, fishing, dancing, cooking, reading, knitting, climbing, gardening, sailing, cycling, card games"
        ),
        says=("[My|P's] hobby is V.", "[I spend my|P spends the] free time with V.", "On weekends [I enjoy|P enjoys] V."),
        changes=("[My|P's] new hobby is V.", "On weekends [I now enjoy|P now enjoys] V.", "[I|P] took up V."),
        asks=("What is [my|P's] hobby?", "How [do I|does P] spend free time?", "What [do I|does P] enjoy on weekends?"),
        held_out=("Which hobby [do I|does P] have?", "What [do I|does P] do with free time on weekends?"),
    ),
    "colour": Topic(
        values=_values("red, blue, green, yellow, black, white, pink, purple, orange, brown, grey, silver, dark blue"),
        says=("[My|P's] favourite colour is V.", "[I like|P likes] the colour V best.", "[I paint|P paints] every wall V."),
        changes=("[My|P's] new favourite colour is V.", "[I now like|P now likes] the colour V best."),
        asks=("What is [my|P's] favourite colour?", "Which colour [do I|does P] like best?", "What colour [do I|does P] paint every wall?"),
        held_out=("Which colour is [my|P's] favourite?", "What is the colour [I like|P likes] best?"),
    ),
    "music": Topic(
        values=_values("piano, guitar, violin, flute, drums, cello, harp, trumpet, organ, banjo, clarinet, bass guitar"),
        says=("[I play|P plays] the V.", "[My|P's] instrument is the V.", "[I practise|P practises] the V at night."),
        changes=("[My|P's] new instrument is the V.", "[I now play|P now plays] the V."),
        asks=("Which instrument [do I|does P] play?", "What is [my|P's] instrument?", "What [do I|does P] practise at night?"),
        held_out=("What instrument [do I|does P] practise?", "What is the instrument [I play|P plays]?"),
    ),
    "language": Topic(
        values=_values("French, Italian, Spanish, German, Greek, Polish, Arabic, Korean, Hindi, Turkish, Dutch, Swedish"),
        says=("[I am|P is] learning V.", "[I take|P takes] V lessons.", "[I study|P studies] V in the evening."),
        changes=("[I am|P is] now learning V.", "[I|P] started to study V."),
        asks=("Which language [am I|is P] learning?", "What language [do I|does P] study?", "Which lessons [do I|does P] take?"),
        held_out=("What language [am I|is P] learning?", "Which language [do I|does P] study in the evening?"),
    ),
    "allergy": Topic(
        values=_values("nuts, eggs, pollen, dust, wheat, soy, shrimp, honey, garlic, mustard, celery, penicillin"),
        says=("[I am|P is] allergic to V.", "[I get|P gets] ill from V.", "The doctor told [me|P] to avoid V."),
        changes=("[I am|P is] now allergic to V.", "Now the doctor told [me|P] to avoid V."),
        asks=("What [am I|is P] allergic to?", "What must [I|P] avoid?", "What [do I|does P] get ill from?"),
        held_out=("What makes [me|P] ill?", "What [am I|is P] told to avoid?"),
    ),
}

NAMES = (
    "Anna Ben Clara David Emma Felix Grace Hugo Iris Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tina Victor Wendy Zoe Adam Bella Carl "
    "Diana Eric Fiona George Helen"
).split()

FILLERS = (
    "The bus was late today.",
    "It rained all day.",
    "The weather was nice on Sunday.",
    "P called me last week.",
    "I met P at the station.",
    "P and Q went for a walk.",
    "P sent me a long letter.",
    "I watched a film with P.",
    "Q told P a funny story.",
    "I was tired after work.",
    "P lost the keys again.",
    "The new shop makes good coffee.",
    "I read a book about Rome.",
    "We saw a cat in the garden.",
    "P asked Q for help.",
    "The film was about a doctor.",
    "P and I talked about the weather.",
    "I slept badly last night.",
    "P forgot the birthday of Q.",
    "The phone is broken.",
)
"""Says nothing that is asked for; P and Q are two people."""
