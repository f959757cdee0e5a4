"""The bank: hand-written facts about people, and the questions that need them. Format: `bank/README.md`."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BANK = Path(__file__).parent / "bank"

HELD_OUT = frozenset({"pets", "garden", "technology", "sport", "film", "mobility", "celebrations"})
"""Topics that are never trained on, so that what is learned can be told from what is remembered."""

NAMES = (
    "Amira Anselm Beatriz Bogdan Caterina Celia Dario Dunja Edda Emeka Farid Femke Gael Greta Hamid Hedda Ida Ilias Jasmin Jonas Kamil "
    "Katja Leandro Lotte Malik Marit Nadia Nils Olga Osman Paloma Pavel Rania Ruben Selma Stefan Tamara Tomas Ulla Valentin Wanda Zora"
).split()
PLACES = (
    "Albrook Bergheim Calleria Dunmore Eastvale Farnholt Greywater Hollin Istra Juniper Karlsund Lindau Marbury Northam Ostrava Pineford "
    "Quarrow Ravenna Selby Tarvin Umbria Valdes Westerly Yarrow Zellwood"
).split()
MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split(),
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split(),
}
WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "es": "lunes martes miércoles jueves viernes sábado domingo".split(),
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche".split(),
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split(),
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica".split(),
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo".split(),
}
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One truth, or two that need each other, with what asks for it and what only looks like it."""

    id: str
    lang: str
    kind: str
    topic: str
    facts: tuple[tuple[str, ...], ...]
    """One group of wordings for each truth; two groups for kind `hop`."""
    keys: Mapping[str, str]
    """Of a dialogue, the part that holds the truth."""
    questions: tuple[str, ...]
    """From the most indirect to the most direct."""
    outdated: tuple[str, ...]
    lures: tuple[str, ...]

    def filled(self, chance: random.Random) -> Item:
        """The same item with a value for each slot."""
        names, places = chance.sample(NAMES, 2), chance.sample(PLACES, 2)
        values = {
            "person1": names[0],
            "person2": names[1],
            "place1": places[0],
            "place2": places[1],
            "month1": chance.choice(MONTHS.get(self.lang, MONTHS["en"])),
            "weekday1": chance.choice(WEEKDAYS.get(self.lang, WEEKDAYS["en"])),
            "n1": str(chance.randint(2, 15)),
            "n2": str(chance.randint(16, 30)),
        }

        def fill(text: str) -> str:
            return _SLOT.sub(lambda slot: values[slot[1]], text)

        return Item(
            id=self.id,
            lang=self.lang,
            kind=self.kind,
            topic=self.topic,
            facts=tuple(tuple(map(fill, group)) for group in self.facts),
            keys={fill(fact): fill(key) for fact, key in self.keys.items()},
            questions=tuple(map(fill, self.questions)),
            outdated=tuple(map(fill, self.outdated)),
            lures=tuple(map(fill, self.lures)),
        )


def load_bank(folder: Path = BANK) -> list[Item]:
    """All items, in the order of their files and lines."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [_item(json.loads(line)) for line in lines]


def _item(raw: Mapping[str, Sequence[str]]) -> Item:
    groups = raw["facts"] if raw["kind"] in ("hop", "recall") else [raw["facts"]]
    return Item(
        id=str(raw["id"]),
        lang=str(raw["lang"]),
        kind=str(raw["kind"]),
        topic=str(raw["topic"]),
        facts=tuple(tuple(group) for group in groups),
        keys=dict(zip(raw["facts"], raw.get("key", ()), strict=True)) if raw["kind"] == "chat" else {},
        questions=tuple(raw["questions"]),
        outdated=tuple(raw.get("outdated", ())),
        lures=tuple(raw["lures"]),
    )
