"""Saving a memory from the page: never twice, never a question, and always with a way back."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

import announcing
import streamlit as st
from assistant import Assistant
from memories import Change
from prose import as_text

from attngs import AttngsError

state = st.session_state
CHANGED = ".st-key-toast .change"
"""What was saved, as it is shown."""


def keep(assistant: Assistant, person: str, chat: str, text: str, is_new: bool = False) -> None:
    """Save a text, or ask what to do with one that is close to a memory."""
    memories, began = assistant.people.memories(person), datetime.now(UTC)
    state.pop("close", None)
    try:
        if not is_new and not memories.has(text) and (close := memories.close(text, assistant.marker)):
            state.close = (person, chat, text, close)
            return
        memories.remember(text, assistant.marker, chat=chat, is_new=is_new)
    except AttngsError as error:
        state.notice = str(error)
    show_later(person, memories.changes(chat, began))


def replace(assistant: Assistant, person: str, chat: str, key: str, text: str) -> None:
    """Put a text in the place of a memory."""
    memories, began = assistant.people.memories(person), datetime.now(UTC)
    state.pop("close", None)
    try:
        memories.replace(key, text, chat=chat)
    except AttngsError as error:
        state.notice = str(error)
    show_later(person, memories.changes(chat, began))


def undo(assistant: Assistant, person: str, key: str) -> None:
    """Take back the last change of a memory."""
    try:
        assistant.people.memories(person).undo(key)
        state.notice = "Undone."
    except AttngsError as error:
        state.notice = str(error)
    state.changes = [(whose, change) for whose, change in state.get("changes", []) if change.key != key]


def show_later(person: str, changes: list[Change]) -> None:
    """Show changes as soon as the page is drawn again."""
    state.changes = [(person, change) for change in changes]
    if changes:
        announcing.announce(CHANGED)


def show_toasts(assistant: Assistant, person: str) -> None:
    """What was saved, each with a way back, and short notices."""
    if notice := state.pop("notice", ""):
        st.toast(as_text(notice))
    mine = [change for whose, change in state.get("changes", []) if whose == person]
    if not mine:
        return
    with st.container(key="toast"):
        for change in mine:
            with st.container(horizontal=True, key=f"toast-{change.key}", vertical_alignment="center"):
                st.html(f'<div class="change">{_described(change)}</div>')
                st.button("Undo", f"undo-{change.key}", on_click=undo, args=[assistant, person, change.key])
        st.button("Close", "close-toast", type="tertiary", on_click=state.update, args=[{"changes": []}])


def show_choice(assistant: Assistant, person: str, chat: str) -> None:
    """Ask what a text that is close to a memory means for it."""
    whose, where, text, close = state.get("close", ("", "", "", None))
    if close is None or (whose, where) != (person, chat):
        return
    with st.container(border=True, key=f"choice-{chat}"):
        st.caption(as_text(f"This is close to something that I have known since {close.day}:"))
        st.text(close.text)
        with st.container(horizontal=True):
            st.button("It has changed: replace it", f"replace-{chat}", on_click=replace, args=[assistant, person, chat, close.key, text])
            st.button("Both are true: keep both", f"both-{chat}", on_click=keep, args=[assistant, person, chat, text, True])
            st.button("Cancel", f"neither-{chat}", type="tertiary", on_click=state.pop, args=["close", None])


def _described(change: Change) -> str:
    before, now = escape(_short(change.before)), escape(_short(change.now))
    if before and now:
        return f"<b>Memory updated</b><br><s>{before}</s><br>{now}"
    return f"<b>Saved to memory</b><br>{now}" if now else f"<b>Forgotten</b><br><s>{before}</s>"


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:160]}…"
