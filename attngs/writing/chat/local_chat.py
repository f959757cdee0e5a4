"""A model in this process as a writer: greedy, one call at a time; it can be stopped at any token."""

from __future__ import annotations

import asyncio
import copy
import os
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from transformers import GenerationConfig, StoppingCriteria, TextIteratorStreamer

from attngs.errors import ChatError, ConfigError, UnsupportedModelError, check_whole
from attngs.reading.copies import Shared
from attngs.reading.failures import is_out_of_memory
from attngs.reading.gguf import named
from attngs.reading.loading import ModelSettings, load_model, window_limit, wrap_model
from attngs.types import ChatReply, Message, Usage
from attngs.writing.chat.chat_template import ChatTemplate
from attngs.writing.chat.messages import clean_messages

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class LocalChat(Shared):
    """A writer on this machine: a Hugging Face decoder trained to chat. Nothing leaves the machine.

    To mark and write with the same weights, load them here and share them: a marker alone loads neither the upper layers nor the head.

    ```
    chat = LocalChat.from_pretrained("Qwen/Qwen3-0.6B")
    compressor = ContextCompressor(Marker.from_model(chat.model, chat.tokenizer), chat)
    ```

    Calls from any number of threads and event loops run one after the other; the prompt is read in one pass, which cannot be interrupted.

    Args:
        model: In evaluation mode, with its language model head; neither moved nor changed.
        tokenizer: With a chat template.
        name: For messages.
        max_tokens: Most tokens of a reply; it gets fewer if the window ends first.
        timeout: Seconds that a call waits for its reply, including the calls before it.
        template_options: Variables of the chat template, such as `{"enable_thinking": True}`.

    Attributes:
        model: Share it with `Marker.from_model`.
        tokenizer: The same.
        context_window: Tokens that the model reads and writes together.

    Raises:
        UnsupportedModelError: It cannot generate, or has no chat template.
        ConfigError: A setting is outside its range, or the model is in training mode.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str | None = None,
        max_tokens: int = 1_024,
        timeout: float | None = None,
        template_options: Mapping[str, object] | None = None,
    ) -> None:
        check_whole("max_tokens", max_tokens)
        if timeout is not None and (not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout > 0):
            raise ConfigError(f"`timeout` must be a number of seconds above 0, or None, got {timeout!r}.")
        loaded = wrap_model(model, tokenizer, name=name)
        if not loaded.causal or not model.can_generate():
            raise UnsupportedModelError(
                f"`{loaded.name}` ({type(model).__name__}) cannot write: it is no decoder, or was loaded without its language model head. "
                "Load the whole with `LocalChat.from_pretrained`, and share it with `Marker.from_model(chat.model, chat.tokenizer)`."
            )
        self.model = model
        self.tokenizer = tokenizer
        self.context_window = window_limit(model, tokenizer)
        self._name = loaded.name
        self._max_tokens = max_tokens
        self._timeout = timeout
        self._template = ChatTemplate(tokenizer, template_options)
        self._ends = _ends(model, tokenizer, self._template)
        self._generation = _greedy(model, tokenizer, sorted(self._ends))
        self._workers: dict[int, ThreadPoolExecutor] = {}

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        gguf_file: str | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        revision: str | None = None,
        max_tokens: int = 1_024,
        timeout: float | None = None,
        template_options: Mapping[str, object] | None = None,
    ) -> Self:
        """Load a writer from the Hugging Face hub, a folder or a GGUF file; no pickle, no foreign code.

        Args:
            name_or_path: For example `Qwen/Qwen3-0.6B`, a folder, or `model.gguf`.
            gguf_file: The GGUF file to load, where `name_or_path` is a folder or a repository that holds one.
            device: The best there is (CUDA, MPS, CPU) when not given.
            dtype: bfloat16 on CUDA (float16 on older cards), float16 on MPS, float32 on CPU when not given.
            revision: Branch, tag or commit.
            max_tokens: As for the class.
            timeout: As for the class.
            template_options: As for the class.

        Raises:
            ModelNotFoundError: Nothing by that name could be loaded.
            UnsupportedModelError: It needs code of its own, cannot generate, or has no chat template.
            AssetError: A GGUF file is damaged, or there is no room to unpack it.
            MissingDependencyError: A GGUF file needs the extra `gguf`.
            ConfigError: A setting is outside its range.
        """
        loaded = load_model(named(name_or_path, gguf_file), ModelSettings(device=device, dtype=dtype, revision=revision))
        return cls(
            loaded.model,
            loaded.tokenizer,
            name=loaded.name,
            max_tokens=max_tokens,
            timeout=timeout,
            template_options=template_options,
        )

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """Write, and wait.

        Raises:
            ChatError: The prompt does not fit the window, the chat template has no place for a message, the time is over, or the model
                failed.
            InputError: The messages cannot be used.
        """
        stop = threading.Event()
        future = self._submit(messages, stop)
        try:
            return future.result(self._timeout)
        except TimeoutError:
            raise self._late() from None
        finally:
            stop.set()
            future.cancel()

    def stream(self, messages: Sequence[Message]) -> Iterator[str]:
        """Write, and yield the words as they come. Leaving the loop stops the model at its next token.

        Raises:
            ChatError: As for `complete`; what was written until then has been handed on.
            InputError: The messages cannot be used.
        """
        stop = threading.Event()
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=self._timeout)
        future = self._submit(messages, stop, streamer)
        future.add_done_callback(lambda _: streamer.end())  # also when it failed, so that nobody waits for words that will not come
        try:
            yield from filter(None, streamer)
            future.result()
        except queue.Empty:
            raise self._late() from None
        finally:
            stop.set()
            future.cancel()

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete` for an event loop. Cancelling it stops the model at its next token."""
        stop = threading.Event()
        future = self._submit(messages, stop)
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise self._late() from None
        finally:
            stop.set()
            future.cancel()

    def __repr__(self) -> str:
        return f"LocalChat({self._name!r})"

    def _submit(
        self, messages: Sequence[Message], stop: threading.Event, streamer: TextIteratorStreamer | None = None
    ) -> Future[ChatReply]:
        return self._worker.submit(self._write, clean_messages(messages), stop, streamer)

    @property
    def _worker(self) -> ThreadPoolExecutor:
        """One for each process: a forked child has the queue, but not the thread.

        Made in one step, because two threads may come at once.
        """
        return self._workers.setdefault(os.getpid(), ThreadPoolExecutor(max_workers=1, thread_name_prefix="attngs-chat"))

    def _write(self, messages: Sequence[Message], stop: threading.Event, streamer: TextIteratorStreamer | None) -> ChatReply:
        prompt = self._template.encode(messages)
        room = self.context_window - len(prompt)
        if room < 1:
            raise ChatError(
                f"the prompt has {len(prompt)} tokens, and the window of `{self._name}` {self.context_window}, including the reply. "
                "Give it less text, or use a model with a longer window."
            )
        written = self._generate(prompt, min(room, self._max_tokens), stop, streamer)
        ended = bool(written) and written[-1] in self._ends
        return ChatReply(
            text=str(self.tokenizer.decode(written, skip_special_tokens=True)),
            finish_reason="stop" if ended else "length",
            usage=Usage(len(prompt), len(written)),
        )

    def _generate(self, prompt: list[int], most: int, stop: threading.Event, streamer: TextIteratorStreamer | None) -> list[int]:
        """The ids of the reply, including its end token."""
        ids = torch.tensor([prompt], device=self.model.device)
        config = copy.copy(self._generation)
        config.max_new_tokens = most
        generate: Any = self.model.generate
        try:
            with torch.inference_mode():
                output = generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    generation_config=config,
                    stopping_criteria=[_StopSwitch(stop)],
                    streamer=streamer,
                )
        except (RuntimeError, IndexError, ValueError, MemoryError) as error:
            reason = str(error).partition("\n")[0]
            if is_out_of_memory(error):
                error.__traceback__ = None  # its frames hold what filled the memory
                raise ChatError(f"`{self._name}` ran out of memory on a prompt of {len(prompt)} tokens: {reason}.") from error
            raise ChatError(f"`{self._name}` failed on a prompt of {len(prompt)} tokens: {reason}") from error
        if stop.is_set():
            raise ChatError(f"`{self._name}` was told to stop.", retryable=True)
        return list(output[0, len(prompt) :].tolist())

    def _late(self) -> ChatError:
        return ChatError(
            f"`{self._name}` wrote no complete reply within {self._timeout:g} s, including the wait for earlier calls. Raise `timeout`, "
            "or lower `max_tokens`.",
            retryable=True,
        )


class _StopSwitch(StoppingCriteria):
    """Ends the generation when nobody waits for it any longer."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._stop.is_set(), dtype=torch.bool, device=input_ids.device)


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, template: ChatTemplate) -> set[int]:
    """The end tokens of config, tokenizer and chat template: each may lack some."""
    own = model.generation_config.eos_token_id if model.generation_config else None
    return {tokenizer.eos_token_id, template.end_of_turn, *(own if isinstance(own, list | tuple) else [own])} - {None}


def _greedy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, ends: list[int]) -> GenerationConfig:
    """The model's own settings, including penalties, but without sampling."""
    config = copy.deepcopy(model.generation_config) or GenerationConfig()
    config.update(
        do_sample=False,
        temperature=None,
        top_p=None,
        top_k=None,
        min_p=None,
        typical_p=None,
        num_beams=1,
        num_return_sequences=1,
        max_length=None,
        return_dict_in_generate=False,
        eos_token_id=ends or None,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends, default=0),
    )
    return config
