"""The reader: a small decoder that predicts a rating or a title behind what is left of a profile.

Small readers cannot follow instructions well enough to be asked for an answer. So a title is judged by how likely the reader finds it, and
a rating is the mean of the ratings from 0.5 to 5, each weighted by how likely the reader finds its digits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from attngs.reading.loading import ModelSettings, load_model
from attngs.reading.lora import without_deprecations
from attngs.text.files import write_whole
from benchmarks.attn_gs.data import RATING, Case, cut_to

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HALF = ".5"
"""What stands behind the digit of a half star; a whole star goes on with the slash of `4/5`."""
TITLE_TOKENS = 32
"""Most tokens of a title that the reader writes."""
_IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How the reader is tuned: LoRA on the answer's tokens, behind the full profile and behind none in turn."""

    window: int = 1_024
    """Tokens of a profile; the newest are kept."""
    epochs: int = 2
    learning_rate: float = 2e-4
    batch: int = 4
    """Cases of one step."""
    rank: int = 16
    seed: int = 0


class Reader:
    """A decoder with its tokenizer.

    Args:
        name: A folder, a GGUF file or a name on the hub.
    """

    def __init__(self, name: str) -> None:
        loaded = load_model(name, ModelSettings(dtype=torch.bfloat16))
        self.name = loaded.name
        self.model: PreTrainedModel = loaded.model
        self.tokenizer: PreTrainedTokenizerBase = loaded.tokenizer

    def tokens(self, text: str) -> int:
        """How many the text has."""
        return len(self.ids(text))

    def tuned(self, cases: Sequence[Case], settings: Tuning, folder: Path) -> None:
        """Tune on cases, or take up what an earlier run tuned alike; an unfinished run goes on after its last epoch."""
        told = {"cases": [case.id for case in cases], "reader": self.name, **asdict(settings)}
        done = _record(folder, told)
        with without_deprecations():
            model: Any = PeftModel.from_pretrained(self.model, str(folder), is_trainable=True) if done else self._with_lora(settings)
        for epoch in range(done, settings.epochs):
            self._epoch(model, cases, settings, epoch)
            model.save_pretrained(str(folder))
            write_whole(folder / "tuning.json", json.dumps(told | {"epochs_done": epoch + 1}))
        self.model = model.merge_and_unload().eval()

    def _with_lora(self, settings: Tuning) -> PeftModel:
        torch.manual_seed(settings.seed)
        names = ["q_proj", "k_proj", "v_proj", "o_proj"]
        return get_peft_model(self.model, LoraConfig(r=settings.rank, lora_alpha=2 * settings.rank, target_modules=names))

    def _epoch(self, model: Any, cases: Sequence[Case], settings: Tuning, epoch: int) -> None:
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        for weight in weights:
            weight.data = weight.data.float()  # bfloat16 is too coarse for small steps
        optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate * (1 - epoch / settings.epochs))
        order = random.Random(settings.seed + epoch).sample(list(cases), len(cases))
        model.train()
        for begin in range(0, len(order), settings.batch):
            for number, case in enumerate(order[begin : begin + settings.batch]):
                profile = cut_to(case, settings.window, self.tokens).profile_text if (number + epoch) % 2 == 0 else ""
                prompt, answer = self.ids(prompt_of(case, profile)), self.ids(answer_of(case))
                ids, labels = torch.tensor([prompt + answer]), torch.tensor([[_IGNORED] * len(prompt) + answer])
                (model(input_ids=ids, labels=labels).loss / settings.batch).backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        model.eval()

    def read(self, case: Case, profile: str) -> Reading:
        """Read the prompt of a case behind a profile."""
        return Reading(self, case, profile)

    def ids(self, text: str) -> list[int]:
        """The tokens of a text."""
        return [int(number) for number in self.tokenizer(text, add_special_tokens=False)["input_ids"]]


class Reading:
    """A prompt that was read once, so that several things can be asked of what comes next.

    Args:
        reader: Reads it.
        case: What to predict.
        profile: What stands before it.
    """

    def __init__(self, reader: Reader, case: Case, profile: str) -> None:
        self._reader, self._case, self._past = reader, case, DynamicCache()
        self._next = self._logits([reader.ids(prompt_of(case, profile))], self._past, last=1)[0]  # (1, V)

    def loss(self) -> float:
        """Mean negative log-likelihood of the answer's tokens, in nats."""
        answer = self._reader.ids(answer_of(self._case))
        logits = torch.cat([self._next, self._logits([answer[:-1]], deepcopy(self._past))[0]])
        return float(cross_entropy(logits, torch.tensor(answer)))

    def title(self) -> str:
        """The title that the reader writes, greedily."""
        tokenizer, past = self._reader.tokenizer, deepcopy(self._past)
        written = [int(self._next.argmax())]
        while len(written) < TITLE_TOKENS and written[-1] not in tokenizer.all_special_ids and "\n" not in tokenizer.decode(written):
            written.append(int(self._logits([written[-1:]], past).argmax()))
        return str(tokenizer.decode(written, skip_special_tokens=True)).partition("\n")[0].strip()

    def ratings(self) -> dict[float, float]:
        """How likely each rating is, among those from 0.5 to 5."""
        digits = [self._reader.ids(f" {digit}") for digit in range(6)]
        half, begin = self._reader.ids(HALF)[0], len(digits[0]) - 1  # a space may be a token of its own
        past = deepcopy(self._past)
        past.batch_repeat_interleave(len(digits))
        behind = self._logits(digits, past)  # (6, n, V)
        digit_at = torch.cat([self._next, behind[0]])[begin].softmax(dim=-1)
        found = dict[float, float]()
        for digit, ids in enumerate(digits):
            likely, halves = float(digit_at[ids[begin]]), float(behind[digit, -1].softmax(dim=-1)[half])
            found[float(digit)] = likely * (1 - halves)
            found[digit + 0.5] = likely * halves
        allowed = {stars: share for stars, share in found.items() if 0.5 <= stars <= 5}
        return {stars: share / sum(allowed.values()) for stars, share in allowed.items()}

    def _logits(self, ids: Sequence[Sequence[int]], past: DynamicCache, last: int = 0) -> Tensor:
        """What may follow each token `(B, n, V)`, or the `last` ones alone; the tokens are put into the cache."""
        with torch.inference_mode():
            output = self._reader.model(input_ids=torch.tensor(ids), past_key_values=past, use_cache=True, logits_to_keep=last)
        logits: Tensor = output.logits.float()
        return logits


def prompt_of(case: Case, profile: str) -> str:
    """What the reader goes on with."""
    return "".join(_prompt(case, profile))


def answer_of(case: Case) -> str:
    """What should come next."""
    return f" {case.rating:g}/5" if case.task == RATING else f" {case.answer}\n"


def _prompt(case: Case, profile: str) -> Iterator[str]:
    films = case.task == RATING
    if profile.strip():
        yield f"{'Ratings of one user:' if films else 'Earlier papers of one author:'}\n{profile.strip()}\n\n"
    yield f"{case.subject} | rated" if films else f"Abstract: {case.subject.strip()}\nTitle:"


def _record(folder: Path, told: dict[str, Any]) -> int:
    """How many epochs of such a tuning are in a folder.

    Raises:
        SystemExit: It holds another tuning.
    """
    path = folder / "tuning.json"
    if not path.exists():
        return 0
    found = json.loads(path.read_text(encoding="utf-8"))
    done = int(found.pop("epochs_done"))
    if found != told:
        raise SystemExit(f"{folder} holds a reader that was tuned otherwise; delete it, or name another folder with --work.")
    return done
