"""The result file. Parts, sizes and devices are measured at different times, so each case says when and where it was measured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.machine import flat_json


class Store:
    """Results by device, part and case; a new measurement replaces the old one of its case and leaves the others.

    Args:
        path: The JSON file; what is in it stays.
        machine: Where this process runs.
    """

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        self.path = path
        self._machine = {key: value for key, value in machine.items() if key != "load_average_at_start"}  # each case has its own
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.machines: list[dict[str, Any]] = found.get("machines", [])
        self.results: dict[str, dict[str, dict[str, dict[str, Any]]]] = found.get("results", {})

    def put(self, device: str, part: str, case: str, data: dict[str, Any]) -> None:
        """Take up one case."""
        if self._machine not in self.machines:
            self.machines.append(self._machine)
        stamp = {"machine": self.machines.index(self._machine), "load_average": round(os.getloadavg()[0], 2)}
        self.results.setdefault(device, {}).setdefault(part, {})[case] = stamp | data

    def save(self) -> None:
        """Write the file; machines that no case names any more are left out."""
        cases = [case for parts in self.results.values() for found in parts.values() for case in found.values()]
        used = sorted({case["machine"] for case in cases})
        self.machines = [self.machines[number] for number in used]
        for case in cases:
            case["machine"] = used.index(case["machine"])
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(flat_json({"machines": self.machines, "results": self.results}), encoding="utf-8")
