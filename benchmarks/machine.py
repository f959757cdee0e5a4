"""Where and with what a number was measured: every result file says so itself."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import torch

import attngs

_FLAT = re.compile(r"\[\s+([^\[\]{}]*?)\s+\]")

RESULTS = Path(__file__).parent / "results"


def describe_machine() -> dict[str, object]:
    """Date, hardware and versions."""
    return {
        "date": date.today().isoformat(),
        "code": code_version(),
        "cpu": cpu_model(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average_at_start": [round(load, 2) for load in os.getloadavg()],
        "torch_threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "versions": {"python": platform.python_version()}
        | {"attngs": attngs.__version__}  # also of a checkout that is not installed
        | {name: version(name) for name in ("torch", "transformers", "tokenizers", "numpy")},
    }


def code_version() -> str:
    """The last commit that changed `attngs/`, and whether `attngs/` differed from it when the process began."""
    here = Path(__file__).parents[1]
    try:
        commit = subprocess.run(["git", "log", "-1", "--format=%h", "--", "attngs"], cwd=here, check=True, capture_output=True, text=True)
        changed = subprocess.run(["git", "status", "--porcelain", "--", "attngs"], cwd=here, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + ("-changed" if changed.stdout.strip() else "")


def free_memory() -> int:
    """Bytes that a process can still have without swapping."""
    return int(psutil.virtual_memory().available)


def resident_memory() -> int:
    """Bytes that this process has."""
    return int(psutil.Process().memory_info().rss)


def cpu_model() -> str:
    """The processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def save_results(name: str, results: Mapping[str, object]) -> Path:
    """Write `results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(flat_json(results), encoding="utf-8")
    return path


def flat_json(results: Mapping[str, object]) -> str:
    """Indented, but for lists of numbers, which read better in one line."""
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    return _FLAT.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"
