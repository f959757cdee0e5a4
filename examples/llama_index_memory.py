"""LlamaIndex's `Memory` with attngs' block: each turn sees what matters from three months of chat.

Needs no key and no network. The memory is a file: run this twice, and the second run remembers what the first was told.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llama_index.core.llms import ChatMessage
from side_by_side import DATA, print_side_by_side, read_questions

from attngs import read_documents
from llama_index_attngs import AttnGSMemoryBlock

ROLES = {"Maren": "user", "Assistant": "assistant"}


def chats() -> list[ChatMessage]:
    """Three months of chat as messages."""
    messages = list[ChatMessage]()
    for session in read_documents([DATA / "maren" / "memory.jsonl"], sys.stdin.buffer):
        for line in session.text.split("\n"):
            speaker, _, said = line.partition(": ")
            if speaker in ROLES:
                messages.append(ChatMessage(role=ROLES[speaker], content=said))
            else:
                messages[-1] = ChatMessage(role=messages[-1].role, content=f"{messages[-1].content}\n{line}")
    return messages


async def main(path: Path = Path("out/memory.sqlite")) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.exists()
    block = AttnGSMemoryBlock(target_tokens=256, path=path)
    history = chats()
    if not known:
        await block.aput(history, session_id="maren")  # or `memory.put_messages`: what is over the limit reaches the block by itself
    memory = block.as_memory(session_id="maren")
    everything = "\n".join(f"{message.role.value}: {message.content}" for message in history)
    for question in read_questions(3, of="memory"):
        messages = await memory.aget(input=question.text)
        print_side_by_side(question, {"without": everything, "with attngs": messages[-1].content or ""})


if __name__ == "__main__":
    asyncio.run(main())
