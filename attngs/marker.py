"""The marker: documents and a question -> scored and marked sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.documents import DocumentLike, as_documents, check_query
from attngs.errors import InputError
from attngs.marking import AlphaRule, MarkRule, check_finite
from attngs.protocols import Scorer, SentenceSplitter, TokenCounter
from attngs.sentences import Splitter
from attngs.types import Document, Marking, Sentence

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attngs.loading import LoadedModel
    from attngs.scorers.attention import AttentionConfig


class Marker:
    """Splits documents into sentences, scores each for a question, and marks those that matter.

    Args:
        scorer: Gives the scores: one of `attngs.scorers`, or anything with their `score` method.
        splitter: Cuts texts into units.
        rule: Turns scores into marks.
        counter: Counts tokens as this marker's model does; the default budget currency of a compressor.
        name: What is shown to people.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
        counter: TokenCounter | None = None,
        name: str | None = None,
    ) -> None:
        self.scorer = scorer
        self.splitter = splitter or Splitter()
        self.rule = rule or AlphaRule()
        self.counter = counter
        self.name = name or type(scorer).__name__

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
        window: int | None = None,
        config: AttentionConfig | None = None,
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
    ) -> Marker:
        """Load a marker from the Hugging Face hub or a local folder.

        A decoder is read by its attention, as in the paper. A BERT-like encoder is read by late attention over its states, because the
        heads of sentence encoders find little evidence; pass a `config` to read its heads all the same.

        Args:
            name_or_path: For example `Qwen/Qwen3-0.6B`, or a folder.
            device: The best there is (CUDA, MPS, CPU) when not given.
            dtype: bfloat16 on CUDA, float16 on MPS, float32 on CPU when not given.
            revision: Branch, tag or commit.
            window: Tokens that one pass may read; at most what the model allows.
            config: Which layers and positions are read.
            splitter: Cuts texts into units.
            rule: Turns scores into marks.

        Raises:
            ModelNotFoundError: Nothing by that name could be loaded.
            UnsupportedModelError: Its attention cannot be read, or it needs code of its own.
            ConfigError: A setting is outside its range.
        """
        from attngs.loading import load_model

        loaded = load_model(name_or_path, device=device, dtype=dtype, revision=revision, window=window)
        return cls._of(loaded, _scorer_of(loaded, config), splitter=splitter, rule=rule)

    @classmethod
    def from_model(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        window: int | None = None,
        config: AttentionConfig | None = None,
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
    ) -> Marker:
        """Use a model that is in memory already, for instance the one that also chats. The settings are those of `from_pretrained`."""
        from attngs.loading import wrap_model

        loaded = wrap_model(model, tokenizer, window=window)
        return cls._of(loaded, _scorer_of(loaded, config), splitter=splitter, rule=rule)

    @classmethod
    def default(cls, *, splitter: SentenceSplitter | None = None, rule: MarkRule | None = None) -> Marker:
        """The embedded marker: works offline, on any CPU, with the weights of the extra `mini`.

        Raises:
            MissingDependencyError: The extra is not installed.
            AssetError: Its weights are not the ones that attngs was measured with.
        """
        from attngs.embedded import load_embedded
        from attngs.scorers.embedded import EmbeddedScorer
        from attngs.sentence_states import SentenceStates

        loaded = load_embedded()
        return cls._of(loaded, EmbeddedScorer(SentenceStates(loaded)), splitter=splitter, rule=rule)

    @classmethod
    def _of(cls, loaded: LoadedModel, scorer: Scorer, *, splitter: SentenceSplitter | None, rule: MarkRule | None) -> Marker:
        from attngs.tokens import TokenizerCounter

        counter = TokenizerCounter(loaded.tokenizer, loaded.name)
        return cls(scorer, splitter=splitter, rule=rule, counter=counter, name=loaded.name)

    def mark(self, documents: DocumentLike | Iterable[DocumentLike], query: str) -> Marking:
        """Score and mark every sentence.

        Raises:
            InputError: The documents or the question cannot be used.
            ModelError: The model failed or returned something that is not a number.
        """
        query = check_query(query)
        sentences = self.split(as_documents(documents))
        scores = check_finite(self.scorer.score(query, sentences), len(sentences)) if sentences else ()
        return Marking(query=query, sentences=sentences, scores=scores, marked=tuple(self.rule(scores)))

    def split(self, documents: Sequence[Document]) -> tuple[Sentence, ...]:
        """The units of all documents, in reading order; those of one document tile its text.

        Raises:
            InputError: The splitter's spans leave something out.
        """
        sentences = list[Sentence]()
        for position, document in enumerate(documents):
            end = 0
            for span in self.splitter(document.text):
                if span.start != end or span.end <= span.start:
                    raise InputError(f"the splitter's spans of `documents[{position}]` do not tile its text at character {end}.")
                end = span.end
                sentences.append(Sentence(document=document, position=position, start=span.start, end=span.end))
            if end != len(document.text):
                raise InputError(f"the splitter's spans of `documents[{position}]` end at character {end} of {len(document.text)}.")
        return tuple(sentences)


def _scorer_of(loaded: LoadedModel, config: AttentionConfig | None) -> Scorer:
    """Attention of a decoder, or of an encoder whose heads are asked for; late attention of any other encoder."""
    from attngs.scorers.attention import AttentionScorer
    from attngs.scorers.embedded import encoder_scorer
    from attngs.sentence_states import SentenceStates

    reads_heads = loaded.causal or config is not None
    return AttentionScorer(loaded, config) if reads_heads else encoder_scorer(SentenceStates(loaded))
