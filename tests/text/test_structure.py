"""Which reader takes a text, and which units each unit is read with."""

from __future__ import annotations

import json

import pytest

from attngs.errors import ConfigError
from attngs.text.sentences import Splitter, split_sentences
from attngs.text.structure.reading import READERS, read_structure
from attngs.text.structure.units import Reader, Structure
from attngs.types import Document, Unit


def headed(text: str, **metadata: str) -> dict[str, tuple[str, ...]]:
    """Each unit's text -> its heads' texts, white space folded."""
    units = read_structure(text, **metadata).units
    folded = [" ".join(text[unit.start : unit.end].split()) for unit in units]
    return {folded[number]: tuple(folded[head] for head in unit.heads) for number, unit in enumerate(units)}


def format_of(text: str, **metadata: str) -> str:
    return read_structure(text, **metadata).format


# Prose and its marks


def test_a_sentence_has_the_headings_above_it() -> None:
    found = headed("# Bakery\n\n## Oven 1\n\nHeat it slowly. Set 210 degrees.\n\n## Oven 2\n\nSet 180 degrees.\n")
    assert found["Set 210 degrees."] == ("# Bakery", "## Oven 1")
    assert found["Set 180 degrees."] == ("# Bakery", "## Oven 2")
    assert found["## Oven 2"] == ("# Bakery",)


@pytest.mark.parametrize(
    "text",
    [
        "Oven 2\n======\nSet 180 degrees.\n",
        "OVEN TWO\n\nSet 180 degrees.\n",
        "**Oven 2**\n\nSet 180 degrees.\n",
        "Oven 2\n\nSet 180 degrees, and wait.\n",
        "2. Oven\n\nSet 180 degrees.\n",
        "== Oven 2 ==\nSet 180 degrees.\n",
        "Oven 2:\nSet 180 degrees.\n",
    ],
    ids=["setext", "capitals", "bold", "short line", "numbered", "wiki", "colon"],
)
def test_headings_of_many_looks(text: str) -> None:
    first, second = read_structure(text).units
    assert (first.kind, second.heads) == ("heading", (0,))


def test_a_list_item_has_its_parents_and_the_line_that_introduces_them() -> None:
    found = headed("Picnic\n- Drinks\n  - tea, two flasks\n- Food\n  1. bread\n  2. cheese\nWe leave at ten.\n")
    assert found["- tea, two flasks"] == ("Picnic", "- Drinks")
    assert found["2. cheese"] == ("Picnic", "- Food")
    assert found["We leave at ten."] == ()


def test_a_long_list_item_is_cut_and_its_first_part_is_the_head() -> None:
    text = "- The wheel is checked first. " + "Then it is turned by hand until it clicks. " * 12 + "\n- Next."
    units = read_structure(text).units
    assert len(units) == 3
    assert [unit.heads for unit in units] == [(), (0,), ()]


def test_a_table_row_has_the_header() -> None:
    text = "Torque of the pumps:\n\n| Pump | Nm |\n|---|---|\n| A | 12 |\n| B | 35 |\n\nDone."
    found = headed(text)
    assert found["| B | 35 |"] == ("Torque of the pumps:", "| Pump | Nm |")
    assert found["Done."] == ()


def test_code_stays_whole_or_is_read_with_its_definition() -> None:
    small = "Run this:\n\n```sh\nmake\nmake test\n```\n"
    assert headed(small) == {"Run this:": (), "```sh make make test ```": ("Run this:",)}
    body = "".join(f"    total_{number} = count(everything, {number})\n" for number in range(20))
    units = read_structure(f"# Code\n\n```python\ndef all():\n{body}```\n").units
    assert {unit.heads for unit in units[2:]} == {(0, 1)}


def test_quoted_text_has_the_line_that_says_who_is_quoted() -> None:
    found = headed("On Monday Ines wrote:\n> The train leaves at six.\n>\n> On Sunday Jo wrote:\n>> When?\n\nThanks.")
    assert found["> The train leaves at six."] == ("On Monday Ines wrote:",)
    assert found[">> When?"] == ("> > On Sunday Jo wrote:",)  # not Ines, who only quotes
    assert found["Thanks."] == ()


def test_front_matter_is_no_heading() -> None:
    assert headed("---\ntitle: Trip\ndate: 2025-01-02\n---\n\nWe go north.")["We go north."] == ()


def test_narrow_lines_and_hyphens_are_joined() -> None:
    text = (
        "The council has looked at the plan\nof 9 May. It finds that the new build-\ning is too high for the street and\n"
        "must lose a floor. A new plan may be\nsent in until August.\nIt must show the roof."
    )
    assert [" ".join(text[unit.start : unit.end].split()) for unit in read_structure(text).units] == [
        "The council has looked at the plan of 9 May.",
        "It finds that the new build- ing is too high for the street and must lose a floor.",
        "A new plan may be sent in until August.",
        "It must show the roof.",
    ]


def test_two_columns_are_read_one_by_one() -> None:
    text = (
        "The council has looked at the     Moro is the dog of the\n"
        "plan of 9 May. It must lose a     harbour master. He sleeps\n"
        "floor, or the light in the        in a boat, and is fed by\n"
        "street is gone.                   the crew of the ferry.\n"
    )
    found = headed(text)
    assert found["plan of 9 May."] == ("The council has looked at the",)
    assert found["in a boat, and is fed by"] == ("He sleeps",)
    assert found["the crew of the ferry."] == ("He sleeps", "in a boat, and is fed by")
    assert found["street is gone."] == ("It must lose a", "floor, or the light in the")


