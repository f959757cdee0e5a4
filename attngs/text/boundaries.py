"""Where a sentence may end inside running text: a stop, unless the words around it say otherwise.

A *stop* is punctuation with the closing quotes, brackets, footnote marks and emoji that belong to it, or an emoji in its place. One
regular expression finds the stops; each decision then looks at a bounded window on both sides, so the time is linear in the length.

    "Stop!" she cried.    a quotation goes on with its speech tag
    Dr. Smith, U.S. Army  abbreviations and initials; `STARTERS` tells "5 p.m. He" from "5 p.m. Monday"
    「行こう！」と言った  scripts whose stops need no space after them
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

PHRASE = 80
"""Thai and Lao write no stops: a space between their letters ends a phrase of at least this many characters."""

NEVER_LAST = frozenset(
    "e.g i.e eg ie vs viz cf approx resp incl mr mrs ms dr prof mme mlle m messrs z.b d.h u.u sog bspw vgl ggf bzw "
    "dipl zzgl p.ej p.ex ej np tzn tj м.б т.е т.к напр т.н ул просп пер вул просп бул dhr mevr d.w.z o.a bijv "
    "π.χ πχ κ κα डॉ श्री पं प्रो ড মো د أ ดร".split()
)
"""Abbreviations that no sentence ends with: a stop after them is theirs."""

SELDOM_LAST = frozenset(
    # English: titles and ranks, companies, places, the rest
    "st rev hon pres gen sen rep gov capt cpt cmdr lt col sgt maj adm supt insp jr sr esq mt ft etc al inc ltd co "
    "corp bros dept univ assn ave blvd rd ph.d eds trans transl ca c.a b.sc m.sc ph "
    # German, Dutch
    "hr fr fa usw u.a u.ä o.ä geb gest ing mag jun sen str evtl inkl zzt allg bes urspr ehem phil drs ir enz "
    "jl "
    # French, Spanish, Portuguese, Italian, Romanian
    "mgr av bd janv févr juil sept oct nov déc sra srta dra sras sres ud uds ee uu avda avd dña arq pág págs "
    "exmo exma sig sigg dott dott.ssa avv ecc geom str nr dvs dl dna "
    # Polish, Czech
    "hab inż mgr ul al pl zob ks św godz itp itd m.in wg tzw rys "
    # Russian, Ukrainian, Greek
    "проф акад гр г-н г-жа др т.д т.п тыс млн млрд руб коп см стр буд обл кв корп ст κλπ δρ σελ αρ "
    # Turkish, Vietnamese, Hindi, Arabic
    "doç av sn vb vs bkz tp ths gs ts वि".split()
)
"""Abbreviations that may close a sentence: they do when a word follows that starts one."""

BEFORE_NUMBER = frozenset(
    "no nos nr nrn núm num nº p pp pg s fig figs eq eqs sec secs ch chap cap vol vols art arts ver v op bd abb abs kap tab "
    "para paras pos par ziff rn rdnr anm lit lfd cl reg ext apt bldg str tel tél telf tlf tfno fax mob pkt ust rozdz obr "
    "rs re fr sfr kr kč rp lei zł ksh tsh ush jan feb mar apr jun jul aug sep sept oct nov dec est min max ca ok ок "
    "c д стр рис гл с п т".split()
)
"""Abbreviations only in front of a number: "no. 5", but "I said no." """

DEGREES = frozenset("med dent vet jur iur rer nat phil pol oec theol habil hum h.c c".split())
"""What follows "Dr." before the name: such a word ends no sentence."""

STARTERS = frozenset(
    "the a an this that these those there here it its he she they we you i his her their our my your and but or so "
    "if when while as in on at for from to by with after before since then now what who why how where not no yes "
    "please thank thanks did do does is are was were have has will would can could should let also however although "
    "because both each many most one some der die das ein eine er sie es wir ihr ich und aber wenn als im am in man "
    "dann dies diese auch nach le la les un une il elle ils elles on nous vous je et mais ce cette ces en dans pour "
    "el los las una ella ellos yo y pero este esta o os as ele ela eles eu e mas um uma isso lo gli lei loro noi io "
    "ma questo questa on ona oni my to ale nie w z po он она они мы вы я это и но а в на с не по его потом затем "
    "там тут как что если het een hij zij wij ik maar ο η το οι τα και αλλά αυτός bu o ve ama".split()
)
"""Words that often open a sentence and are seldom a name: they tell whether a sentence ends with an abbreviation."""

_ORDINAL_CUES = frozenset("am im vom zum beim seit bis ab der die das dem den des jeden dne".split())
_SPEECH = "said|says|asked|asks|replied|answered|cried|shouted|whispered|added|exclaimed|yelled|called|told|thought|wrote"

_STOP = re.compile(  # the look-ahead says nothing new, and makes the search three times as fast
    r"""(?=[。！？｡．।॥؟۔։።፧፨။།៕‼⁇⁈⁉.!?…‥;\U0001f300-\U0001faff\u2764])(?:(?:
    (?P<wide>[。！？｡．।॥؟۔։።፧፨။།។៕‼⁇⁈⁉]++) [”’」』）】》〉］｣"')\]\ufe0f]{0,8}+
    | (?P<mark>[.!?…‥](?:[.!?…‥]|[ ][.!?…‥](?!\w))*+ | (?<=[\u0370-\u03ff\u1f00-\u1fff]);)
      (?P<close>(?:[)\]}"'”’»›“‘«*_~¹²³⁰-⁹]|[ \u00a0\u202f][»›](?!\w)|\[\d{1,3}\]
      | [ ]?[\U0001f000-\U0001faff\u2600-\u27bf\u200d\ufe0f]|[ ][:;]-?[)D(P](?!\w)){0,8}+)
    )(?P<space>\s*+)
    | (?P<emoji>[\U0001f300-\U0001faff\u2764]
      (?:[\U0001f300-\U0001faff\u2764\u200d\ufe0f]|\s(?=[\U0001f300-\U0001faff\u2764]))*+)\s*+)""",
    re.VERBOSE,
)
_FEELING = re.compile(  # faces, hands, hearts
    "[\U0001f600-\U0001f64f\U0001f440-\U0001f450\U0001f480-\U0001f4af\U0001f910-\U0001f92f\U0001f970-\U0001f97a\U0001f389\u2764]"
)
_OPENERS = re.compile(r"""["'“‘„«‹»(\[{*_¿¡「『`—–\-\s]{0,6}+""")
_WORD = re.compile(r"[^\W\d_]+(?![.\w])")
_NUMBER = re.compile(r"[+#]?\(?\d")
_FOLLOWED_BY_SPACE = re.compile(r"[^\W\d_]+(?=[\s,'’])")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_MARKER = re.compile(r"[\s(*_]{0,4}(?:\d{1,3}|[A-Za-zА-Яа-я]|[ivxIVX]{1,5})[.)]")
_SPEECH_TAG = re.compile(
    rf"(?:(?i:he|she|it|they|we|i|you|who|(?:the|my|his|her|our|their)\s\w+)|[A-Z][\w'’-]*(?:\s[A-Z][\w'’-]*)?)\s(?:{_SPEECH})\b"
    r"|\S{1,8}\s(?:말했|물었|답했|대답|외쳤)"
)
_WIDE_TAG = re.compile(r"[とっをがはのにもなでや]|[^。！？，；：“”「『\s]{0,8}(?:[说說问問答喊叫]|(?<!知)道)")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff]")
_PHRASE_SPACE = re.compile(r"(?<=[\u0e00-\u0eff\u1780-\u17ff\d])\s+(?=[\u0e00-\u0e45\u0e47-\u0eff\u1780-\u17ff])")
_HAN_OR_KANA = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_SPACE = re.compile(r"\s*")
_CUTS = tuple(
    re.compile(rf"(?s:.*)(?:{place})") for place in (r"[.!?;…][\"'”’)\]]?\s|[。！？；]", r"[,:)—–]\s|[、，：،؛]", r"\s", r"[,;|&}\])>]")
)
_QUOTES = frozenset("\"'”’»›“‘«")
_IN_ADDRESSES = frozenset("./\\@=:_&?`")
_GOES_ON = _QUOTES | set(")]}—–-")
_INTERJECTIONS = frozenset({"yahoo", "jeopardy"})


