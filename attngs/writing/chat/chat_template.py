"""Chat messages -> token ids, by a template whose control tokens no message can imitate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attngs.errors import ChatError, UnsupportedModelError
from attngs.reading.encoding import TextEncoder
from attngs.types import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PLACE = re.compile("\ue000(\\d+)\ue001")


class ChatTemplate:
    """Builds prompts for one tokenizer. Control tokens inside a message become ordinary text.

    Args:
        tokenizer: A fast tokenizer with a chat template.
        options: Variables of the template, such as `{"enable_thinking": True}`. Thinking is off unless it is switched on here.

    Attributes:
        end_of_turn: The control token that the template writes behind a reply. `None` if it writes none, or takes no replies.

    Raises:
        UnsupportedModelError: There is no template.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: Mapping[str, object] | None = None) -> None:
        if not tokenizer.chat_template:
            raise UnsupportedModelError(
                f"`{tokenizer.name_or_path or type(tokenizer).__name__}` has no chat template, so there is no way to talk to it. Use a "
                "model that was trained to chat (often named `-Instruct`, `-Chat` or `-it`), or set `tokenizer.chat_template`."
            )
        self._tokenizer = tokenizer
        self._options: dict[str, Any] = {"enable_thinking": False, **(options or {})}
        self._encoder = TextEncoder(tokenizer)
        self.end_of_turn = self._end_of_turn()

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of the messages and of the opening of the reply.

        If the template takes no system message, its text goes before the user's first message.

        Raises:
            ChatError: The template refuses these messages, leaves one out, or fails.
        """
        contents = messages
        try:
            rendered = self._render(messages, add_generation_prompt=True)
        except ChatError:
            if [message.role for message in messages[:2]] != ["system", "user"]:
                raise
            contents = [Message("user", f"{messages[0].content}\n\n{messages[1].content}"), *messages[2:]]
            rendered = self._render(contents, add_generation_prompt=True)
        spelled = [encoded.ids.tolist() for encoded in self._encoder.encode([message.content for message in contents])]
        ids: list[int] = []
        for number, part in enumerate(_PLACE.split(rendered)):
            ids += spelled[int(part)] if number % 2 else self._encoder.encode_template(part)
        return ids

    def _end_of_turn(self) -> int | None:
        try:
            rendered = self._render([Message("user", "?"), Message("assistant", "!")], add_generation_prompt=False)
        except ChatError:
            return None
        behind = self._encoder.encode_template(_PLACE.split(rendered)[-1].lstrip())
        return behind[0] if behind and behind[0] in self._encoder.control_ids else None

    def _render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        """The filled template, with a numbered place instead of each message's text."""
        name, roles = self._tokenizer.name_or_path, ", ".join(message.role for message in messages)
        places = [{"role": message.role, "content": f"\ue000{number}\ue001"} for number, message in enumerate(messages)]
        try:
            rendered = str(
                self._tokenizer.apply_chat_template(places, tokenize=False, add_generation_prompt=add_generation_prompt, **self._options)
            )
        except Exception as error:  # a template is a program: whatever a program can raise
            raise ChatError(
                f"the chat template of `{name}` failed on messages of the roles {roles} ({type(error).__name__}: {error}). "
                "Set `tokenizer.chat_template` to one that takes them."
            ) from error
        if {int(number) for number in _PLACE.findall(rendered)} != set(range(len(messages))):
            raise ChatError(f"the chat template of `{name}` leaves out one of the messages of the roles {roles}.")
        return rendered