def test_columns_of_short_cells_are_a_table() -> None:
    assert headed("Pump    Nm   kg\nA       12   40\nB       35   41\n")["B 35 41"] == ("Pump Nm kg",)


def test_a_note_has_its_date_and_its_title() -> None:
    assert headed("2025-01-02\nWe sailed. It rained.\n\n2025-01-03\nInes was ill.\n")["Ines was ill."] == ("2025-01-03",)
    assert headed("My pills\nMorning: one\nEvening: two\n")["Evening: two"] == ("My pills",)


def test_a_date_that_opens_a_paragraph_is_the_head_of_the_entry() -> None:
    found = headed("3 May. Rain. We mended the nets.\n\n4 May: Ines was ill, and the boat\nstayed in.\n\n5 May – Sun. We sailed.\n")
    assert found["We mended the nets."] == ("3 May.",)
    assert found["Ines was ill, and the boat stayed in."] == ("4 May:",)
    assert found["We sailed."] == ("5 May –",)
    assert headed("In May 2024. We sailed. It was 5 May when we came.")["We sailed."] == ()


def test_indented_lines_have_the_line_above_them() -> None:
    found = headed("trip 1 | wind 3\n  day 1   12 miles\n  day 2   8 miles\ntrip 2 | wind 5\n  day 1   30 miles\nwe are home\n")
    assert found["day 1 30 miles"] == ("trip 2 | wind 5",)
    assert found["we are home"] == ()


def test_a_title_between_strokes_is_a_heading_without_them() -> None:
    found = headed("======== Harbour ========\nThe pier is closed.\n\n----- Boats -----\nMoro leaks.\n")
    assert found["Moro leaks."] == ("Harbour", "Boats")


def test_a_gap_behind_the_number_of_an_article_makes_no_table() -> None:
    found = headed("ARTICLE 4   Boats\n4.1  Each boat has a name.\n4.2  No boat sails alone.\nARTICLE 5   Nets\n5.1  Nets are dried.\n")
    assert found["4.2 No boat sails alone."] == ("ARTICLE 4 Boats",)
    assert found["5.1 Nets are dried."] == ("ARTICLE 5 Nets",)


def test_the_border_of_a_drawn_table_is_no_heading() -> None:
    border = "+-----+-----+"
    found = headed(f"Boats of the club\n{border}\n| No. | Name |\n{border}\n| 1 | Moro |\n| 2 | Tess |\n{border}\n")
    assert found["| 2 | Tess |"] == ("| No. | Name |",)


def test_an_article_has_its_name() -> None:
    found = headed("Article 5. Notice. Either party may write.\nArticle 6. End\nIt ends in May.\n")
    assert found["Either party may write."] == ("Article 5. Notice.",)
    assert found["It ends in May."] == ("Article 6. End",)


def test_short_lines_of_a_note_stay_apart() -> None:
    text = "Buy milk\nCall the plumber\nPay the rent"
    assert len(read_structure(text).units) == 3


def test_legal_numbering() -> None:
    text = (
        "2. Payment\n\n2.1 The fee is due monthly.\n2.2 A late fee is owed:\n(a) after ten days;\n(b) if there is\n"
        "(i) no notice; or\n(ii) no reply.\n\n"
        "3. End\n\n3.1 Either party may end it.\n\n§ 9 Notice. By letter only.\n"
    )
    found = headed(text)
    assert found["(ii) no reply."] == ("2. Payment", "2.2 A late fee is owed:", "(b) if there is")
    assert found["3.1 Either party may end it."] == ("3. End",)
    assert found["By letter only."] == ("§ 9 Notice.",)


def test_a_number_with_a_dot_for_thousands_is_no_article() -> None:
    found = headed("We offer:\n1.000 sheets: 90 euros\n2.500 sheets: 150 euros\nMore costs less. Ask us.\n")
    assert found["Ask us."] == ("We offer:",)


def test_letters_after_h_are_letters() -> None:
    text = "1. All\n" + "".join(f"({letter}) part {letter};\n" for letter in "abcdefghij")
    assert headed(text)["(i) part i;"] == headed(text)["(j) part j;"] == ("1. All",)


def test_an_answer_has_its_question() -> None:
    text = "Q: Where is the ladder?\nA: Behind the shed.\n\nQ: Who has the map?\nA: Jo. She is back on Friday.\n"
    assert headed(text)["A: Behind the shed."] == ("Q: Where is the ladder?",)
    assert headed(text)["A: Jo. She is back on Friday."] == ("Q: Who has the map?",)
    unlabelled = headed("Where is the ladder?\nBehind the shed.\n\nWho has the map?\nJo has it.\n\nBye.")
    assert unlabelled["Jo has it."] == ("Who has the map?",)
    assert unlabelled["Bye."] == ()


