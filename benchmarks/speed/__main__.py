"""What marking costs in time and memory, beside what it must beat.

    python -m benchmarks.speed [--device cpu|cuda] [--sizes 1024 2048 ...] [--rounds 5] [--threads 1] [--parts cold warm ...] [--quick]

A random decoder in the shape of Qwen2, so that no network is needed: 128 million parameters in float32 on the CPU, 0.5 billion in bfloat16
on a GPU. Contenders take turns in one process, each round in another order; ratios are taken within a round and told as their median and
range, on the clock and in CPU seconds of the process. Memory is measured in a process of its own for each method.

Each case goes to `results/speed.json` as soon as it is measured, beside those of earlier runs; page and chart are made of that file.
"""

from __future__ import annotations

import logging as logs
from collections.abc import Callable, Iterator
from typing import Any

import torch
from transformers import logging

from benchmarks.machine import RESULTS, describe_machine
from benchmarks.speed import batch, cold, exactness, memory, overhead, storage, warm
from benchmarks.speed.chart import draw
from benchmarks.speed.page import tables, write_page
from benchmarks.speed.settings import Found, Settings, parse_arguments
from benchmarks.speed.store import Store
from benchmarks.speed.workbench import Workbench

MEASURE: dict[str, Callable[[Workbench, Settings], Iterator[Found]]] = {
    "exactness": exactness.measure,
    "cold": cold.measure,
    "warm": warm.measure,
    "storage": storage.measure,
    "batch": batch.measure,
    "overhead": overhead.measure,
    "memory": memory.measure,
}


def main() -> None:
    settings = parse_arguments()
    torch.set_num_threads(settings.threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    logs.getLogger("llmslim").setLevel(logs.ERROR)  # says that it counts by characters; the table says so too
    store = Store(RESULTS / "speed.json", describe_machine())
    bench = Workbench(settings.shape, settings.device)
    for part in settings.parts:
        found: dict[str, Any] = {}
        for case, data in MEASURE[part](bench, settings):
            found[case] = data
            if not settings.quick:
                store.put(settings.device, part, case, data)
                store.save()
        for table in tables({part: found}):
            settings.console.print(table.rich())
    if settings.quick:
        return
    for path in filter(None, (store.path, write_page(store), draw(store))):
        settings.console.print(f"written: {path}")


if __name__ == "__main__":
    main()
