"""An agent with a long memory and a long tool result: what its model is shown with and without attngs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, dynamic_prompt
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from pydantic import Field
from rich.console import Console
from rich.table import Table

from attngs import read_documents
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, StoreMemory, ToolResults

PERSON = Path(__file__).parent / "data" / "maren"
COMPRESSOR = AttnGSCompressor(target_tokens=128)
MEMORY = StoreMemory(namespace=("memories", "{user_id}"), target_tokens=256, label=lambda item: item.key)
CALL = {"name": "read_profile", "args": {"person": "Maren"}, "id": "1"}
QUESTION = "Which pills does she take now, and what must she not eat or drink with them?"


class Model(GenericFakeChatModel):
    """Calls the tool, then answers."""

    shown: list[list[BaseMessage]] = Field(default_factory=list)

    def _generate(self, messages: list[BaseMessage], *args: Any, **settings: Any) -> Any:
        self.shown.append(messages)
        return super()._generate(messages, *args, **settings)

    def bind_tools(self, tools: Any, **settings: Any) -> Any:
        return self


@tool
def read_profile(person: str) -> str:
    """Everything that is written down about a person."""
    return "".join((PERSON / name).read_text(encoding="utf-8") for name in ("profile.md", "notes.txt"))


@dynamic_prompt
def whole_memory(request: ModelRequest[Any]) -> str:
    """What people do without attngs: put everything into the prompt."""
    return "\n".join(item.value["text"] for item in request.runtime.store.search(("memories", "maren"), limit=1_000))


def ask(middleware: AgentMiddleware[Any, Any, Any], store: InMemoryStore) -> list[list[BaseMessage]]:
    model = Model(messages=iter([AIMessage("", tool_calls=[CALL]), AIMessage("Lercanidipine, no grapefruit.")]))
    agent = create_agent(model, [read_profile], middleware=[middleware], store=store, checkpointer=InMemorySaver())
    agent.invoke({"messages": [("user", QUESTION)]}, {"configurable": {"user_id": "maren", "thread_id": "1"}})
    return model.shown


def main() -> None:
    console, store = Console(), InMemoryStore()
    for session in read_documents([PERSON / "memory.jsonl"], io.BytesIO()):
        store.put(("memories", "maren"), session.id, {"text": session.text})
    with_attngs = AttnGSMiddleware(COMPRESSOR, memory=MEMORY, tool_results=ToolResults(trigger_tokens=200))
    without, short, count = ask(whole_memory, store), ask(with_attngs, store), COMPRESSOR.found_counter().count
    table = Table("what the model is shown", "without attngs", "with attngs", title=QUESTION, title_style="bold", min_width=80)
    for number, name in enumerate(("first step: memory and question", "second step: also a tool result")):
        table.add_row(name, *(f"{sum(count([str(m.text) for m in shown[number]])):,} tokens" for shown in (without, short)))
    console.print(table, "", "Everything that the model is shown in the second step, with attngs:", sep="\n")
    for message in short[-1]:
        console.rule(message.type, align="left")
        calls = "".join(f"calls {call['name']}({call['args']})" for call in getattr(message, "tool_calls", []))
        console.print(calls or str(message.text).strip(), markup=False)


if __name__ == "__main__":
    main()