def test_questions_without_a_colon() -> None:
    found = headed('Guest 1 (alone)\n\nQ How was the soup?\nA Cold. I ate it.\n\nGuest 2 (with a dog)\n\nQ How was the soup?\nA "Hot."\n')
    assert found["A Cold. I ate it."] == ("Guest 1 (alone)", "Q How was the soup?")
    assert found['A "Hot."'] == ("Guest 2 (with a dog)", "Q How was the soup?")
    assert headed("A boat came in. It was late.\nA dog barked.") == {"A boat came in.": (), "It was late.": (), "A dog barked.": ()}


def test_questions_in_bold_and_in_spanish() -> None:
    found = headed("# Caldera\n\n**P: ¿Cómo se apaga?**\n\nR: Con la llave roja. Despacio.\n\n**P: ¿Y el agua?**\n\nR: También.\n")
    assert found["R: Con la llave roja. Despacio."] == ("# Caldera", "**P: ¿Cómo se apaga?**")


def test_text_without_structure_is_cut_as_the_splitter_cuts_it() -> None:
    text = "We live by the sea. The dog is called Moro.\nIt sleeps a lot, e.g. at noon. Dr. Lu came."
    structure = read_structure(text)
    assert [(unit.start, unit.end) for unit in structure.units] == split_sentences(text)
    assert {(unit.heads, unit.kind) for unit in structure.units} == {((), "sentence")}


# Talk

DISCORD = "nora — 03/02/2023 18:20\nwho has the key\nolaf — 03/02/2023 18:21\nme\nat home\n"


@pytest.mark.parametrize(
    "text",
    [
        "Nora: who has the key?\nOlaf: me\nNora: ok\nOlaf: at home\n",
        "[03/02/23, 18:20:11] Nora Berg: who has the key?\n[03/02/23, 18:21:40] Olaf: me\nat home\n",
        "03/02/23, 18:19 - Messages are encrypted.\n03/02/23, 18:20 - Nora: who has the key?\n03/02/23, 18:21 - Olaf: me\n",
        "<nora> who has the key\n<olaf> me\n<nora> ok\n<olaf> at home\n",
        "Nora:who has the key?\nOlaf:me\nNora:ok\nOlaf:at home\n",
        DISCORD,
        "nora  6:20 PM\nwho has the key\nolaf  6:21 PM\nme\n",
        "Nora Berg, [03.02.23 18:20]\nwho has the key\n\nOlaf, [03.02.23 18:21]\nme\n",
        "[6:20 PM] Nora Berg\nwho has the key\n[6:21 PM] Olaf\nme\n",
        "Nora Berg\n6:20 PM\nwho has the key\nOlaf\n6:21 PM\nme\n",
        "You said:\nWho has the key?\nChatGPT said:\nOlaf has it.\n",
        "### User\n\nWho has the key?\n\n### Assistant\n\nOlaf has it.\n",
        "User: who has the key?\nAssistant: Olaf has it.\n",
    ],
    ids=[
        "names",
        "whatsapp ios",
        "whatsapp android",
        "irc",
        "no space",
        "discord",
        "slack",
        "telegram",
        "teams",
        "teams two lines",
        "chatgpt",
        "roles",
        "model",
    ],
)
def test_a_turn_holds_its_speaker(text: str) -> None:
    structure = read_structure(text)
    assert structure.format == "chat"
    assert {unit.kind for unit in structure.units} == {"turn"}
    turn = next(text[unit.start : unit.end].lower() for unit in structure.units if "who has the key" in text[unit.start : unit.end].lower())
    assert "nora" in turn or "you" in turn or "user" in turn
    assert "olaf" not in turn


def test_a_line_below_belongs_to_the_turn() -> None:
    assert "olaf — 03/02/2023 18:21 me at home" in headed(DISCORD)


def test_a_time_below_a_speaker_with_a_time_is_text() -> None:
    text = "nora — 03/02/2023 18:20\n18:30\nolaf — 03/02/2023 18:21\n18:45\n"
    assert list(headed(text)) == ["nora — 03/02/2023 18:20 18:30", "olaf — 03/02/2023 18:21 18:45"]


def test_a_long_turn_has_its_speaker_as_head() -> None:
    answer = "First you mix flour and water and let them rest for a while. " * 10
    found = headed(f"You said:\nHow is bread made?\nChatGPT said:\nLike this:\n\n1. Mix.\n2. Bake.\n\n{answer}\n")
    assert found["2. Bake."] == ("ChatGPT said:", "Like this:")
    units = read_structure(f"Nora: hi\nOlaf: {answer}\nNora: aha\nOlaf: yes\n").units
    assert [unit.kind for unit in units[1:4]] == ["speaker", "turn", "turn"]
    assert units[2].heads == units[3].heads == (1,)


def test_a_day_is_the_head_of_its_turns() -> None:
    text = "2024/05/01(水)\n19:02\tNora\tWho has the key?\n19:05\tOlaf\tI do\n2024/05/02(木)\n08:11\tNora\tThanks\n"
    found = headed(text)
    assert (format_of(text), found["19:05 Olaf I do"], found["08:11 Nora Thanks"]) == ("chat", ("2024/05/01(水)",), ("2024/05/02(木)",))
    slack = "Monday, May 6th\nnora  6:20 PM\nwho has the key\nolaf  6:21 PM\nme\nTuesday, May 7th\nnora  8:00 AM\nthanks\n"
    assert headed(slack)["nora 8:00 AM thanks"] == ("Tuesday, May 7th",)


