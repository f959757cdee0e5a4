"""How long the embedded marker takes for a question over the example person's context, first question and later ones."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from attngs.compressor import ContextCompressor
from attngs.marking.marker import Marker
from attngs.text.files import read_documents

EXAMPLES = Path(__file__).parents[1] / "examples" / "data"
TARGET_TOKENS = 512
COLD_RUNS = 3


def measure_latency() -> dict[str, object]:
    """Milliseconds, wall and CPU, medians: `cold` reads every sentence, `warm` finds them in the cache; `warm_mark` only marks."""
    documents = read_documents([EXAMPLES / "maren"], io.BytesIO())
    questions = [json.loads(line)["query"] for line in (EXAMPLES / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines()]
    loads, cold, warm = [], [], []
    for number in range(COLD_RUNS):
        began = time.perf_counter()
        marker = Marker.default()
        loads.append(1_000 * (time.perf_counter() - began))
        compressor = ContextCompressor(marker)
        compressor.compress("A text that warms up the kernels. And another one.", "What is this?", target_tokens=8)
        cold.append(_timed(partial(compressor.compress, documents, questions[number], target_tokens=TARGET_TOKENS)))
    warm = [_timed(partial(compressor.compress, documents, question, target_tokens=TARGET_TOKENS)) for question in questions]
    warm_mark = [_timed(partial(marker.mark, documents, question)) for question in questions]
    sentences = marker.split(documents)
    assert marker.counter is not None
    return {
        "tokens": sum(marker.counter.count([document.text for document in documents])),
        "sentences": len(sentences),
        "target_tokens": TARGET_TOKENS,
        "load_marker_ms": round(median(loads)),
        "cold": _medians(cold),
        "warm": _medians(warm),
        "warm_mark": _medians(warm_mark),
        "warm_parts_ms": {
            "split": _part(lambda: marker.split(documents)),
            "score": _part(lambda: marker.scorer.score(questions[0], sentences)),
        },
    }


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - wall), 1_000 * (time.process_time() - cpu)


def _medians(runs: Sequence[tuple[float, float]]) -> dict[str, float]:
    walls = [wall for wall, _ in runs]
    return {
        "wall_ms": round(median(walls), 1),
        "wall_ms_min": round(min(walls), 1),
        "wall_ms_max": round(max(walls), 1),
        "cpu_ms": round(median(cpu for _, cpu in runs), 1),
        "runs": len(runs),
    }


def _part(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append(1_000 * (time.perf_counter() - began))
    return round(median(times), 1)
