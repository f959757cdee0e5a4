"""The marker: documents and a question -> scored and marked sentences.

More than 400 lines: half of them say what the ways to make one take, and what its calls return and raise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.errors import ConfigError, UnsupportedModelError
from attngs.marking.algorithm import AlphaRule, MarkRule, Threshold, check_finite, check_probabilities
from attngs.marking.currency import find_successors, successors_first
from attngs.marking.cutting import Cutter
from attngs.marking.echoes import lower_echoes
from attngs.marking.figures import lift_by_figures
from attngs.marking.followups import readings, together
from attngs.marking.heads import errors_first, lift_by_heads
from attngs.marking.labels import lift_by_labels
from attngs.marking.micro_batcher import MicroBatcher, bearable
from attngs.marking.refining import refine
from attngs.marking.scorers.batch import score_batch
from attngs.marking.speakers import lift_by_speakers
from attngs.protocols import CalibratedScorer, Floats, Forgetful, Scorer, SentenceSplitter, TokenCounter, Warmable
from attngs.reading.context_cache import DEFAULT_CACHE_BYTES, DEFAULT_FOLDER_BYTES, ContextCache
from attngs.reading.copies import Shared
from attngs.reading.telemetry import operation
from attngs.text.documents import DocumentLike, as_documents, check_namespace, check_question
from attngs.text.sentences import Splitter
from attngs.types import Document, Marking, Question, ScoreRequest, Sentence, Warmth, Whole

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attngs.marking.assembly import Beside, MarkerParts
    from attngs.marking.probe import Probe
    from attngs.marking.scorers.attention import AttentionConfig
    from attngs.marking.scorers.survey import Survey
    from attngs.reading.tokens import CounterLike

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRequest:
    """One of several questions that are marked together."""

    documents: DocumentLike | Iterable[DocumentLike]
    query: str | Question
    namespace: str = ""
    """Whose documents these are. What is kept of them is found only under the same namespace."""


def _counter_of(setting: CounterLike) -> TokenCounter:
    from attngs.reading.tokens import as_counter  # brings tokenizers

    return as_counter(setting)


def _cache(cache_bytes: int, folder: str | Path | None, folder_bytes: int) -> ContextCache:
    if folder is None:
        return ContextCache(cache_bytes)
    from attngs.reading.chunk_folder import ChunkFolder  # brings torch

    return ContextCache(cache_bytes, ChunkFolder(folder, folder_bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A question, and the units that are marked for it."""

    question: Question
    sentences: Sequence[Sentence]
    namespace: str
    whole: Whole | None = None

    @property
    def readings(self) -> list[ScoreRequest]:
        """What a scorer is asked: the question alone, or also behind its background."""
        texts = readings(self.question)
        return [ScoreRequest(query=text, sentences=self.sentences, namespace=self.namespace, whole=self.whole) for text in texts]