def test_a_word_with_a_number_is_no_day() -> None:
    text = "nora  6:20 PM\nthe boat lies at\npier 12\n\nolaf  6:21 PM\nuntil about 9\n\nnora  6:22 PM\nok\n"
    assert list(headed(text).values()) == [()] * 3
    for day in ("Monday, 4 May", "May 4th", "4. Mai", "4 de mayo", "4 мая", "kwiecień 4, 2023", "2023-05-04"):
        assert headed(f"{day}\n\nWe sailed.\n")["We sailed."] == (day,)
    assert headed("Room 12\nWe slept.\n")["We slept."] == ()


def test_a_file_that_is_called_a_log_may_hold_a_chat() -> None:
    chat = "".join(f"[18:{20 + i}] <{name}> {words}\n" for i, (name, words) in enumerate([("nora", "who has it?"), ("olaf", "me")] * 2))
    assert format_of(chat, source="harbour.log") == "chat"
    assert format_of(CALM, source="harbour.log") == "log"


def test_a_notice_is_no_part_of_a_turn() -> None:
    text = "[18:02] <nora> who has the key\n[18:03] <olaf> me\n[18:04] -!- olaf has quit\n[18:05] <nora> ok\n[18:06] <nora> bye\n"
    assert {"[18:03] <olaf> me", "[18:04] -!- olaf has quit"} <= headed(text).keys()


def test_a_word_before_a_colon_is_no_speaker() -> None:
    assert format_of("Note: the key is with Olaf.\nThe shed is open.\nAddress: Kai 3.\n") == "plain"
    assert format_of("We met at 18:20. Nora was late.\nAll were home by 19:00.\n") == "plain"


def test_a_sentence_of_subtitles_goes_on_without_the_stamps() -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:03,000\nWelcome. Add the salt\n\n2\n00:00:04,000 --> 00:00:06,000\nonly when the water\n\n"
        "3\n00:00:07,000 --> 00:00:09,000\nboils. Then stir.\n"
    )
    structure = read_structure(text)
    spoken = [unit for unit in structure.units if unit.kind != "markup"]
    words = [(text[unit.start : unit.end].strip(), unit.heads) for unit in spoken]
    assert words == [("Welcome.", ()), ("Add the salt", ()), ("only when the water", (2,)), ("boils.", (2, 4)), ("Then stir.", ())]


MAIL = (
    "From: Ines <ines@mail.example>\nTo: Jo <jo@mail.example>\nSubject: The train\n\n"
    "It leaves at six. Bring bread.\n\n-- \nInes\nTel. +351 5550\n"
)


def test_a_mail_is_read_with_sender_and_subject() -> None:
    found = headed(MAIL)
    heads = ("From: Ines <ines@mail.example>", "Subject: The train")
    assert found["Bring bread."] == found["-- Ines Tel. +351 5550"] == heads
    forwarded = headed(MAIL + "\n-----Original Message-----\nVon: Jo\nGesendet: Montag\nBetreff: Zug\n\nWann?\n")
    assert forwarded["Wann?"] == ("Von: Jo", "Betreff: Zug")


def test_a_subject_is_a_head_once_and_a_separator_is_markup() -> None:
    text = (
        "From: Ines\nSubject: Train\n\nSix is early.\n\nFrom: Jo\nSubject: RE: Train\n\nSeven then.\nJo\n\n"
        "-----Original Message-----\nFrom: Lu\nSubject: Fwd: Bread\n\nBring two.\n"
    )
    found = headed(text)
    assert found["Six is early."] == ("From: Ines", "Subject: Train")
    assert found["Jo"] == found["Seven then."] == ("From: Jo",)
    assert found["Bring two."] == ("From: Lu", "Subject: Fwd: Bread")
    assert "-----Original Message-----" in found


def test_a_quotation_is_read_with_who_is_quoted_not_with_who_quotes() -> None:
    text = (
        "From: Ines\nSubject: Train\n\nSix.\n\nOn Monday, Jo wrote:\n> When?\n>\n> On Sunday, Lu wrote:\n>> By boat?\n\n"
        "El lunes escribieron:\n> De: Bea\n>\n> A las ocho.\n"
    )
    found = headed(text)
    assert found["> When?"] == ("Subject: Train", "On Monday, Jo wrote:")
    assert found[">> By boat?"] == ("Subject: Train", "> > On Sunday, Lu wrote:")
    assert found["> > A las ocho."] == ("Subject: Train", "> De: Bea")


# Several formats in one text

EVENTS = "".join(
    f"2025-02-01 08:0{minute}:00 INFO pump {minute} is ok, and the valve behind it is too, so all is well\n" for minute in range(5)
)
PIERS = json.dumps(
    {"piers": [{"name": name, "story": "It was built long ago, and is closed in winter. " * 4} for name in ("North", "South")]}
)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("", ""), ("```\n", "```\n"), ("```log\n", "```\n"), ("~~~\n", "~~~\n")],
    ids=["paragraph", "fence", "named fence", "tildes"],
)
def test_a_log_in_prose_is_read_as_a_log(opening: str, closing: str) -> None:
    found = headed(f"# Pumps\n\nIt stops at night. The log:\n\n{opening}{EVENTS}{closing}\nWhat now?\n")
    event = "2025-02-01 08:02:00 INFO pump 2 is ok, and the valve behind it is too, so all is well"
    assert found[event] == ("# Pumps", "The log:")
    assert found["What now?"] == ("# Pumps",)


