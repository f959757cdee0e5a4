"""Quantities: numerals with their units, in the base unit of the dimension.

90 minutes are 1.5 hours, and 5 mg are not 5 g.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

from attngs.checking.language.mentions import Match, Meaning, Mention, Quantity, Rate
from attngs.checking.language.tokens import Token

_UNITS = """
mass 1/1000000 µg μg mcg microgram micrograms
mass 1/1000 mg milligram milligrams milligramm milligramme milligrammes miligramos miligramo milligrammi
mass 1 g gram grams gramm grammes gramme gramos gramo grammi
mass 1000 kg kilo kilos kilogram kilograms kilogramm kilogrammes quilos quilo chili chilo
mass 1000000 tonne tonnes ton tons tonnen toneladas
mass 28349523125/1000000000 oz ounce ounces
mass 45359237/100000 lb lbs pound pounds pfund
length 1/1000 mm millimetre millimetres millimeter millimeters
length 1/100 cm centimetre centimetres centimeter centimeters zentimeter centimètres centímetros centimetri
length 1 m metre metres meter meters mètre mètres metro metros metri
length 1000 km kilometre kilometres kilometer kilometers kilomètre kilomètres kilómetro kilómetros chilometri quilômetros quilómetros
length 1609344/1000 mi mile miles meilen milles millas miglia milhas
length 254/10000 inch inches zoll pouces pulgadas pollici
length 3048/10000 ft foot feet fuß pieds pies piedi pés
length 9144/10000 yd yard yards
volume 1/1000 ml millilitre millilitres milliliter milliliters
volume 1/100 cl
volume 1/10 dl
volume 1 l litre litres liter liters litro litros litri
volume 473176473/1000000000 pint pints
volume 3785411784/1000000000 gallon gallons
time 1 sec secs second seconds sekunde sekunden seconde secondes segundos segundo secondi
time 60 min mins minute minutes minuten minuto minutos minuti
time 3600 h hr hrs hour hours stunde stunden heure heures hora horas ora ore
time 86400 day days tag tage tagen jour jours día días dia dias giorno giorni
time 604800 week weeks wk wks woche wochen semaine semaines semana semanas settimana settimane
time 1209600 fortnight fortnights
months 1 month months monat monate monaten mois mes meses mese mesi mês
months 12 year years yr yrs jahr jahre jahren an ans année années año años anno anni ano anos
share 1 % percent pct prozent percento porcento
degree 1 ° °c °f degree degrees grad degrés grados gradi graus
data 1 kb
data 1000 mb
data 1000000 gb gigabyte gigabytes
data 1000000000 tb terabyte terabytes
energy 1 kcal calories calorie kalorien
power 1 kw
power 1/1000 w watt watts
kwh 1 kwh
speed 1 km/h kmh kph
speed 1609344/1000000 mph
pressure 1 mmhg
eur 1 € eur euro euros
usd 1 $ us$ usd dollar dollars bucks dólares dólar dollari dollars
gbp 1 £ gbp pound pounds quid
jpy 1 ¥ jpy yen
inr 1 ₹ inr rupee rupees rs
chf 1 chf franken francs franc sfr
cny 1 cny rmb yuan
brl 1 r$ brl reais
sek 1 sek kronor kr nok dkk
pln 1 pln zł zloty
eur 1/100 cent cents
usd 1/100 cent cents
gbp 1/100 pence p
"""
_MONEY = frozenset("eur usd gbp jpy inr chf cny brl sek pln".split())
_BEFORE = frozenset("€ $ us$ £ ¥ ₹ r$ chf eur usd gbp jpy cny sek nok dkk pln".split())
_SINGLE = frozenset("m h l p w g mi an ora mes rs".split())  # short: after a number word they may be something else
_PER = {("per", "cent"): "%", ("por", "ciento"): "%", ("por", "cento"): "%", ("per", "cento"): "%", ("pour", "cent"): "%"}
_PERIODS = {
    "hour": "hour",
    "day": "day",
    "morning": "day",
    "evening": "day",
    "night": "day",
    "week": "week",
    "month": "month",
    "year": "year",
    "semester": "semester",
    "quarter": "quarter",
}
_RATES = {
    "hourly": "hour",
    "daily": "day",
    "everyday": "day",
    "nightly": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annually": "year",
    "annual": "year",
}
_EACH = frozenset("per each every".split())
RANGE = frozenset("- – — to or and until till bis oder und à a ou et o y e".split())
"""Between the two ends of a range: the first has the unit of the second."""
_HALVES = frozenset("half halb halbe demi demie medio media mezzo mezza meia meio".split())


@dataclass(frozen=True, slots=True)
class _Unit:
    dimension: str
    factor: Fraction


@cache
def _units() -> dict[str, tuple[_Unit, ...]]:
    table: dict[str, tuple[_Unit, ...]] = {}
    for line in _UNITS.strip().splitlines():
        dimension, factor, *names = line.split()
        for name in names:
            table[name] = (*table.get(name, ()), _Unit(dimension, Fraction(factor)))
    return table


def find_measures(tokens: Sequence[Token]) -> Iterator[Match]:
    """Numerals with a unit; each with its first token and the one after its last."""
    i = 0
    while i < len(tokens):
        found = _measure(tokens, i)
        if found:
            yield found
            i = found.end
        else:
            i += 1


def is_unit(word: str) -> bool:
    """Whether a word is a unit or a currency."""
    return word in _units()


def _measure(tokens: Sequence[Token], i: int) -> Match | None:
    """A rate, an amount with its currency in front, a numeral with its unit, or the first end of a range."""
    if rate := _rate(tokens, i):
        return rate
    if tokens[i].lower in _BEFORE and i + 1 < len(tokens) and tokens[i + 1].values:
        return _quantity(tokens, i, i + 1, i + 2, _units()[tokens[i].lower])
    if not _is_amount(tokens, i):
        return None
    end, units = _unit_after(tokens, i + 1)
    if units:
        return _quantity(tokens, i, i, end, units)
    if units := _unit_of_range(tokens, i + 1):
        return _quantity(tokens, i, i, i + 1, units)
    return None


def _rate(tokens: Sequence[Token], i: int) -> Match | None:
    """`daily`, `per week`, `every morning`; `a week` where it follows a number, "times" or a unit."""
    word = tokens[i].lower
    following = tokens[i + 1].lower if i + 1 < len(tokens) else ""
    if word in _RATES:
        return _rate_mention(tokens, i, i + 1, _RATES[word])
    if following in _PERIODS and (word in _EACH or (word in {"a", "an"} and i > 0 and _is_counted(tokens[i - 1]))):
        return _rate_mention(tokens, i, i + 2, _PERIODS[following])
    return None


def _is_counted(before: Token) -> bool:
    """Whether "a week" after a token says how often."""
    return bool(before.values) or before.lower in {"times", "time", "twice", "once"} or is_unit(before.lower)


def _rate_mention(tokens: Sequence[Token], first: int, end: int, period: str) -> Match:
    return Match(Mention(kind="unit", start=tokens[first].start, end=tokens[end - 1].end, meanings=(Rate(period),)), first, end)


def _is_amount(tokens: Sequence[Token], i: int) -> bool:
    return i < len(tokens) and bool(tokens[i].values) and not tokens[i].ordinal


def _unit_of_range(tokens: Sequence[Token], i: int) -> tuple[_Unit, ...]:
    """The unit behind the second end of a range, such as `to 10 mg`: the first end has it too."""
    if not _is_amount(tokens, i + 1) or tokens[i].lower not in RANGE:
        return ()
    _, units = _unit_after(tokens, i + 2)
    return () if tokens[i].lower in {"a", "e", "o", "y"} and tokens[i + 1].weak else units


def _unit_after(tokens: Sequence[Token], step: int) -> tuple[int, tuple[_Unit, ...]]:
    """The unit at a place, after a hyphen or after "an" ("half an hour")."""
    value = tokens[step - 1]
    if step < len(tokens) and tokens[step].text in ({"a", "an"} if value.lower in _HALVES else {"-", "\u2011"}):
        step += 1
    if step >= len(tokens):
        return step, ()
    if step + 1 < len(tokens) and (tokens[step].lower, tokens[step + 1].lower) in _PER:
        return step + 2, _units()["%"]
    for width in (3, 2, 1):  # km/h, °C, mg
        parts = tokens[step : step + width]
        name = "".join(token.lower for token in parts)
        joined = len(parts) == width and all(one.end == other.start for one, other in pairwise(parts))
        if joined and name in _units() and not (name in _SINGLE and (value.is_word or tokens[step].start - value.end > 1)):
            return step + width, _units()[name]
    return step, ()


def _quantity(tokens: Sequence[Token], first: int, number: int, end: int, units: Sequence[_Unit]) -> Match:
    """A numeral with its unit.

    Args:
        tokens: The tokens of a text.
        first: Where the quantity begins: the numeral, or a currency before it.
        number: The numeral.
        end: The token after the unit.
        units: What the unit can be.
    """
    token = tokens[number]
    more, end = _more(tokens, end, units[0])
    values = tuple(value + more for value in token.values)
    meanings: tuple[Meaning, ...] = tuple(Quantity(unit.dimension, value * unit.factor, value) for unit in units for value in values)
    weak = token.weak and not more and token.lower not in _HALVES and token.lower != "one"
    if weak and tokens[end - 1].lower in _PERIODS:
        meanings = (*meanings, Rate(_PERIODS[tokens[end - 1].lower]))  # "four cups a day"
    money = all(unit.dimension in _MONEY for unit in units)
    kind = "amount" if money else "number" if units[0].dimension == "share" else "unit"
    return Match(Mention(kind=kind, start=tokens[first].start, end=tokens[end - 1].end, meanings=meanings, weak=weak), first, end)


def _more(tokens: Sequence[Token], end: int, unit: _Unit) -> tuple[Fraction, int]:
    """What follows a unit and belongs to it, in this unit, and the token after it.

    "A year and a half", "1 h 30 min".
    """
    if [token.lower for token in tokens[end : end + 3]] in (["and", "a", "half"], ["und", "eine", "halbe"]):
        return Fraction(1, 2), end + 3
    if len(tokens) > end + 1 and tokens[end].lower in {"et", "y", "e"} and tokens[end + 1].lower in _HALVES:
        return Fraction(1, 2), end + 2
    return (unit.dimension == "time" and _smaller(tokens, end, unit)) or (Fraction(0), end)


def _smaller(tokens: Sequence[Token], end: int, unit: _Unit) -> tuple[Fraction, int] | None:
    """Minutes after hours, as a share of the hours."""
    step = end + 1 if end < len(tokens) and tokens[end].lower in {"and", "und", "et"} else end
    if step >= len(tokens) or not tokens[step].values or tokens[step].weak:
        return None
    after, units = _unit_after(tokens, step + 1)
    if not units or units[0].dimension != "time" or units[0].factor >= unit.factor:
        return None
    return tokens[step].values[0] * units[0].factor / unit.factor, after
