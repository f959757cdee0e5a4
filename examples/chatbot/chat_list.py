"""The list of a person's chats: open one, rename it, delete it, begin a new one."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st
from assistant import Assistant
from failures import reporting
from people import LONGEST_TITLE, Chat
from prose import as_text

from attngs import AttngsError

state = st.session_state
FIRST = 15
"""Chats that are listed at once."""


def show(assistant: Assistant, person: str) -> str:
    """Draw the list; returns the key of the chat that is open."""
    chats = assistant.people.chats(person)
    chat = str(state.setdefault(f"chat {person}", chats[0].key if chats else _new(person)))
    st.button("New chat", icon=":material/add_comment:", width="stretch", on_click=_open_new, args=[person])
    shown = chats if state.get(f"all {person}") else chats[:FIRST]
    if chats:
        with st.container(key="chats", gap=None):
            for each in shown:
                _row(assistant, person, each, is_open=each.key == chat)
    if len(shown) < len(chats):
        st.button(f"All {len(chats):,} chats", type="tertiary", on_click=state.update, args=[{f"all {person}": True}])
    return chat


def _row(assistant: Assistant, person: str, chat: Chat, *, is_open: bool) -> None:
    row = st.container(key=f"chat-{'open' if is_open else 'row'}-{chat.key}", horizontal=True, wrap=False, gap=None)
    with row:
        to = {f"chat {person}": chat.key}
        label = as_text(chat.title)
        st.button(label, f"open-{chat.key}", type="tertiary", width="stretch", wrap=False, on_click=state.update, args=[to])
        if st.button(f"Rename or delete: {label}", f"edit-{chat.key}", type="tertiary", icon=":material/more_horiz:"):
            _edit(assistant, person, chat)


@st.dialog("Rename or delete this chat")
def _edit(assistant: Assistant, person: str, chat: Chat) -> None:
    with reporting("The chat was not changed."):
        with st.form(f"rename-{chat.key}", border=False):
            title = st.text_input("Title", chat.title, max_chars=LONGEST_TITLE)
            if st.form_submit_button("Rename"):
                assistant.people.rename_chat(person, chat.key, title)
                st.rerun()
        if st.button("Delete this chat for good"):
            _delete(assistant, person, chat.key)
            st.rerun()


def _delete(assistant: Assistant, person: str, chat: str) -> None:
    try:
        assistant.forget_chat(person, chat)
        state.notice = "The chat is deleted."
    except AttngsError as error:
        state.notice = str(error)
    if state.get(f"chat {person}") == chat:
        _open_new(person)


def _open_new(person: str) -> None:
    state[f"chat {person}"] = _new(person)


def _new(person: str) -> str:
    return f"{person}-{uuid4().hex}"