def test_data_in_a_mail_and_in_a_chat() -> None:
    mail = headed(f"From: Jo\nSubject: Piers\n\nThe data:\n\n{PIERS}\n\nAnd guests:\n\nname,age,city\nNora,12,Vik\nOlaf,13,Moss\n\nBye\n")
    assert mail["Nora,12,Vik"] == ("From: Jo", "Subject: Piers", "And guests:", "name,age,city")
    assert [heads[:3] for unit, heads in mail.items() if '"South"' in unit] == [("From: Jo", "Subject: Piers", "The data:")]
    assert mail["Bye"] == ("From: Jo", "Subject: Piers")
    chat = headed(f"You said:\nWhat is this?\n\n```json\n{PIERS}\n```\n\nChatGPT said:\nTwo piers.\n")
    assert chat["ChatGPT said: Two piers."] == ()
    assert [heads[:2] for unit, heads in chat.items() if '"South"' in unit] == [("You said:", '{"piers": [')]


def test_indented_code_between_paragraphs() -> None:
    found = headed(
        "We write\n\n    def sail(boat):\n        boat.go(north)\n        return boat\n\nand go on.\n\nIt is north.\n\nWe are glad.\n"
    )
    assert "def sail(boat): boat.go(north) return boat" in found


# Data


def test_a_record_of_json_is_whole_and_has_its_keys() -> None:
    data = {"team": {"cats": [{"name": "Milo", "age": 9}, {"name": "Tess", "age": 4}], "city": "Porto"}, "open": True}
    found = headed(json.dumps(data, indent=2))
    assert found['{ "name": "Tess", "age": 4 } ],'] == ('{ "team": {', '"cats": [')
    assert found['"city": "Porto" },'] == ('{ "team": {',)
    assert found['"open": true }'] == ()
    pretty, minified = (read_structure(json.dumps(data, indent=indent)).units for indent in (2, None))
    assert [unit.heads for unit in pretty] == [unit.heads for unit in minified]


def test_a_field_of_a_long_record_has_its_name() -> None:
    data = [
        {"id": 7, "name": "Tess", "story": "She came from the harbour and slept in a box. " * 12, "food": "fish"},
        {"id": 8, "name": "Milo"},
    ]
    text = json.dumps(data)
    found = headed(text)
    assert found['"food": "fish"},'] == ('[{"id": 7,', '"name": "Tess",')
    assert found['{"id": 8, "name": "Milo"}]'] == ()
    stories = [heads for unit, heads in found.items() if "harbour" in unit]
    assert len(stories) > 1
    assert set(stories) == {('[{"id": 7,', '"name": "Tess",', '"story":')}


def test_numbers_share_units() -> None:
    assert len(read_structure(json.dumps(list(range(1000)))).units) < 60


def test_a_bracket_with_a_number_is_no_json() -> None:
    assert format_of("[12 of the boats leak]\n[20 are old]\n") == "plain"
    assert format_of("[1] Lu, Boats, 2020.\n[2] Berg, Nets, 2021.\n") == "plain"
    assert format_of("[12, 13, [1.5e3, 4]]") == "json"


def test_json_that_is_cut_off_or_no_json() -> None:
    text = json.dumps([{"part": f"B{number}", "depot": "north", "note": "inspect before use"} for number in range(9)])
    assert format_of(text[:-30]) == "json"
    assert format_of("[see below] we met {twice}") == "plain"
    assert format_of("[" * 2000) == "plain"


def test_json_lines_are_records() -> None:
    text = "".join(json.dumps({"role": "user", "content": f"The key is {number}."}) + "\n" for number in range(3))
    structure = read_structure(text)
    assert (structure.format, len(structure.units)) == ("json lines", 3)
    assert format_of('{"a": 1}', source="notes.jsonl") == "json lines"


def test_a_row_has_the_header_and_quotes_may_hold_line_ends() -> None:
    text = 'name,born,city\nNora,1990,"Bergen,\nNorway"\nOlaf,1988,"Oslo"\n'
    found = headed(text)
    assert found['Nora,1990,"Bergen, Norway"'] == found['Olaf,1988,"Oslo"'] == ("name,born,city",)
    assert headed("id\tname\n1\tNora\n2\tOlaf\n")["2 Olaf"] == ("id name",)
    assert headed("1;2;3\n4;5;6\n7;8;9\n", source="a.csv")["7;8;9"] == ()


def test_a_long_row_is_cut_and_its_first_cell_is_the_head() -> None:
    text = 'part,a,b\nB41,"' + "inspect before use and write it down, " * 20 + '",x\nB42,ok,y\n'
    units = read_structure(text, content_type="text/csv; charset=utf-8").units
    assert text[units[1].start : units[1].end] == "B41,"
    assert units[2].heads == (0, 1)
    assert units[-1].heads == (0,)


def test_prose_with_commas_is_no_table() -> None:
    assert format_of("Nora, who sings, came.\nOlaf, who reads, left.\nInes, who runs, slept.\n") == "plain"


