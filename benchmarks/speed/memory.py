"""Part `memory`: the peak while one context is marked, each method in a process of its own.

On the CPU resident bytes by the kernel's own account (`VmHWM`, set back before the work; elsewhere than on Linux `ru_maxrss`, which cannot
be set back), on a GPU what torch allocated there. `above` is over the loaded model after a small warm-up, `whole` is everything. The C
library is told to give large blocks back at once: what it keeps of them by chance moved one and the same measurement by up to 90 MiB.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import logging

from attngs.marking.marker import Marker
from attngs.marking.scorers.attention import AttentionConfig
from benchmarks.machine import resident_memory
from benchmarks.speed import cold, forwards
from benchmarks.speed.models import POSITIONS, QUICK, SHAPES
from benchmarks.speed.rivals import NAMES as RIVALS
from benchmarks.speed.rivals import Rivals
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.timing import Contender
from benchmarks.speed.workbench import Reading, Workbench

UNKEPT = "attngs, cache_bytes=0"
OWN = "attngs, from_pretrained"
NAMES = (*cold.NAMES, UNKEPT, OWN)
WARM_UP = 64
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the other process is told."""

    name: str
    tokens: int
    read: int
    layers: int
    device: str
    threads: int
    quick: bool
    folder: str
    """Holds the saved model, for those who load one of their own."""


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """One case a size: bytes of everyone."""
    rivals = Rivals(bench)
    names = (forwards.FLOOR, cold.OURS) if settings.quick else NAMES
    told: dict[str, Any] = {"device": settings.device, "threads": settings.threads, "quick": settings.quick}
    with tempfile.TemporaryDirectory() as folder:
        bench.save(folder)
        for tokens in settings.sizes:
            reading = bench.read(bench.corpus.context(tokens), bench.corpus.question(0))
            read = reading.ids.shape[1]
            methods: dict[str, dict[str, int]] = {}
            left_out: dict[str, str] = {}
            with settings.progress(f"memory, {tokens:,} tokens", len(names)) as advance:
                for name in names:
                    job = Job(name=name, tokens=tokens, read=read, layers=reading.layers, folder=folder, **told)
                    found = cold.why_not(bench, rivals, name, reading) or _attempt(job)
                    if isinstance(found, str):
                        left_out[name] = found
                    else:
                        methods[name] = found
                    advance()
            yield str(tokens), {"tokens_read": read, "methods": methods, "left_out": left_out}


def _attempt(job: Job) -> dict[str, int] | str:
    """The bytes, or why a rival has none; a failure of our own ends the benchmark."""
    try:
        return in_process(job)
    except RuntimeError as error:
        if job.name not in RIVALS:
            raise
        return str(error)


def in_process(job: Job) -> dict[str, int]:
    """Bytes above the loaded model at the peak, and in all."""
    command = [sys.executable, "-m", "benchmarks.speed.memory", json.dumps(asdict(job))]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)}  # glibc's; no other C library reads it
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2], env=environment)
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(f"{job.name} failed in a process of its own: {last or f'exit status {done.returncode}'}")
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def _contender(bench: Workbench, rivals: Rivals, job: Job, tokens: int, read: int) -> Contender:
    documents = bench.corpus.context(tokens)
    if job.name == UNKEPT:
        return cold.ours(bench, documents, cache_bytes=0)
    if job.name == OWN:
        return _own(bench, job.folder, tokens)
    ids = torch.randint(5, bench.shape.vocabulary, (1, read), device=bench.device)
    return cold.contender(bench, rivals, job.name, documents, Reading(ids=ids, layers=job.layers))


def _own(bench: Workbench, folder: str, tokens: int) -> Contender:
    """A marker that loads the model itself, no further than it reads. Only once: its weights come into memory when they are first used."""
    documents = bench.corpus.context(tokens)
    marker = _loaded(folder, bench.device, bench.shape.dtype)

    def run(number: int) -> object:
        return marker.mark(documents, bench.corpus.question(number))

    return Contender(name=OWN, prepare=lambda number: marker.forget(), run=run)


@cache
def _loaded(folder: str, device: str, dtype: torch.dtype) -> Marker:
    return Marker.from_pretrained(folder, device=device, dtype=dtype, window=POSITIONS, config=AttentionConfig.paper())


def _run(job: Job) -> dict[str, int]:
    torch.set_num_threads(job.threads)
    bench = Workbench(QUICK if job.quick else SHAPES[job.device], job.device)
    rivals = Rivals(bench, job.folder)
    small = _contender(bench, rivals, job, WARM_UP, WARM_UP)
    small.prepare(0)
    small.run(0)
    del small
    contender = _contender(bench, rivals, job, job.tokens, job.read)
    contender.prepare(0)
    gc.collect()
    bench.synchronize()
    loaded = _reset(job.device)
    contender.run(0)
    bench.synchronize()
    peak = _peak(job.device)
    return {"above": peak - loaded, "whole": peak}


def _reset(device: str) -> int:
    """Set the high-water mark back; the bytes there are now."""
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return int(torch.cuda.memory_allocated())
    if _RESET.exists():
        _RESET.write_text("5")
    return resident_memory()


def _peak(device: str) -> int:
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _main(argument: str) -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    told: dict[str, Any] = json.loads(argument)
    print(json.dumps(_run(Job(**told))))


if __name__ == "__main__":
    _main(sys.argv[1])
