"""Messages of OpenAI's two APIs, as our rules read them and as a model is shown them.

These are messages of Chat Completions and items of the Responses API. Almost every framework and server speaks one of the two. What the
rules do not know, such as an image or a thought, is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attngs.errors import InputError
from attngs.hosts.conversation import Said
from attngs.hosts.frames import TAGS
from attngs.hosts.shortening import View
from attngs.text.defusing import defuse_tags

_ROLES = {"developer": "system", "function": "tool"}
"""What others call a role of ours."""
_KNOWN = ("system", "developer", "user", "assistant", "tool", "function")
_CALLS = frozenset({"function_call", "custom_tool_call"})
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})
"""Items of the Responses API."""
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})


class OpenAIMessages:
    """Reads dicts with `role` and `content`, and items such as `function_call`.

    Objects of OpenAI's own package are read too, and come back as they are.
    """

    def read(self, messages: Sequence[Any]) -> list[Said]:
        """The messages as our rules read them.

        Raises:
            InputError: One has no known role, or a content of another kind.
        """
        fields = [_fields(message, number) for number, message in enumerate(messages)]
        names = dict[str, str]()
        for item in fields:
            names |= _called(item)
        return [_said(item, number, names) for number, item in enumerate(fields)]

    def show(self, messages: Sequence[Any], view: View) -> list[Any]:
        """The messages as a model is shown them; copies where something changes."""
        return [_shown(messages[number], number, view) for number in view.shown]


def _shown(message: Any, number: int, view: View) -> Any:
    fields = _fields(message, number)
    if number in view.results:
        return {**fields, "output" if fields.get("type") in _RESULTS else "content": view.results[number]}
    if fields.get("role") != "user" or _holds_results(fields):
        return message
    content, before = fields.get("content") or "", view.before.get(number, "")
    if isinstance(content, str):
        shown: object = before + defuse_tags(content, TAGS)
    else:
        kind = "input_text" if any(str(part.get("type", "")).startswith("input_") for part in content) else "text"
        shown = [*([{"type": kind, "text": before}] if before else []), *map(_without_frames, content)]
    return message if shown == content else {**fields, "content": shown}


def _said(fields: Mapping[str, Any], number: int, names: Mapping[str, str]) -> Said:
    if "role" not in fields:
        return _item(fields, number, names)
    role, call_id = str(fields["role"]), str(fields.get("tool_call_id") or "")
    text, is_text = _text(fields.get("content"), number)
    calls = [call for call in (fields.get("tool_calls") or ()) if isinstance(call, Mapping)]
    return Said(
        role="tool" if _holds_results(fields) else _ROLES.get(role, role),
        text=text,
        name=str(fields.get("name") or names.get(call_id, "")),
        call_id=call_id,
        calls="".join(_call(call.get("function") or call.get("custom") or {}) for call in calls) + _call(fields.get("function_call") or {}),
        is_text=is_text,
    )


def _item(fields: Mapping[str, Any], number: int, names: Mapping[str, str]) -> Said:
    """An item of the Responses API that is no message."""
    call_id = str(fields.get("call_id") or "")
    if fields["type"] in _RESULTS:
        text, is_text = _text(fields.get("output"), number)
        return Said(role="tool", text=text, name=names.get(call_id, ""), call_id=call_id, is_text=is_text)
    return Said(role="assistant", text="", calls=_call(fields))


def _called(fields: Mapping[str, Any]) -> dict[str, str]:
    """The names of the tools that a message calls, by the id of the call."""
    if fields.get("type") in _CALLS:
        return {str(fields.get("call_id") or ""): str(fields.get("name") or "")}
    calls = [call for call in (fields.get("tool_calls") or ()) if isinstance(call, Mapping)]
    return {str(call.get("id") or ""): str((call.get("function") or call.get("custom") or {}).get("name") or "") for call in calls}


def _call(function: Mapping[str, Any]) -> str:
    """A call's name and arguments, which take tokens."""
    return f"{function.get('name') or ''} {function.get('arguments') or function.get('input') or ''}".strip()


def _fields(message: Any, number: int) -> Mapping[str, Any]:
    """The message as a mapping."""
    found = message.model_dump(exclude_none=True) if callable(getattr(message, "model_dump", None)) else message
    if not isinstance(found, Mapping):
        raise InputError(
            f"`messages[{number}]` must be a dict with `role` and `content`, got {type(message).__name__}. For another "
            "framework's messages, make the shortener with `messages=` and their shape, such as `PydanticMessages()`."
        )
    role = found.get("role")
    if role not in _KNOWN and ("role" in found or not isinstance(found.get("type"), str)):
        raise InputError(f"the role of `messages[{number}]` must be one of {', '.join(_KNOWN)}, got {role!r}.")
    return found


def _text(content: object, number: int) -> tuple[str, bool]:
    """The text of a content, and whether it holds nothing else."""
    if content is None or isinstance(content, str):
        return content or "", True
    if not isinstance(content, Sequence) or not all(isinstance(part, Mapping) for part in content):
        raise InputError(f"the content of `messages[{number}]` must be a str or a list of parts, got {type(content).__name__}.")
    texts = [str(part["text"]) for part in content if part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str)]
    return "".join(texts), len(texts) == len(content)


def _holds_results(fields: Mapping[str, Any]) -> bool:
    """Whether a user's message brings results of tools, as Anthropic's do; it begins no turn."""
    content = fields.get("content")
    return isinstance(content, Sequence) and any(isinstance(part, Mapping) and part.get("type") == "tool_result" for part in content)


def _without_frames(part: Mapping[str, Any]) -> Mapping[str, Any]:
    text = part.get("text")
    safe = defuse_tags(text, TAGS) if isinstance(text, str) else text
    return part if safe == text else {**part, "text": safe}