def test_html() -> None:
    page = (
        "<html><head><title>Trip</title><style>p {}</style></head><body><h1>North</h1><p>It rains. Bring boots.</p><ul><li>Ferry<ul>"
        "<li>leaves 14:10</li></ul></li><li>Bus</li></ul><table><tr><th>Stop</th><th>Time</th></tr>"
        "<tr><td>Pier</td><td><p>9:05</p></td></tr>"
        "</table><dl><dt>Key</dt><dd>Under the pot.</dd></dl></body></html>"
    )
    found = headed(page)
    assert found["Bring boots."] == ("Trip", "North")
    assert found["leaves 14:10"] == ("Trip", "North", "Ferry")
    assert found["Bus"] == ("Trip", "North")
    assert found["<td>Pier</td><td><p>9:05</p></td>"] == ("Trip", "North", "<th>Stop</th><th>Time</th>")
    assert found["Under the pot."] == ("Trip", "North", "Key")
    assert found["</dd></dl></body></html>"] == ("Trip", "North")


def test_a_post_has_its_writer_as_long_as_its_container_lasts() -> None:
    post = '<div class="post"><div class="top"><span class="username">{}</span> <i>9:05</i></div><div>{}</div></div>\n'
    page = "<h1>Boats</h1>" + post.format("nora", "Mine leaks. Badly.") + post.format("olaf", "Use tar.") + "<p>Buy tar.</p>"
    found = headed(page)
    assert found["Badly."] == ("Boats", '<span class="username">nora</span> <i>9:05</i>')
    assert found["Use tar."] == ("Boats", '<span class="username">olaf</span> <i>9:05</i>')
    assert found["Buy tar."] == ("Boats",)
    assert (
        headed('<p><b class="author">Nora</b>: it leaks, and I have no tar left for the boat. Help.</p>\n<p>a</p><p>b</p>')["Help."] == ()
    )


def test_a_line_in_bold_is_the_heading_of_its_container() -> None:
    found = headed("<h2>Guests</h2><div><b>Room 4</b><p>The tap drips.</p></div><div><p>Room 5 is <b>fine</b>.</p></div>")
    assert found["The tap drips."] == ("Guests", "Room 4")
    assert found["Room 5 is <b>fine</b>."] == ("Guests",)


def test_tags_round_the_whole_text_of_a_unit_are_markup_unless_they_tell_something() -> None:
    items = '<ul><li><span class="x"><i>Tar</i></span></li><li><a href="/rope">Rope</a></li><li>Oars, <b>two</b></li></ul>'
    page = items + "<p><em>Ask me. Now.</em></p>"
    units = [page[unit.start : unit.end].strip() for unit in read_structure(page).units if unit.kind != "markup"]
    assert units == ["Tar", '<a href="/rope">Rope</a>', "Oars, <b>two</b>", "Ask me.", "Now."]


def test_a_cell_that_spans_rows_is_the_head_of_them() -> None:
    row = "<tr><td>{}</td><td>{}</td></tr>"
    span = '<tr><td rowspan="2">{}</td><td>{}</td><td>{}</td></tr>'
    table = "<table><tr><th>Pier</th><th>Boat</th><th>Berth</th></tr>" + span.format("North", "Moro", 1) + row.format("Tess", 2)
    found = headed(table + span.format("South", "Ida", 1) + row.format("Vik", 2) + "</table><p>End.</p>")
    header = "<th>Pier</th><th>Boat</th><th>Berth</th>"
    assert found["<td>Tess</td><td>2</td>"] == (header, '<td rowspan="2">North</td>')
    assert found["<td>Vik</td><td>2</td>"] == (header, '<td rowspan="2">South</td>')
    assert found["End."] == ()


def test_two_header_rows_and_a_caption_end_with_their_table() -> None:
    table = (
        "<table><caption>Tides</caption><tr><th colspan=2>May</th></tr><tr><th>Day</th><th>High</th></tr><tr><td>1</td><td>6:10</td></tr>"
    )
    found = headed(table + "</table><p>End.</p>")
    assert found["<td>1</td><td>6:10</td>"] == ("Tides", "<th colspan=2>May</th>", "<th>Day</th><th>High</th>")
    assert found["End."] == ()


def test_a_script_is_markup() -> None:
    script = "<script>" + "if (a < b) { go(); } " * 60 + "</script>"
    kinds = [unit.kind for unit in read_structure(f"<html><body>{script}<p>Hello there.</p></body></html>").units]
    assert set(kinds[:-2] + kinds[-1:]) == {"markup"}
    assert kinds[-2] == "sentence"


def test_yaml_has_its_keys_and_records_are_whole() -> None:
    found = headed("cats:\n- name: Milo\n  age: 9\n- name: Tess\n  age: 4\nhome:\n  city: Porto\n  street: Kai 3\n")
    assert found["- name: Tess age: 4"] == ("cats:",)
    assert "home: city: Porto street: Kai 3" in found
    assert headed("[server]\nport = 80\n[db]\nport = 5432\n")["port = 5432"] == ("[db]",)