def sentence_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Yield where sentences end in `text[start:end]`, including its end.

    Args:
        text: The whole text; nothing outside the range is looked at.
        start: Where the running text begins.
        end: Where it ends. It is always the last position yielded.

    Yields:
        Ascending positions, each after the white space that follows the stop.
    """
    if end - start < PHRASE and not _STOP.search(text, start, end):  # most lines of lists, notes and tables
        yield end
        return
    opened = start
    for stop_end in _stops(text, start, end):
        yield from _phrase_ends(text, opened, stop_end)
        yield stop_end
        opened = stop_end
    yield from _phrase_ends(text, opened, end)
    yield end


def pack(start: int, ends: Iterable[int], limit: int) -> Iterator[int]:
    """The ends of groups of sentences of at most `limit` characters; a longer sentence is a group."""
    last = start
    for end in ends:
        if end - start > limit and last > start:
            yield last
            start = last
        last = end
    yield last


def after_space(text: str, position: int) -> int:
    """The first position from `position` on that is not white space."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def cut_position(text: str, start: int, end: int, longest: int) -> int | None:
    """Where to cut a range longer than `longest`: after a clause, else a space, else between characters.

    `None`: nothing but white space follows the first `longest` characters.
    """
    limit = start + longest
    if after_space(text, limit) >= end:
        return None
    for best in _CUTS:
        match = best.match(text, start + longest // 2, limit)
        if match:
            return after_space(text, match.end())
    cut = limit
    while cut > max(start + 1, limit - 32) and _joined(text, cut):
        cut -= 1
    return after_space(text, cut)


def _joined(text: str, position: int) -> bool:
    """Whether one visible character spans `position`: combining marks, emoji sequences, surrogate pairs."""
    before, after = text[position - 1], text[position]
    return (
        unicodedata.category(after).startswith("M")
        or "\u200d" in {before, after}
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
    )


def _stops(text: str, start: int, end: int) -> Iterator[int]:
    first: re.Match[str] | None = None
    casual = False
    opened = start
    for stop in _STOP.finditer(text, start, end):
        after = stop.end()
        if after == end:
            return
        if stop["emoji"]:
            ends = _emoji_ends(text, stop, end)
        elif stop["wide"]:
            ends = _wide_ends(text, stop, end)
        elif stop["space"]:
            if first is None and (first := _OPENERS.match(text, start, end)):
                casual = text[first.end() : first.end() + 1].islower()
            ends = _mark_ends(text, opened, stop, end, casual)
        else:
            ends = _unspaced_mark_ends(text, opened, stop, end)
        if ends:
            yield after
            opened = after


def _phrase_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Cut a sentence of a script without stops at its spaces."""
    if end - start < 2 * PHRASE or not _UNSPACED.search(text, start, end):
        return
    for space in _PHRASE_SPACE.finditer(text, start, end):
        if space.end() - start >= PHRASE and end - space.end() >= PHRASE // 2:
            yield space.end()
            start = space.end()


def _wide_ends(text: str, stop: re.Match[str], end: int) -> bool:
    """A stop that needs no space: the end, unless in a title, a number or a quotation that goes on."""
    closers = text[stop.end("wide") : stop.start("space")]
    if not closers:
        return not (text[stop.start() - 1 : stop.start()].isdigit() and text[stop.end() : stop.end() + 1].isdigit())
    if closers[-1] in "》〉":
        return False
    return bool(stop["space"]) or closers[-1] not in "”’」』\"'" or not _WIDE_TAG.match(text, stop.end(), end)


def _emoji_ends(text: str, stop: re.Match[str], end: int) -> bool:
    """Whether an emoji stands in place of a full stop.

    It does before a capital letter, if it shows a feeling or the next word often opens a sentence.
    """
    word = _WORD.match(text, stop.end(), end)
    before = text[max(0, stop.start() - 2) : stop.start()].rstrip()
    if stop.end() == stop.end("emoji") or word is None or not word[0][0].isupper() or not before[-1:].isalpha():
        return False
    return word[0].lower() in STARTERS or _FEELING.search(stop["emoji"]) is not None


def _unspaced_mark_ends(text: str, opened: int, stop: re.Match[str], end: int) -> bool:
    """`this email.If it` lost a space; `node.js` did not. Chinese and Japanese may use `?` without one."""
    if stop["mark"][-1] in "!?" and _HAN_OR_KANA.match(text, stop.end()) and stop.start() > opened:
        return _HAN_OR_KANA.match(text, stop.start() - 1) is not None
    word = _FOLLOWED_BY_SPACE.match(text, stop.end(), end)
    if stop.end() == stop.end("emoji") or word is None or not word[0][0].isupper() or word[0].lower() not in STARTERS:
        return False
    before = _words_before(text, opened, stop.start())
    return bool(before) and len(before[-1]) > 1 and _IN_ADDRESSES.isdisjoint(before[-1])


def _mark_ends(text: str, opened: int, stop: re.Match[str], end: int, casual: bool) -> bool:
    """A Western stop followed by white space."""
    position, after = stop.span()
    mark, closers = stop["mark"], stop["close"]
    if position > opened and text[position - 1] in "([":
        return False  # "(!)" comments on a word
    if closers and not _QUOTES.isdisjoint(closers) and _SPEECH_TAG.match(text, after, end):
        return False
    openers = _OPENERS.match(text, after, end)
    following = openers.end() if openers else after
    if text[following : following + 1].islower() and not text[following + 1 : following + 2].isupper():
        before = _words_before(text, opened, position)
        opening = text[after:following]
        if "¿" in opening or "¡" in opening:
            return True
        return _GOES_ON.isdisjoint(closers + opening) and _ends_before_lower_case(mark, before, casual)
    if mark != ".":
        return True
    before = _words_before(text, opened, position)
    if not before:
        return True
    numbered = before[-1].isdigit() and len(before) > 1 and before[-2].endswith(":")
    if numbered or _MARKER.fullmatch(text, opened, position + 1):
        return False  # the number of an item stays with the item
    return not _is_abbreviation(text, before, following, end)


def _ends_before_lower_case(mark: str, before: list[str], casual: bool) -> bool:
    """Whether a sentence may start with a small letter: after a full stop if the writer uses no capitals."""
    word = before[-1].lower() if before else ""
    if mark[-1] in "?;":
        return True
    if mark[-1] == "!":
        return word not in _INTERJECTIONS
    known = word in NEVER_LAST or word in SELDOM_LAST or _DOTTED.fullmatch(word) is not None
    return mark == "." and casual and len(word) > 1 and not known


def _is_abbreviation(text: str, before: list[str], following: int, end: int) -> bool:
    """Whether the full stop after `before` belongs to its last word and the sentence goes on."""
    word = before[-1].lower()
    if word in NEVER_LAST or _UNSPACED.match(word[-1:]):  # Thai has no full stop, only abbreviations
        return True
    if word in BEFORE_NUMBER and _NUMBER.match(text, following, end):
        return True
    if word in DEGREES and len(before) > 1 and before[-2][-1:] == "." and before[-2][:-1].lower() in NEVER_LAST | DEGREES:
        return True
    initial = len(word) == 1 and word.isalpha() and word < "\u1100"
    ordinal = len(word) < 3 and word.isdigit() and len(before) > 1 and before[-2].lower() in _ORDINAL_CUES
    if not (initial or ordinal or word in SELDOM_LAST or _DOTTED.fullmatch(word)):
        return False
    following_word = _WORD.match(text, following, end)
    return following_word is None or following_word[0].lower() not in STARTERS


def _words_before(text: str, opened: int, stop: int) -> list[str]:
    """The last two words in front of a stop, without opening quotes and brackets."""
    words = text[max(opened, stop - 40) : stop].split()
    return [word.lstrip("\"'“‘„«‹([{*_¿¡—–-/") for word in words[-2:]]
