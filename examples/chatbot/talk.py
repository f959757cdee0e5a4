"""The conversation: what was said, what is asked now, and what can be kept of it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import announcing
import keeping
import streamlit as st
from answers import Exchange, exchanges
from assistant import Assistant, Settings
from langchain_core.messages import AIMessage
from models import CONNECT, Nobody
from prose import as_html, as_text
from turns import fact_in, kind_of

state = st.session_state
TO_TOP = """<script>/* {} */ setTimeout(() => {{
  const turn = document.querySelector(".st-key-turn-last");
  let log = turn?.parentElement;
  while (log && log.scrollHeight <= log.clientHeight + 1) log = log.parentElement;
  if (log) log.scrollTop += turn.getBoundingClientRect().top - log.getBoundingClientRect().top - 12;
}}, 50);</script>"""
"""Shows the last question at the top, with its answer below. It runs again only if the number in it is another."""
NEWEST = ".st-key-turn-last [class*=st-key-ai-]"
"""The answer to the last question."""
REDRAW = 0.1
"""Seconds between two drawings of an answer that grows."""


def show(assistant: Assistant, person: str, chat: str, *, asking: bool, paused: bool) -> None:
    """What was said in a chat.

    Args:
        assistant: Has said it.
        person: Whose chat.
        chat: Its key.
        asking: Whether another question follows below.
        paused: Whether nothing may be saved.
    """
    said = exchanges(assistant.people.said(chat))
    known = {memory.text for memory in assistant.people.memories(person).items()}
    for number, exchange in enumerate(said):
        is_last = number == len(said) - 1
        with st.container(key="turn-last" if is_last and not asking else f"turn-{number}"):
            with st.container(key=f"human-{exchange.place}"):
                announcing.heading("You")
                st.text(exchange.question)
                if not paused:
                    _offer(assistant, person, chat, exchange, known, is_last=is_last)
            if is_last and not asking:
                keeping.show_choice(assistant, person, chat)
            with st.container(key=f"ai-{exchange.place}"):
                announcing.heading("Answer")
                _reply(assistant, exchange, is_last=is_last)
                why = {f"why {chat}": exchange.place}
                st.button("Why this answer", f"why-{exchange.place}", type="tertiary", on_click=state.update, args=[why])
    if said and not asking:
        _to_top(f"{chat} {len(said)}")


def ask(assistant: Assistant, person: str, chat: str, question: str, settings: Settings) -> None:
    """Ask, and show the answer as it grows."""
    state.pop(f"why {chat}", None)
    state.pop("close", None)
    keeping.show_later(person, [])
    count = len(exchanges(assistant.people.said(chat)))
    with st.container(key="turn-last"):
        st.container(key="human-new").text(question)
        box = st.container(key="ai-new").empty()
    _to_top(f"{chat} {count + 1}")
    announcing.announce(NEWEST)
    announcing.show()
    drawn, shown = 0.0, ""
    with closing(assistant.ask(person, chat, question, settings)) as answers:
        for answer in answers:
            if not answer.text:
                box.caption("Reading the memory …" if answer.memory is None and not settings.paused else "Waiting for the model …")
            elif answer.text != shown and time.monotonic() - drawn < REDRAW:
                continue
            else:
                box.html(as_html(shown := answer.text))
            drawn = time.monotonic()
    keeping.show_later(person, answer.changes)
    announcing.announce(f"{NEWEST}, {keeping.CHANGED}")
    st.rerun()


def _offer(assistant: Assistant, person: str, chat: str, exchange: Exchange, known: set[str], *, is_last: bool) -> None:
    """A button that saves what was said, if it is worth it: no question, no greeting, no sum, no code."""
    if kind_of(exchange.question) not in ("statement", "other"):
        return
    text = fact_in(exchange.question) or exchange.question
    if text in known:
        st.caption("✓ Remembered", text_alignment="right")
        return
    is_fact = is_last and kind_of(exchange.question) == "statement" and not assistant.uses_tools
    kind: Any = "secondary" if is_fact else "tertiary"
    st.button(
        "Remember this",
        f"keep-{exchange.place}",
        icon=":material/bookmark_add:" if is_fact else None,
        type=kind,
        on_click=keeping.keep,
        args=[assistant, person, chat, text],
    )


def _reply(assistant: Assistant, exchange: Exchange, *, is_last: bool) -> None:
    if not exchange.text:
        st.caption("This was not answered.")
        return
    for reply in exchange.replies:
        if found := reply.additional_kwargs.get("memories"):
            _memories(found)
        elif reply.text:
            st.html(as_html(str(reply.text)))
    if name := _name(exchange.replies[-1]):
        st.caption(as_text(name))
    if is_last and isinstance(assistant.model, Nobody):
        st.caption(f"To get a written answer, connect a model: `{CONNECT[0][1]}` for Ollama, or `{CONNECT[1][1]}` with a key.")


def _memories(found: dict[str, Any]) -> None:
    """What is answered if there is no model: the best memories, and more on demand."""
    st.text(found["lead"])
    for memory in found["shown"]:
        _memory(memory)
    if found["more"]:
        count = len(found["more"])
        with st.expander(f"{count} more" if found["shown"] else f"Related memories ({count})"):
            for memory in found["more"]:
                _memory(memory)


def _memory(memory: dict[str, Any]) -> None:
    with st.container(border=True):
        st.caption(as_text(memory["day"]))
        st.text(memory["text"])


def _name(reply: AIMessage) -> str:
    """The model that wrote a reply, as its server calls it."""
    names = (reply.response_metadata.get(field) for field in ("model_name", "model"))
    return next((name for name in names if isinstance(name, str)), "")


def _to_top(number: str) -> None:
    st.html(TO_TOP.format(number), unsafe_allow_javascript=True)