class Marker(Shared):
    """Splits documents into sentences, scores each for a question, and marks those that matter.

    A copy of a marker is the marker itself, so the model is in memory once.

    Args:
        scorer: Gives the scores: one of `attngs.marking.scorers`, or anything with their `score` method.
        splitter: Cuts texts into units.
        rule: Turns scores into marks.
        counter: Counts tokens as this marker's model does, or a function or a name, as for a compressor, which counts its budget with it
            unless told otherwise.
        cache: Keeps the marker's own part of what is read of contexts. A scorer may have caches too; `forget` reaches them all.
        name: What is shown to people.

    Raises:
        ConfigError: `scorer` is no scorer, for example the name of a model, or `counter` is none.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
        counter: CounterLike | None = None,
        cache: ContextCache | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(getattr(scorer, "score", None)):
            raise ConfigError(
                f"`scorer` must have a method `score`, got {scorer!r}. For the embedded model use `Marker.default()`, for a model by its "
                "name or folder `Marker.from_pretrained(name)`."
            )
        self.scorer = scorer
        self.rule = rule or AlphaRule()
        self.counter = counter if counter is None or isinstance(counter, TokenCounter) else _counter_of(counter)
        self.cache = cache or ContextCache()
        self.name = name or type(scorer).__name__
        self._cutter = Cutter(splitter or Splitter(), self.cache)
        self._batcher = MicroBatcher(self.mark_batch)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        gguf_file: str | None = None,
        adapter: str | Path | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
        window: int | None = None,
        layers: Sequence[float] | None = None,
        config: AttentionConfig | None = None,
        probe: str | Path | Probe | None = None,
        encoder: Beside = "auto",
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        cache_storage: str | None = None,
        cache_folder: str | Path | None = None,
        cache_folder_bytes: int = DEFAULT_FOLDER_BYTES,
        max_batch_tokens: int | None = None,
    ) -> Marker:
        """Load a marker from the Hugging Face hub, a local folder or a GGUF file.

        A decoder is read by its attention, which finds less than the embedded encoder; so the encoder's score is added where the extra
        `mini` is installed. Layers above the highest one that is read are not loaded. A BERT-like encoder is read by late attention
        over its states, since its heads find little; pass `layers` or a `config` to read its heads.

        Args:
            name_or_path: For example `Qwen/Qwen3-0.6B`, a folder, or `model.gguf`. The folder of a LoRA adapter that `attngs train`
                wrote stands for the adapter and the model that it was trained on.
            gguf_file: The GGUF file to load, where `name_or_path` is a folder or a repository that holds one.
            adapter: The folder of a LoRA adapter, merged into the model that `name_or_path` names; the layers that it was trained for
                are read.
            device: The best there is (CUDA, MPS, CPU) when not given.
            dtype: bfloat16 on CUDA (float16 on older cards), float16 on MPS, float32 on CPU when not given.
            revision: Branch, tag or commit.
            window: Tokens that are read together; at most what the model allows.
            layers: Which layers are read, as fractions of the depth: `AttentionConfig(layers=...)` for short.
            config: Which layers and positions are read; `AttentionConfig.paper()` is the paper's setting.
            probe: A probe that `attngs fit` learned for this model, or its folder. Scores are then probabilities, and only the layers
                that it needs are loaded.
            encoder: What is added to a decoder's attention: `auto` is the embedded encoder, where it is installed and neither `layers`,
                `config`, `probe` nor an adapter asks for something else; `None` is nothing; or a scorer of yours.
            splitter: Cuts texts into units; with a probe, as it was fitted when not given.
            rule: Turns scores into marks; with a probe, its own threshold when not given.
            cache_bytes: How much may be kept of contexts, so that a further question costs little more than its own tokens; 0 keeps
                nothing.
            cache_storage: How keys and values are kept: `None` as computed, which is exact; `bfloat16` or `int8` take less.
            cache_folder: Where a decoder's keys and values are kept for other processes, which then need not read the same context again;
                nowhere when not given. Who can read the folder can read the texts out of it.
            cache_folder_bytes: How much the folder may hold, 8 GiB when not given; the oldest goes first.
            max_batch_tokens: Tokens of one forward pass over several contexts; by device when not given.

        Raises:
            ModelNotFoundError: Nothing by that name could be loaded.
            UnsupportedModelError: Its attention cannot be read, or it needs code of its own.
            ConfigError: A setting is outside its range, or the adapter or probe belongs to another model.
            AssetError: The adapter or probe cannot be used, or a GGUF file is damaged.
            MissingDependencyError: The extra `gguf` or, for an adapter, `train` is not installed.
            UnavailableError: `cache_folder` cannot be made.
        """
        from attngs.marking.assembly import ScoreSettings, pretrained_parts
        from attngs.reading.gguf import named
        from attngs.reading.loading import ModelSettings

        wanted = ScoreSettings.of(layers=layers, config=config, probe=probe, encoder=encoder)
        settings = ModelSettings(
            device=device, dtype=dtype, revision=revision, window=window, max_batch_tokens=max_batch_tokens, cache_storage=cache_storage
        )
        cache = _cache(cache_bytes, cache_folder, cache_folder_bytes)
        parts = pretrained_parts(named(name_or_path, gguf_file), wanted, settings, adapter=adapter, cache=cache)
        return cls._of(parts, splitter=splitter, rule=rule)

    @classmethod
    def from_model(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        window: int | None = None,
        layers: Sequence[float] | None = None,
        config: AttentionConfig | None = None,
        probe: str | Path | Probe | None = None,
        encoder: Beside = "auto",
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        cache_storage: str | None = None,
        cache_folder: str | Path | None = None,
        cache_folder_bytes: int = DEFAULT_FOLDER_BYTES,
        max_batch_tokens: int | None = None,
    ) -> Marker:
        """Use a model that is in memory already, such as one that chats; settings as in `from_pretrained`."""
        from attngs.marking.assembly import ScoreSettings, model_parts
        from attngs.reading.loading import ModelSettings

        wanted = ScoreSettings.of(layers=layers, config=config, probe=probe, encoder=encoder)
        settings = ModelSettings(window=window, max_batch_tokens=max_batch_tokens, cache_storage=cache_storage)
        cache = _cache(cache_bytes, cache_folder, cache_folder_bytes)
        parts = model_parts(model, tokenizer, wanted, settings, cache=cache)
        return cls._of(parts, splitter=splitter, rule=rule)

    @classmethod
    def default(
        cls,
        *,
        probe: str | Path | Probe | None = None,
        splitter: SentenceSplitter | None = None,
        rule: MarkRule | None = None,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> Marker:
        """The embedded marker: offline, on any CPU, from the extra `mini`; settings as in `from_pretrained`.

        Raises:
            MissingDependencyError: The extra is not installed.
            AssetError: Its weights are not the ones that attngs was measured with, or the probe cannot be used.
            ConfigError: The probe was fitted for another model.
        """
        from attngs.marking.assembly import ScoreSettings, embedded_parts

        wanted = ScoreSettings.of(probe=probe)
        return cls._of(embedded_parts(wanted, ContextCache(cache_bytes)), splitter=splitter, rule=rule)

    @classmethod
    def _of(cls, parts: MarkerParts, *, splitter: SentenceSplitter | None, rule: MarkRule | None) -> Marker:
        return cls(
            parts.scorer,
            splitter=splitter or (Splitter(parts.probe.unit) if parts.probe else None),
            rule=rule or (Threshold(parts.probe.threshold) if parts.probe else None),
            counter=parts.counter,
            cache=parts.cache,
            name=parts.name,
        )

    @property
    def splitter(self) -> SentenceSplitter:
        """The function that cuts texts into units. It cannot be replaced, because its cuts are remembered."""
        return self._cutter.splitter

    @property
    def calibrated(self) -> bool:
        """Whether markings have probabilities: those of the embedded marker and of any model with a probe do."""
        return isinstance(self.scorer, CalibratedScorer)

    def mark(self, documents: DocumentLike | Iterable[DocumentLike], query: str | Question, *, namespace: str = "") -> Marking:
        """Score and mark every sentence.

        Args:
            documents: Texts or `Document`s, in reading order.
            query: The question that the context is for; of a chat, `as_question(messages)`.
            namespace: Whose documents these are. What is kept of them is found only under the same namespace.

        Raises:
            InputError: The documents or the question cannot be used.
            ModelError: The model failed or returned something that is not a number.
        """
        with operation("mark_context", model=self.name) as watched:
            (outcome,) = self.mark_batch([MarkRequest(documents=documents, query=query, namespace=namespace)])
            if isinstance(outcome, Exception):
                raise outcome
            watched.note({"attngs.sentences": len(outcome.sentences)})
            return outcome

    def mark_units(
        self,
        units: Sequence[Sentence],
        query: str | Question,
        *,
        surveys: Sequence[Survey],
        numbers: NDArray[np.int64],
        namespace: str = "",
    ) -> Marking:
        """`mark` for some units of a memory, as if all were looked at, as far as the scorer can.

        Args:
            units: Units that `split` made, in reading order. What each is read with counts if it is among them.
            query: As for `mark`.
            surveys: The question's readings to all units.
            numbers: Of these units among all.
            namespace: As for `mark`.

        Raises:
            InputError: The question cannot be used.
            ModelError: The model failed or returned something that is not a number.
        """
        from attngs.marking.scorers.survey import SurveyScorer, settled_scores, whole_of

        cut = _Cut(question=check_question(query), sentences=units, namespace=check_namespace(namespace))
        every: Sequence[float] | Floats
        if isinstance(self.scorer, SurveyScorer):
            every = settled_scores(self.scorer, surveys, cut.readings, numbers)
            scores = check_finite(every[numbers].tolist(), len(units))
        else:  # these units are all that it can tell anything of
            every = scores = _scores_of(cut, score_batch(self.scorer, cut.readings))
        outcome = self._marking(replace(cut, whole=whole_of(surveys[-1], every, numbers)), scores)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def amark(self, documents: DocumentLike | Iterable[DocumentLike], query: str | Question, *, namespace: str = "") -> Marking:
        """`mark` without blocking the event loop; questions of the same milliseconds share a batch.

        The result is the same as alone. A cancelled call leaves nothing behind.
        """
        with operation("mark_context", model=self.name) as watched:
            request = MarkRequest(documents=as_documents(documents), query=query, namespace=namespace)
            marking = await asyncio.wrap_future(self._batcher.submit(request))
            watched.note({"attngs.sentences": len(marking.sentences)})
            return marking

    def mark_batch(self, requests: Iterable[MarkRequest]) -> list[Marking | Exception]:
        """Mark many contexts in few padded passes: a marking or an error for each request, in their order.

        A request that fails does not affect the others, so errors are returned, not raised.
        """
        cut = [self._cut(request) for request in requests]
        asked = [reading for each in cut if isinstance(each, _Cut) and each.sentences for reading in each.readings]
        scores = iter(score_batch(self.scorer, asked))
        return [
            bearable(
                each if isinstance(each, Exception) else self._marked(each, [*islice(scores, len(each.readings) * bool(each.sentences))])
            )
            for each in cut
        ]

    def refine(
        self, marking: Marking, too_long: Sequence[int], *, target_tokens: int, counter: TokenCounter, namespace: str = ""
    ) -> Marking:
        """Put parts in the place of units that no budget of this size can hold.

        Args:
            marking: Scored and marked units.
            too_long: Numbers of those to cut, as in `Selection.too_long`.
            target_tokens: What a part has to fit into, with the unit that it is read with.
            counter: Whose tokens count.
            namespace: As for `mark`.

        Returns:
            A marking in which each of them is replaced by its parts. The scores of all others stay.

        Raises:
            ModelError: The model failed or returned something that is not a number.
        """

        def score(sentences: Sequence[Sentence]) -> Sequence[float]:
            question = Question(text=marking.query, background=marking.background)
            cut = _Cut(question=question, sentences=sentences, namespace=namespace)
            return _scores_of(cut, score_batch(self.scorer, cut.readings))

        return refine(marking, too_long, room=target_tokens, counter=counter, score=score)

    def warm(self, documents: DocumentLike | Iterable[DocumentLike], *, namespace: str = "") -> Warmth:
        """Read documents before the first question, so that it is as fast as the next.

        Returns:
            How many tokens were read, how many of them the cache holds now, and the bytes that they take there.

        Raises:
            InputError: The documents cannot be used.
            UnsupportedModelError: Nothing that the scorer reads can be kept.
            ModelError: The model failed.
        """
        if not isinstance(self.scorer, Warmable):
            raise UnsupportedModelError(f"`{type(self.scorer).__name__}` has nothing to keep of a context; there is no need to warm it.")
        sentences = self.split(as_documents(documents), namespace=namespace)
        warmth = self.scorer.warm(sentences, namespace) if sentences else Warmth(tokens=0, kept=0, bytes=0)
        if warmth.kept < warmth.tokens:
            message = "the cache holds %d of %d tokens that were warmed; raise `cache_bytes` above %d"
            logger.warning(message, warmth.kept, warmth.tokens, self.cache.max_bytes)
        return warmth

    def forget(self, namespace: str | None = None) -> None:
        """Forget what was read of one namespace's documents, or of all: in marker, scorers and counter.

        Args:
            namespace: Whose documents; everybody's when not given.
        """
        self.cache.clear(namespace)
        parts: tuple[object, ...] = (self.scorer, self.counter)
        for part in parts:
            if isinstance(part, Forgetful):
                part.forget(namespace)

    def split(self, documents: Sequence[Document], *, namespace: str = "") -> tuple[Sentence, ...]:
        """The units of all documents, in reading order; the units of one document tile its text.

        Raises:
            InputError: The splitter's spans do not tile a document, or the namespace is no `str`.
        """
        return self._cutter.cut(documents, check_namespace(namespace))

    def _cut(self, request: MarkRequest) -> _Cut | Exception:
        try:
            question = check_question(request.query)
            sentences = self.split(as_documents(request.documents), namespace=request.namespace)
            return _Cut(question=question, sentences=sentences, namespace=request.namespace)
        except Exception as error:  # a splitter may be anybody's, and raise anything
            return error

    def _marked(self, cut: _Cut, outcomes: Sequence[Sequence[float] | Exception]) -> Marking | Exception:
        try:
            scores = _scores_of(cut, outcomes)
        except Exception as error:
            return error
        return self._marking(cut, scores)

    def _marking(self, cut: _Cut, scores: tuple[float, ...]) -> Marking | Exception:
        try:
            request = cut.readings[-1]
            lifted = errors_first(request.sentences, lift_by_heads(request.sentences, scores))
            lifted = lift_by_labels(request, lifted, self.cache)
            lifted = lift_by_speakers(request, lifted, self.cache)
            lifted = lift_by_figures(request, lifted)
            lowered = lower_echoes(request.query, request.sentences, lifted)
            successors = find_successors(request, lowered, self.scorer)
            final = successors_first(lowered, successors)
            return Marking(
                query=cut.question.text,
                sentences=tuple(request.sentences),
                scores=final,
                marked=tuple(self.rule(final)),
                probabilities=self._probabilities(request, final),
                successors=successors,
                background=cut.question.background,
            )
        except Exception as error:
            return error

    def _probabilities(self, request: ScoreRequest, scores: tuple[float, ...]) -> tuple[float, ...] | None:
        if not isinstance(self.scorer, CalibratedScorer):
            return None
        return check_probabilities(self.scorer.probabilities(request, scores) if scores else (), len(scores))


def _scores_of(cut: _Cut, outcomes: Sequence[Sequence[float] | Exception]) -> tuple[float, ...]:
    """The scores `(S,)` from those of all readings.

    Raises:
        Exception: That of a reading that failed.
    """
    found = list[tuple[float, ...]]()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
        found.append(check_finite(outcome, len(cut.sentences)))
    return together(found) if found else ()
