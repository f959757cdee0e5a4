"""The requests and replies of the server, as OpenAPI describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from attngs.result.result import CompressedContext
from attngs.text.documents import clean_text
from attngs.types import Document, Marking, Source

MOST_TOKENS = 1_000_000

Query = Annotated[str, Field(description="The question that the context is for.", examples=["What may she not eat?"])]
TargetTokens = Annotated[
    int,
    Field(
        strict=True, ge=1, le=MOST_TOKENS, description="Hard limit on the reply's `text`, in tokens of the server's marker.", examples=[256]
    ),
]
MinScore = Annotated[
    Annotated[float, Field(strict=True)] | None,
    Field(ge=0, le=1, description="Keep only what bears on the question with at least this probability. None: whatever fits."),
]


class _Model(BaseModel):
    """Refuses fields that it does not know. Lone surrogates, which no reply can hold, become U+FFFD."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, given: Any) -> Any:
        return _cleaned(given)


class Text(_Model):
    """One text: a memory, a passage, a note."""

    text: str = Field(description="Any text; its format is recognised.", examples=["Ana is allergic to nuts. It rained all week."])
    id: str = Field("", description="Kept in every reply. Without one, the text gets one.", examples=["note-1"])
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Carried along. A `date`, `source` or `role` helps.", examples=[{"date": "2026-03-14"}]
    )

    def document(self) -> Document:
        return Document(text=self.text, id=self.id, metadata=self.metadata)

    @classmethod
    def of(cls, document: Document) -> Text:
        return cls(text=document.text, id=document.id, metadata=dict(document.metadata))


Texts = Annotated[list[Text | str], Field(min_length=1, description="Texts, in reading order.")]


def documents(texts: Sequence[Text | str]) -> list[Document]:
    """The texts of a request."""
    return [Document(text=text) if isinstance(text, str) else text.document() for text in texts]


class CompressRequest(_Model):
    """Texts to be made short for a question."""

    documents: Texts
    query: Query
    target_tokens: TargetTokens = 256
    min_score: MinScore = None


class SourceModel(_Model):
    """One sentence that the text is made of."""

    document_id: str
    position: int = Field(description="Which document of the request, counted from 0.")
    start: int = Field(description="First character in the document's text.")
    end: int = Field(description="The character after the last.")
    text: str
    score: float = Field(description="Comparable inside one reply only; higher is more important.")
    probability: float | None = Field(description="That the sentence bears on the question; null where the marker cannot tell.")
    superseded: bool = Field(description="Whether a later sentence says what became of this.")

    @classmethod
    def of(cls, source: Source) -> SourceModel:
        return cls(
            document_id=source.document_id,
            position=source.position,
            start=source.start,
            end=source.end,
            text=source.text,
            score=source.score,
            probability=source.probability,
            superseded=source.superseded_by is not None,
        )


class CompressReply(_Model):
    """A context made short."""

    text: str = Field(description="For the prompt.", examples=["Ana is allergic to nuts."])
    sources: list[SourceModel] = Field(description="What `text` is made of, in reading order.")
    original_tokens: int
    compressed_tokens: int = Field(description="Of `text`, at most `target_tokens`.")
    target_tokens: int
    counter: str = Field(description="Whose tokens these are.")
    reason: str | None = Field(description="Why the text is not what was asked for; null if it is.")

    @classmethod
    def of(cls, result: CompressedContext) -> CompressReply:
        return cls(
            text=result.text,
            sources=[SourceModel.of(source) for source in result.sources],
            original_tokens=result.original_tokens,
            compressed_tokens=result.compressed_tokens,
            target_tokens=result.target_tokens,
            counter=result.counter,
            reason=result.reason,
        )


class MarkRequest(_Model):
    """Texts whose sentences are to be scored."""

    documents: Texts
    query: Query


class Mark(_Model):
    """One sentence and its score."""

    document_id: str
    position: int = Field(description="Which document of the request, counted from 0.")
    start: int
    end: int
    text: str
    score: float
    probability: float | None
    marked: bool = Field(description="Whether the sentence matters to the question.")


class MarkReply(_Model):
    """Every sentence of the documents, in reading order."""

    sentences: list[Mark]

    @classmethod
    def of(cls, marking: Marking) -> MarkReply:
        probabilities = marking.probabilities or (None,) * len(marking.sentences)
        rows = zip(marking.sentences, marking.scores, probabilities, marking.marked, strict=True)
        return cls(
            sentences=[
                Mark(
                    document_id=sentence.document.id,
                    position=sentence.position,
                    start=sentence.start,
                    end=sentence.end,
                    text=sentence.text,
                    score=score,
                    probability=probability,
                    marked=marked,
                )
                for sentence, score, probability, marked in rows
            ]
        )


class AddRequest(_Model):
    """Texts to remember."""

    documents: Texts


class AddReply(_Model):
    """What the texts are called from now on."""

    ids: list[str] = Field(description="In the order of the texts.", examples=[["note-1"]])


class UpdateRequest(_Model):
    """What a document says from now on."""

    text: str = Field(description="In place of the whole text.", examples=["Ana is allergic to nuts and sesame."])


class AskRequest(_Model):
    """A question to the memory."""

    query: Query
    target_tokens: TargetTokens = 256


class ListReply(_Model):
    """A page of what is remembered, in reading order."""

    documents: list[Text]
    total: int = Field(description="How many there are in all.")


class Health(_Model):
    """How the server is."""

    status: str = Field(examples=["ok"])


class ErrorDetail(_Model):
    """What went wrong."""

    message: str = Field(description="What was wrong, and what to do.")
    type: str
    param: str | None
    code: str | None = Field(description="One word for programs.")


class ErrorReply(_Model):
    """Every failure, in the shape that OpenAI's clients know."""

    error: ErrorDetail


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