def test_code_is_whole_by_definition_or_has_its_definition() -> None:
    short = (
        "import os\n\nclass Till:\n    def tax(self, price):\n        return price * 1.21\n\n"
        "class Shop:\n    def tax(self, price):\n        return price * 1.06\n"
    )
    assert headed(short)["class Shop: def tax(self, price): return price * 1.06"] == ()
    long = "class Shop:\n" + "".join(
        f"    @cached\n    def tax_{number}(self, price):\n        # the rate of {number}\n        return price * 1.0{number}\n\n"
        for number in range(6)
    )
    found = headed(long, source="shop.py")
    assert found["@cached def tax_3(self, price): # the rate of 3 return price * 1.03"] == ("class Shop:",)
    script = (
        "function pay(order) {\n"
        + "".join(f"  const fee{number} = order.fee({number}, 'of the whole sum');\n" for number in range(12))
        + "}\n"
    )
    assert headed(script, source="pay.js")["const fee7 = order.fee(7, 'of the whole sum');"] == ("function pay(order) {",)


CALM = "".join(f"2025-02-01T08:{minute:02d}:00Z INFO pump {minute} ok\n" for minute in range(5))
FAILED = "2025-02-01T09:00:00Z ERROR pump 9 stopped\n"


def test_a_short_traceback_is_one_unit_with_its_event() -> None:
    trace = 'Traceback (most recent call last):\n  File "pump.py", line 3, in turn\n    spin()\nTimeoutError: valve 4 is shut\n'
    found = headed(CALM + FAILED + trace + CALM)
    assert sum("valve 4" in unit and "pump 9 stopped" in unit for unit in found) == 1


def test_a_long_traceback_has_its_event_and_keeps_its_error_with_the_innermost_frames() -> None:
    frames = "".join(
        f'  File "/srv/pumps/part_{number}.py", line {number}, in turn_{number}\n    spin(wheel={number})\n' for number in range(9)
    )
    found = headed(CALM + FAILED + "Traceback (most recent call last):\n" + frames + "TimeoutError: valve 4 is shut\n" + CALM)
    error = next(unit for unit in found if "valve 4" in unit)
    assert "turn_8" in error
    assert found[error] == (FAILED.strip(),)
    assert found['File "/srv/pumps/part_2.py", line 2, in turn_2 spin(wheel=2)'] == (FAILED.strip(),)


def test_a_long_line_of_a_log_is_cut_and_its_stamp_is_the_head() -> None:
    text = CALM + "2025-02-01T09:00:00Z ERROR pump.valve.4 failed with " + "state=shut pressure=9 " * 40 + "\n" + CALM
    units = read_structure(text).units
    assert text[units[5].start : units[5].end] == "2025-02-01T09:00:00Z ERROR pump.valve.4 failed "
    assert units[6].heads == (5,)
    assert units[-1].heads == ()


def test_a_java_frame_has_its_error() -> None:
    frames = "".join(f"\tat org.example.pumps.Valve{number}.turn(Valve{number}.java:{number})\n" for number in range(9))
    text = (
        CALM
        + FAILED
        + "java.lang.IllegalStateException: valve\n"
        + frames
        + "Caused by: java.io.IOException: shut\n\tat org.example.Pipe.open(Pipe.java:8)\n"
    )
    found = headed(text)
    assert found["at org.example.pumps.Valve4.turn(Valve4.java:4)"] == (FAILED.strip(), "java.lang.IllegalStateException: valve")
    assert found["at org.example.Pipe.open(Pipe.java:8)"] == (FAILED.strip(), "Caused by: java.io.IOException: shut")


def test_a_message_of_a_compiler_has_the_lines_that_it_shows_and_its_function() -> None:
    text = (
        "[ 10%] Building C object boat.o\nboat.c: In function 'sail':\nboat.c:7:3: error: 'wind' undeclared\n    7 |   wind++;\n"
        "      |   ^~~~\nboat.c:9:1: warning: no return\n[ 20%] Building C object pier.o\nmake: *** [all] Error 2\n"
    )
    found = headed(text)
    assert found["boat.c:7:3: error: 'wind' undeclared 7 | wind++; | ^~~~"] == ("boat.c: In function 'sail':",)
    assert found["make: *** [all] Error 2"] == ()
    rust = 'error[E0308]: mismatched types\n --> src/boat.rs:4:9\n  |\n4 |     sail("north");\n  |          ^^^^^^^ expected u8\n\n'
    assert [unit.kind for unit in read_structure(rust + rust.replace("4", "8")).units] == ["event", "event"]


def test_a_failed_test_has_its_name_and_its_reason() -> None:
    text = (
        "============ test session starts ============\ncollected 9 items\n\n================ FAILURES ================\n"
        "_____________ test_tide _____________\n\n    def test_tide():\n>       assert tide(6) == 2\nE       assert 3 == 2\n\n"
        "tests/test_tide.py:4: AssertionError\n_____________ test_moon _____________\n\n    def test_moon():\n>       assert moon()\n"
        "E       assert 0\n======== 2 failed, 7 passed in 0.2s ========\n"
    )
    assert format_of(text) == "console"
    assert headed(text)["> assert tide(6) == 2 E assert 3 == 2"] == ("FAILURES", "test_tide")
    stroke, thin = "=" * 60, "-" * 60
    unit = (
        f"{stroke}\nFAIL: test_tide (boats.Tide)\n{thin}\nAssertionError: 3\n\n{stroke}\nERROR: test_moon (boats.Moon)\n{thin}\nKeyError: 4"
    )
    assert headed(unit)["KeyError: 4"] == ("ERROR: test_moon (boats.Moon)",)


# The seam


