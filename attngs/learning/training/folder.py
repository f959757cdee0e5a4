"""The output folder of a run: whose it is, where it stopped, and what it holds, model card included.

`run.json` is there while a run goes on, `marker.json` and the model card once it is finished. Checkpoints lie in `checkpoints/` and go with
the end of the run: they are many times as large as the LoRA weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from attngs.errors import ConfigError
from attngs.reading.lora import CONFIG, RECORD, UNFINISHED, WEIGHTS
from attngs.text.files import write_whole

OURS = (UNFINISHED, RECORD, CONFIG, WEIGHTS, "log.jsonl", "README.md")


class RunFolder:
    """Where a run writes.

    Attributes:
        path: The folder.
        checkpoints: What a killed run goes on from.
        log: One JSON object a line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.log = path / "log.jsonl"

    def begin(self, run: Mapping[str, Any], *, resume: bool, overwrite: bool) -> Path | None:
        """Take the folder for a run.

        Args:
            run: What tells it from other runs: model, data, objective and settings.
            resume: Go on with it.
            overwrite: Delete what another run wrote.

        Returns:
            The checkpoint to go on from; `None` to begin at the beginning.

        Raises:
            ConfigError: The folder holds another run or other files, or nothing that could go on.
        """
        if resume and overwrite:
            raise ConfigError("pass `resume` or `overwrite`, not both: one goes on with what the other deletes.")
        run = json.loads(json.dumps(run))
        if resume:
            return self._resume(run)
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            self._clear(overwrite)
        write_whole(self.path / UNFINISHED, json.dumps(run, indent=2) + "\n")
        return None

    def finish(self, record: Mapping[str, Any], card: str) -> None:
        """Turn a run whose LoRA weights are written into a marker, with its record and its model card."""
        write_whole(self.path / "README.md", card)
        write_whole(self.path / RECORD, json.dumps(record, indent=2) + "\n")
        (self.path / UNFINISHED).unlink()
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _resume(self, run: Mapping[str, Any]) -> Path | None:
        if (self.path / RECORD).is_file():
            raise ConfigError(f"the run in `{self.path}` is finished; there is nothing to resume. Use `overwrite` to train anew.")
        try:
            begun = json.loads((self.path / UNFINISHED).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"`{self.path}` holds no run that could be resumed; train without `resume`.") from error
        if changed := _differences(begun, run):
            raise ConfigError(
                f"the run in `{self.path}` was begun with other settings: {'; '.join(changed)}. Resume it with the same ones, or train "
                "anew with `overwrite`."
            )
        checkpoint = next((path for path in reversed(self._by_step()) if _complete(path)), None)
        self._forget_after(int(checkpoint.name.rpartition("-")[2]) if checkpoint else -1)
        return checkpoint

    def _clear(self, overwrite: bool) -> None:
        ours = self.path.is_dir() and any((self.path / name).is_file() for name in (UNFINISHED, RECORD))
        if not ours:
            raise ConfigError(f"`out` names `{self.path}`, which holds other files; give a new or an empty folder.")
        if not overwrite:
            state = "a finished run" if (self.path / RECORD).is_file() else "a run that is not finished"
            raise ConfigError(f"`out` names `{self.path}`, which holds {state}; use `resume` to go on, or `overwrite` to delete it.")
        for name in OURS:
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _by_step(self) -> list[Path]:
        return sorted(self.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))

    def _forget_after(self, step: int) -> None:
        """Remove what will be done again from the checkpoints and the log."""
        for path in self._by_step():
            if int(path.name.rpartition("-")[2]) > step:
                shutil.rmtree(path)
        if self.log.is_file():
            lines = [line for line in self.log.read_text("utf-8").splitlines() if _step_of(line) <= step]
            write_whole(self.log, "".join(f"{line}\n" for line in lines))


