"""The model card of a trained marker: what it is, how good it is, and where it may fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    """Write the card of a run, as Markdown with the front matter that the Hugging Face hub reads.

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
