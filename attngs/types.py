"""The values that flow through attngs: frozen, keyword-only, and free of any framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Span(NamedTuple):
    """Half-open character range `[start, end)` of a text."""

    start: int
    end: int


class Unit(NamedTuple):
    """`text[start:end]`, the smallest part that is kept or dropped as one."""

    start: int
    end: int
    heads: tuple[int, ...] = ()
    """Numbers of earlier units that this one is read with, outermost first: its headings, its table's header, its speaker."""
    kind: str = "sentence"
    """`sentence`, `heading`, `item`, `header`, `row`, `cell`, `question`, `answer`, `turn`, `speaker`, `field`, `key`, `record`, `event`,
    `frame`, `code`, `signature`, or `markup`: what carries no words, such as the time stamp of a subtitle, and is not worth keeping by
    itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text of the context: a memory, a profile, a retrieved passage."""

    text: str
    id: str = ""
    """Kept in every result. Empty: one is assigned by position."""
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    """Carried along untouched. The heat map shows it, but for names that begin with an underscore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A unit of selection: `document.text[start:end]`. Units of one document tile its text."""

    document: Document
    position: int
    """Which document of the request, counted from 0; tells documents with equal ids apart."""
    start: int
    end: int
    heads: tuple[Span, ...] = ()
    """Units of the document that this one is read with, outermost first: its headings, its table's header, its speaker.

    They stand before it; only the name of a record may stand behind its other fields, and an error behind its frames."""
    kind: str = "sentence"
    """As `Unit.kind`."""
    part_of: Span | None = None
    """The unit that this is a part of, where the unit was too long for the budget."""

    @property
    def text(self) -> str:
        """The characters of the unit, trailing white space included."""
        return self.document.text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and the background that it is read with. `attngs.as_question` makes one from a chat."""

    text: str
    """What is asked. Writers are shown nothing else of a question."""
    background: str = ""
    """What was said shortly before. Empty for a question that stands alone: it is then scored as its text is."""

    @property
    def whole(self) -> str:
        """The text behind its background."""
        return f"{self.background}\n{self.text}" if self.background else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What is known of all units, where only some of them are looked at."""

    units: int
    having: Mapping[str, int]
    """For each word of the question, how many of the units have it."""
    mean: float
    """Of the scores of all."""
    spread: float
    """Their standard deviation."""
    least: float
    """The least of them."""
    named: Sequence[float]
    """How much the question asks for the document of each unit that is looked at: 1 for its date or all words of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """A question to a scorer, with every sentence of one context."""

    query: str
    sentences: Sequence[Sentence]
    namespace: str = ""
    """Whose context it is. What is kept of it is found only under the same namespace."""
    whole: Whole | None = None
    """What the sentences are part of; `None` where they are all that there is."""


class Warmth(NamedTuple):
    """What `Marker.warm` read."""

    tokens: int
    """Tokens of the context."""
    kept: int
    """How many of them are in the cache now; fewer than `tokens` when the cache is too small."""
    bytes: int
    """What they take there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marking:
    """What the marker found: one score and one mark per sentence, in reading order."""

    query: str
    sentences: tuple[Sentence, ...]
    scores: tuple[float, ...]
    """Higher is more important. Comparable inside one marking only."""
    marked: tuple[bool, ...]
    probabilities: tuple[float, ...] | None = None
    """How probable it is that each sentence bears on the question: 0 to 1, comparable between questions and contexts.

    They fall where the scores fall. `None` where the marker cannot tell.
    """
    successors: Mapping[int, int] = field(default_factory=dict[int, int])
    """By number of a sentence, the number of a later one that says what became of it: that somebody moved, or that a date changed."""
    background: str = ""
    """What the question was read with, if it is a follow-up (`Question`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedMemory:
    """What a question has to do with a memory."""

    documents: tuple[Document, ...]
    """Those that were looked at, in reading order: all of a small memory."""
    marking: Marking
    """Of these documents; of a large memory, only the units that a search found."""
    complete: bool
    """Whether these are all documents of the memory, with all their units."""
    tokens: int
    """Of all documents of the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which sentences fit the budget.

    `kept` and `dropped` are indices in reading order; every sentence is in one of them.
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    text: str
    """The kept sentences, verbatim, joined and labelled."""
    tokens: int
    """Tokens of `text`, counted on `text` itself."""
    reason: str | None = None
    """Why something that was asked for is not there; `None` when all is as asked."""
    heads: tuple[int, ...] = ()
    """Those of `kept` that are there only because others are read with them."""
    copies: Mapping[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    """For those of `kept` that are said more than once: the dropped ones that say the same."""
    too_long: tuple[int, ...] = ()
    """Those among the best of `dropped` that the budget could not hold even alone. Their parts may fit."""
    silent: bool = False
    """Nothing is kept because nothing bears on the question, not for want of room."""


class Place(NamedTuple):
    """Where in the request a sentence stands: `[start, end)` of a document."""

    document_id: str
    position: int
    """Which document of the request, counted from 0; tells documents with equal ids apart."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One sentence of the context with its place and its score."""

    document_id: str
    """In full."""
    label: str
    """What the document is called in the text: its id, or a number in place of a long one."""
    position: int
    """Which document of the request, counted from 0; tells documents with equal ids apart."""
    start: int
    end: int
    text: str
    score: float
    probability: float | None
    """That the sentence bears on the question; `None` where the marker cannot tell."""
    marked: bool
    metadata: Mapping[str, object]
    head: bool = False
    """Kept only because other kept sentences are read with it."""
    copies: tuple[Place, ...] = ()
    """Where else it is said; what is kept is said once."""
    superseded_by: Place | None = None
    """Where a later sentence says what became of this; `None` where none was found."""


class Claim(NamedTuple):
    """Something that a sentence of a rewrite says and that its sources do not."""

    kind: str
    """What is unsupported: `number`, `date`, `time`, `amount`, `unit`, `contact`, `name`, `negation`, `attribution`, `modality`,
    `quantity`, `tense`, `condition`, `comparison`, `order`, `cause` or `content`."""
    text: str
    """As written in the sentence; for an `attribution` the name in lower case, or the citation."""


class Message(NamedTuple):
    """One chat message; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


class Usage(NamedTuple):
    """Tokens that the writer says it used, in its own tokens."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """What a writer answered."""

    text: str
    """As it came; may be empty."""
    finish_reason: str | None = None
    """Why the writer ended: `stop`, `length` (cut off), `content_filter`, `tool_calls` or `refusal`; `None` when it did not say."""
    usage: Usage | None = None
