"""transformers' Trainer with our loss and our validation; all else is its own."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from attngs.errors import ModelError
from attngs.learning.training.examples import TrainingExample
from attngs.learning.training.objectives import Objective
from attngs.learning.training.settings import TrainingSettings
from attngs.learning.training.validation import Validator
from attngs.reading.progress import tell


class MarkerTrainer(Trainer):
    """Trains the LoRA weights of a model.

    Args:
        model: With LoRA weights.
        objective: Gives the loss.
        examples: To train on.
        validator: Measures between steps.
        settings: Of the run.
        checkpoints: The folder that gets the checkpoints.
        log: The file that gets one JSON object a line.
    """

    def __init__(
        self,
        model: PeftModel,
        objective: Objective,
        examples: Sequence[TrainingExample],
        validator: Validator,
        settings: TrainingSettings,
        *,
        checkpoints: Path,
        log: Path,
    ) -> None:
        self._objective = objective
        self._examples = examples
        self._validator = validator
        self._lora = model
        self._stop = Stop()
        numbers: Any = range(len(examples))
        as_they_are: Any = list
        super().__init__(
            model=model,
            args=_arguments(settings, len(examples), checkpoints, next(model.parameters()).device, validator.decisive),
            train_dataset=numbers,  # contexts are drawn when their step comes
            eval_dataset=numbers[:0],
            data_collator=as_they_are,
            callbacks=[EarlyStoppingCallback(settings.patience), _Log(log), _Watch(checkpoints), self._stop],
        )
        self.model_accepts_loss_kwargs = False  # our loss is a mean over examples, whatever the model's own would be
        self.remove_callback(PrinterCallback)

    def run(self, checkpoint: Path | None) -> None:
        """Train, from a checkpoint on if there is one, and put the best weights into the model.

        Raises:
            ModelError: The loss or a gradient is not a number.
            KeyboardInterrupt: After Ctrl-C, when the step was finished and its checkpoint written.
        """
        with self._stop.listening():
            self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if self._stop.wanted and self.state.global_step < self.state.max_steps:
            raise KeyboardInterrupt(f"stopped after step {self.state.global_step} of {self.state.max_steps}")
        self._lora.eval()

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """The objective's loss; a loss that is not a number ends the run.

        Raises:
            ModelError: The loss is NaN or infinite.
        """
        loss = self._objective.loss([self._examples[number] for number in inputs], self.state.global_step)
        if not torch.isfinite(loss):
            raise ModelError(_not_a_number("loss", self.state.global_step, Path(str(self.args.output_dir))))
        return (loss, None) if return_outputs else loss

    def evaluate(self, *arguments: Any, **settings: Any) -> dict[str, float]:
        """The validator's numbers."""
        self._lora.eval()
        try:
            metrics = {f"eval_{name}": value.mean for name, value in self._validator.measure().items()}
        except ModelError as error:
            reason = _not_a_number("score of a validation example", self.state.global_step - 1, Path(str(self.args.output_dir)))
            raise ModelError(reason) from error
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def floating_point_ops(self, inputs: Any) -> int:
        """Counts nothing: it would need the token ids, which the objective makes."""
        return 0

    def _prepare_inputs(self, inputs: Any) -> Any:
        return inputs  # numbers of examples, of use on the CPU only

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the LoRA weights alone. Trainer itself would ask the hub and pickle its arguments."""
        self._lora.save_pretrained(str(output_dir or self.args.output_dir), save_embedding_layers=False)


class Stop(TrainerCallback):
    """Ends a run after Ctrl-C: finishes the step and writes a checkpoint. A second one leaves at once."""

    def __init__(self) -> None:
        self.wanted = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl-C inside the block; only the main thread gets signals at all."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self.wanted:
                raise KeyboardInterrupt
            self.wanted = True

        own = signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, own)

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **settings: Any) -> Any:
        if self.wanted:
            control.should_save = control.should_training_stop = True
        return control


class _Log(TrainerCallback):
    """Writes each record as one line of a file, and tells whoever waits how far the run is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_log(self, args: TrainingArguments, state: Any, control: Any, logs: Mapping[str, float] | None = None, **rest: Any) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **{k: round(v, 6) for k, v in (logs or {}).items()}}) + "\n")

    def on_step_end(self, args: TrainingArguments, state: Any, control: Any, **settings: Any) -> None:
        tell("training", state.global_step, state.max_steps)


class _Watch(TrainerCallback):
    """Stops before gradients that are not numbers reach the weights, so that every checkpoint is good."""

    def __init__(self, checkpoints: Path) -> None:
        self._checkpoints = checkpoints

    def on_pre_optimizer_step(self, args: TrainingArguments, state: Any, control: Any, **settings: Any) -> None:
        model: Any = settings["model"]
        gradients: list[Tensor] = [weight.grad for weight in model.parameters() if weight.grad is not None]
        if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
            raise ModelError(_not_a_number("gradient", state.global_step, self._checkpoints))


def _not_a_number(what: str, step: int, checkpoints: Path) -> str:
    last = max((int(path.name.rpartition("-")[2]) for path in checkpoints.glob("checkpoint-*")), default=None)
    kept = f"The last good checkpoint is `{checkpoints / f'checkpoint-{last}'}`." if last is not None else "There is no checkpoint yet."
    return (
        f"the {what} is not a number in step {step + 1}. Start again with a lower `learning_rate`, a tenth for example, and with "
        f"`dtype=torch.float32` if the model ran in half precision. {kept}"
    )


def _arguments(settings: TrainingSettings, examples: int, checkpoints: Path, device: torch.device, decisive: str) -> TrainingArguments:
    per_epoch = -(-examples // (settings.batch_size * settings.gradient_accumulation))
    total = max(1, round(settings.epochs * per_epoch))
    interval = max(1, total // settings.evaluations)
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup * total),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        logging_steps=max(1, total // 100),
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=interval,
        save_strategy="steps",
        save_steps=interval,
        save_total_limit=2,  # the best one and the last
        load_best_model_at_end=True,
        metric_for_best_model=decisive,
        greater_is_better=decisive != "answer_loss",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=device.type == "cpu",
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # more of them would make Trainer copy the model to each
    return arguments
