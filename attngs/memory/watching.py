"""What operators see of a memory, in the words of the conventions, such as `search_memory`.

How many records, and how many tokens; ids, questions and texts only where somebody asked for them (`attngs.reading.telemetry`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import chain
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from attngs.reading.telemetry import Operation, operation
from attngs.result.result import CompressedContext
from attngs.types import MarkedMemory

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Owned(Protocol):
    """A memory of one namespace."""

    @property
    def namespace(self) -> str: ...


Kept = TypeVar("Kept", bound=Owned)


def watched(
    name: str, note: Callable[[Operation, Any, object], None] = lambda seen, result, given: None
) -> Callable[[Callable[Concatenate[Kept, Arguments], Result]], Callable[Concatenate[Kept, Arguments], Result]]:
    """Tell operators of each call of a method.

    Args:
        name: The conventions' name of the operation.
        note: Gets the operation, what the method returned, and its first argument.
    """

    def decorate(method: Callable[Concatenate[Kept, Arguments], Result]) -> Callable[Concatenate[Kept, Arguments], Result]:
        @wraps(method)
        def run(self: Kept, /, *given: Arguments.args, **named: Arguments.kwargs) -> Result:
            with operation(name, {"gen_ai.provider.name": "attngs"}) as seen:
                seen.content("gen_ai.memory.store.id", lambda: self.namespace)
                result = method(self, *given, **named)
                note(seen, result, next(chain(given, named.values()), None))
                return result

        return run

    return decorate


def found(seen: Operation, result: CompressedContext, query: object) -> None:
    """What was found of how much, for which question."""
    seen.context_tokens(original=result.original_tokens, sent=result.compressed_tokens)
    seen.note({"gen_ai.memory.record.count": len({source.document_id for source in result.kept})})
    seen.content("gen_ai.memory.query.text", lambda: result.query)
    seen.content("gen_ai.memory.records", lambda: [{"id": source.document_id, "content": source.text} for source in result.kept])


def marked(seen: Operation, result: MarkedMemory, query: object) -> None:
    """How many documents were looked at, for which question."""
    seen.note({"gen_ai.memory.record.count": len(result.documents)})
    seen.content("gen_ai.memory.query.text", lambda: result.marking.query)


def added(seen: Operation, names: Sequence[str], documents: object) -> None:
    """How many, and which."""
    changed(seen, None, names)


def changed(seen: Operation, result: None, names: object) -> None:
    """How many, and which, if they can be looked at twice."""
    ids = [names] if isinstance(names, str) else names
    if isinstance(ids, Sequence):
        seen.note({"gen_ai.memory.record.count": len(ids)})
        seen.content("gen_ai.memory.record.id", lambda: ids[0] if len(ids) == 1 else ids)