def _complete(checkpoint: Path) -> bool:
    """Whether a checkpoint was written to its end: Trainer writes its own state last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
        with safe_open(checkpoint / WEIGHTS, "pt") as file:
            return bool(file.keys())
    except (OSError, ValueError, SafetensorError):
        return False


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # half a line, from the moment the run was killed


def _differences(begun: Mapping[str, Any], run: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = list[str]()
    for name in sorted(begun.keys() | run.keys()):
        before, now = begun.get(name), run.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            found += _differences(before, now, f"{prefix}{name}.")
        elif before != now:
            found.append(f"`{prefix}{name}` was {before!r}, is {now!r}" if len(repr((before, now))) < 200 else f"`{prefix}{name}` differs")
    return found


_OBJECTIVES = {
    "answer": "cross-entropy of the answer's tokens, given context and question",
    "perce": "PerCE (arXiv 2603.06595): cross-entropy of the answer's tokens, weighted by how much the context helps to predict each",
    "evidence": "listwise cross-entropy of the marker's own sentence scores against the labelled evidence",
}

_TITLES = {
    "recall": "evidence recall, mean of the three below",
    "recall_at_5": "evidence recall in 5 % of the tokens",
    "recall_at_10": "evidence recall in 10 % of the tokens",
    "recall_at_20": "evidence recall in 20 % of the tokens",
    "average_precision": "average precision of the ranking of the sentences",
    "answer_loss": "loss of the answer, lower is better",
}


def model_card(record: Mapping[str, Any], folder: str) -> str:
    """The card of a trained marker: what it is, how good it is, and where it may fail.

    Markdown with the front matter that the Hugging Face hub reads.

    Args:
        record: What the run wrote to `marker.json`.
        folder: The folder's name, as it stands in the commands.
    """
    data, settings = record["data"], record["settings"]
    before, after = record["before"], record["after"]
    rows = "\n".join(f"| {_TITLES[name]} | {_shown(before[name])} | {_shown(after[name])} |" for name in before)
    base = record["base"]
    load = f'Marker.from_pretrained("{folder}")'
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    verdict = (
        ""
        if record["improved"]
        else "\n**It is not better than the marker it was trained from on the held-out examples: do not use it.**\n"
    )
    return f"""---
base_model: {base}
library_name: peft
tags: [attngs, lora, context-compression]
---

# A marker for `{base}`, objective `{record["objective"]}`

A LoRA adapter (rank {settings["rank"]}, alpha {settings["alpha"]}) that makes this model a better *marker* for
[attngs](https://arxiv.org/abs/2602.07778): it scores the sentences of a context by how much they matter to a question.
{verdict}
## Numbers

On {data["validation"]} examples of {data["validation_groups"]} groups that were not trained on; in brackets the 95 % interval of a
bootstrap over groups.

| | before | after |
|---|---|---|
{rows}

These examples also chose the checkpoint (step {record["best_step"]} of {record["steps"]}), so expect a little less on new ones.

## Use

```python
from attngs import Marker

marker = {load}
```

```console
attngs mark notes.md --query "..." --adapter {folder}
```

The adapter is merged into the weights when it is loaded: marking costs what it costs without.

## Training

- Data: `{data["name"]}`, sha256 `{data["sha256"][:16]}...`: {data["training"]} examples to train on, {data["left_out"]} left out.
- Objective: {_OBJECTIVES[record["objective"]]}.
- Learning rate {settings["learning_rate"]:g} (cosine, {settings["warmup"]:.0%} warmup), batches of
  {settings["batch_size"] * settings["gradient_accumulation"]}, up to {settings["epochs"]:g} epochs, seed {settings["seed"]}.
- {record["seconds"]:,.0f} seconds on {record["device"]} in {record["dtype"]}; {versions}.

The other settings are in `marker.json`, what happened in each step is in `log.jsonl`.

## Limits

It knows the kind of question and of text that it was trained on. On other ones measure it beside the untrained marker before you rely on
it. It does not judge whether a sentence is true, and a text can be written to draw attention. The licences of base model and data apply.
"""


def _shown(value: Mapping[str, float]) -> str:
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