def test_a_splitter_cuts_where_it_reads_and_takes_readers_of_ones_own() -> None:
    chat = "nora  6:20 PM\nwho has the key\nolaf  6:21 PM\nme, it is\nin the shed\nnora  6:22 PM\nok\n"
    assert [chat[start:end].strip() for start, end in Splitter()(chat)] == [
        "nora  6:20 PM\nwho has the key",
        "olaf  6:21 PM\nme, it is\nin the shed",
        "nora  6:22 PM\nok",
    ]
    mine = Reader("verses", lambda head: head.startswith("%%"), lambda text: Structure("verses", (Unit(0, len(text), kind="verse"),)))
    assert [unit.kind for unit in Splitter(readers=(mine,)).read(Document(text="%% a b. C d."))] == ["verse"]
    assert [unit.kind for unit in Splitter(readers=(mine,)).read(Document(text="We sail. He stays."))] == ["sentence"] * 2
    with pytest.raises(ConfigError, match="'line'"):
        Splitter("line", readers=(mine,))


def test_metadata_names_the_format() -> None:
    assert format_of("a,b\n1,2\n") == "plain"
    assert format_of("a,b\n1,2\n", source="https://site.example/parts.csv?page=2") == "table"
    assert format_of("a,b\n1,2\n", content_type="text/csv; charset=utf-8") == "table"
    assert format_of("no json at all", source="notes.json") == "plain"


def test_a_reader_of_ones_own_is_used_where_it_is_passed() -> None:
    def read(text: str) -> Structure:
        half = len(text) // 2
        return Structure("halves", (Unit(0, half), Unit(half, len(text), (0,))))

    mine = Reader("halves", lambda head: head.startswith("%"), read)
    assert read_structure("% one two", readers=(mine, *READERS)).format == "halves"
    assert format_of("% one two") == "plain"


def test_a_page_that_a_loader_has_made_text_is_read_as_text() -> None:
    text = "Opening hours\nThe shop opens at 9. Ring twice & wait, if 5 < 7.\n\nParking is free.\n"
    for source in ("https://shop.example/hours.html", "hours.htm"):
        assert read_structure(text, source=source) == read_structure(text)
    assert read_structure("It <b>rains</b>.", source="a.html") != read_structure("It <b>rains</b>.")


# Dialects of mails, logs, tables and build files


@pytest.mark.parametrize(
    ("sender", "subject"),
    [("差出人: 森", "件名: 船"), ("发件人：王芳", "主题：船期"), ("Von: Ute", "Betreff: Boot"), ("Lähettäjä: Aino", "Aihe: vene")],
    ids=["ja", "zh", "de", "fi"],
)
def test_the_header_of_a_mail_in_many_languages(sender: str, subject: str) -> None:
    assert headed(f"{sender}\n{subject}\n\nIt sails at nine.\n")["It sails at nine."] == (sender, subject)


def test_a_header_may_stand_right_below_the_line_that_says_forwarded() -> None:
    text = "See below.\n\n------ Forwarded message ------\nFrom: Ute\nSubject: Boat\n\nIt sails at nine.\n"
    assert headed(text)["It sails at nine."] == ("From: Ute", "Subject: Boat")


def test_a_table_keeps_its_columns_where_cells_are_empty_and_names_stand_close() -> None:
    assert headed("boat\tday\tnote\nOtter\t3\t\nHeron\t4\tlate\nSwan\t5\t\n")["Heron 4 late"] == ("boat day note",)
    text = "Boat     Out at Back\nOtter    3:10   5:10\nHeron    4:10   9:10\n"
    assert headed(text)["Heron 4:10 9:10"] == ("Boat Out at Back",)


def test_a_panic_is_an_event_of_its_own_in_a_log_of_go() -> None:
    text = (
        "2031/04/05 10:00:01 crane: up\n2031/04/05 10:00:02 crane: left\npanic: rope is nil\n\n"
        "goroutine 1 [running]:\nmain.(*Crane).Lift(...)\n\t/src/crane.go:4\nmain.main()\n\t/src/main.go:9\n"
    )
    structure = read_structure(text)
    assert structure.format == "log"
    assert any(text[start:end].startswith("panic: ") for start, end, *_ in structure.units)


def test_the_steps_of_a_build_are_headings() -> None:
    assert headed("==> fetch\nall there\n==> weld\nseam 4 is open\n")["seam 4 is open"] == ("==> weld",)


def test_the_stages_of_a_dockerfile_and_the_targets_of_a_makefile_hold_their_lines() -> None:
    stages = read_structure("FROM reed AS mill\nRUN grind\n\nFROM oak\nUSER 7\n", source="Dockerfile").units
    assert [unit.kind for unit in stages] == ["code", "code"]
    assert read_structure("mill:\n\tgrind --fine\n", source="src/Makefile").format == "code"


def test_what_a_file_of_code_says_about_itself_is_its_title() -> None:
    found = headed('"""Locks of the canal."""\n\nDEPTH = 3\nWIDTH = 5\nGATES = 2\n', source="locks.py")
    assert found["DEPTH = 3"] == ('"""Locks of the canal."""',)


def test_a_comment_belongs_to_the_line_below_it() -> None:
    assert "// of the gate const LOAD = 7;" in headed("const B = 1;\n// of the gate\nconst LOAD = 7;\n", source="lock.js")
