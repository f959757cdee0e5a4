"""A synthetic memory: many users' preferences, and questions that share no word with the fact that answers them.

Each memory holds one sentence for each of several topics ("ana picks porridge for breakfast .") and small talk. A question names the
topic by another word ("what about dawn ?"), so that words find nothing: a marker must know that both mean the same. The memories of
held-out users are mixed anew; topics and wordings are shared, since a model that knows nothing has to learn them here.

Usage: python -m benchmarks.preferences [--examples N] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attngs.learning.evaluation import label_units
from attngs.learning.labelled import LabelledExample
from attngs.learning.metrics import estimate
from attngs.learning.training.run import train
from attngs.learning.training.settings import TrainingSettings
from attngs.marking.marker import Marker
from attngs.marking.scorers.attention import AttentionConfig
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.simple import RandomScorer
from attngs.testing import tiny_model
from attngs.types import Document

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from attngs.protocols import Scorer

USERS = tuple("ana ben cleo dan eva finn gita hugo ines jon kira leo mia nils olga paul".split())

TOPICS = {
    "breakfast": ("dawn", "porridge pancakes mango toast yoghurt".split()),
    "dinner": ("nightfall", "curry risotto tacos ramen stew".split()),
    "trains": ("railways", "window aisle quiet front sleeper".split()),
    "parties": ("celebrations", "cake charades karaoke dancing fireworks".split()),
    "exercise": ("workouts", "rowing yoga boxing climbing swimming".split()),
    "novels": ("fiction", "mysteries westerns romances fantasy satire".split()),
    "pets": ("animals", "parrots rabbits beagles tortoises goldfish".split()),
    "holidays": ("vacations", "fjords deserts islands castles vineyards".split()),
    "gardens": ("plants", "roses ferns tulips basil cacti".split()),
    "gifts": ("presents", "candles puzzles scarves vouchers chocolate".split()),
}
"""What facts call it: what questions call it, and what one may like."""

SMALL_TALK = tuple("rain traffic neighbours queues headlines elevators printers meetings".split())


def generate(examples: int, *, topics: int = 8, seed: int = 0) -> Iterator[LabelledExample]:
    """Memories with one question each; every example is a group of its own."""
    rng = random.Random(seed)
    names = list(TOPICS)[:topics]
    for number in range(examples):
        user = rng.choice(USERS)
        likes = {topic: rng.choice(TOPICS[topic][1]) for topic in names}
        facts = [f"{user} picks {value} for {topic} ." for topic, value in likes.items()]
        lines = facts + [f"{user} talks about {noise} today ." for noise in rng.sample(SMALL_TALK, len(SMALL_TALK))]
        rng.shuffle(lines)
        asked = rng.choice(names)
        text, fact = "\n".join(lines), facts[names.index(asked)]
        start = text.index(fact)
        yield LabelledExample(
            query=f"what about {TOPICS[asked][0]} ?",
            documents=(Document(text=text, id="memory"),),
            evidence=((0, start, start + len(fact)),),
            answer=likes[asked],
            group=str(number),
        )


def rows(examples: Sequence[LabelledExample]) -> str:
    """The examples as JSON lines that `attngs train` reads."""
    return "".join(
        json.dumps(
            {
                "query": example.query,
                "documents": [{"id": document.id, "text": document.text} for document in example.documents],
                "evidence": [{"doc_id": example.documents[n].id, "start": a, "end": b} for n, a, b in example.evidence],
                "answer": example.answer,
                "group": example.group,
            }
        )
        + "\n"
        for example in examples
    )


def word_tokenizer() -> PreTrainedTokenizerBase:
    """One token a word of this task and of the marker's prompt; anything else is unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<s>", "</s>", "[CLS]", "[SEP]"]
    known = "picks for talks about today what Read is known then answer the question with parts of it that matter What"
    values = [word for topic, (other, likes) in TOPICS.items() for word in (topic, other, *likes)]
    words = dict.fromkeys([*special, *". ? : ,".split(), *known.split(), "Question", "Answer", *USERS, *SMALL_TALK, *values])
    backend = Tokenizer(models.WordLevel(vocab={word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
    )
    return tokenizer


def save_model(folder: Path, model_type: str, **settings: Any) -> Path:
    """A small model with random weights and this task's vocabulary."""
    tokenizer = word_tokenizer()
    model = tiny_model(model_type, peaky=0.5, vocab_size=len(tokenizer), initializer_range=0.1, **settings)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def recall(marker: Marker, examples: Sequence[LabelledExample], share: float, scorer: Scorer | None = None) -> list[float]:
    """Evidence recall of each example in a share of its tokens."""
    assert marker.counter is not None
    found = []
    for example in examples:
        sentences = marker.split(example.documents)
        scores = (scorer or marker.scorer).score(example.query, sentences)
        found.append(label_units(example, sentences, marker.counter).recall(scores, share))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--examples", type=int, default=600)
    arguments.add_argument("--epochs", type=float, default=8)
    arguments.add_argument("--out", type=Path, default=Path("benchmarks/results/preferences.json"))
    options = arguments.parse_args()
    data, held_out = list(generate(options.examples, seed=0)), list(generate(200, seed=1))
    groups = [example.group for example in held_out]
    settings = TrainingSettings(epochs=options.epochs, learning_rate=5e-3, batch_size=16, patience=10)
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for model_type, config in (("llama", AttentionConfig(layers=(0.375,), read_from="query")), ("bert", None)):
            base = save_model(Path(folder, model_type), model_type)
            started = time.perf_counter()
            result = train(data, out=Path(folder, "out", model_type), objective="evidence", marker=base, settings=settings, config=config)
            seconds = time.perf_counter() - started
            untrained, trained = Marker.from_pretrained(base, config=config), Marker.from_pretrained(result.folder)
            table = {
                "random": recall(trained, held_out, 0.1, RandomScorer()),
                "BM25": recall(trained, held_out, 0.1, LexicalScorer()),
                "before": recall(untrained, held_out, 0.1),
                "after": recall(trained, held_out, 0.1),
            }
            results[model_type] = {
                **{name: [round(number, 3) for number in estimate(values, groups)] for name, values in table.items()},
                "seconds": round(seconds, 1),
                "steps": result.steps,
            }
            for name, values in table.items():
                print(f"{model_type:>6} {name:>7}: recall at 10 % {np.mean(values):.3f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"n": len(held_out), "examples": len(data), "models": results}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
