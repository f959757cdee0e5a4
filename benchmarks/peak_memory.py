"""Peak memory of one reading, in a process of its own.

    python -m benchmarks.peak_memory METHOD TOKENS

Prints a line of JSON: resident bytes with the model loaded and warmed up on 64 tokens, and the peak while reading, both by the kernel's
own account (`VmHWM`, set back before the reading; elsewhere than on Linux `ru_maxrss`, which cannot be set back).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import resident_memory

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measure_in_subprocess(method: str, tokens: int, threads: int) -> dict[str, int]:
    """Bytes resident with the loaded model, and above it at the peak."""
    command = [sys.executable, "-m", "benchmarks.peak_memory", method, str(tokens), str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    measured = json.loads(done.stdout.splitlines()[-1])
    return {"loaded": int(measured["loaded"]), "above": int(measured["peak"]) - int(measured["loaded"])}


def _peak() -> int:
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _main(method: str, tokens: int, threads: int) -> None:
    import torch

    from benchmarks.readings import Readings, build_batch, build_model

    torch.set_num_threads(threads)
    readings = Readings(build_model())
    readings.methods[method](build_batch(64))
    batch = build_batch(tokens)
    if _RESET.exists():
        _RESET.write_text("5")  # sets the high-water mark back to what is resident now
    loaded = resident_memory()
    readings.methods[method](batch)
    print(json.dumps({"loaded": loaded, "peak": _peak()}))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
