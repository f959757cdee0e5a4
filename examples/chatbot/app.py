"""A personal assistant that remembers, in a web page: `attngs chat`."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import announcing
import chat_list
import home
import keeping
import panel
import remembered
import streamlit as st
import talk
from assistant import Assistant, Settings
from failures import reporting
from models import Nobody, chat_model, name_of
from people import People
from prose import as_text

HERE = Path(__file__).parent
BUDGETS = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
state = st.session_state


@st.cache_resource(show_spinner="Opening the memory")
def open_assistant() -> Assistant:
    model = chat_model(os.environ.get("ATTNGS_CHAT_MODEL", ""), os.environ.get("ATTNGS_BASE_URL", ""))
    place = os.environ.get("ATTNGS_CHATBOT_DB") or "chatbot.sqlite"
    assistant = Assistant(People(place, os.environ.get("ATTNGS_CHATBOT_MEMORY", "")), model)
    gc.freeze()  # Streamlit looks for garbage after every action; among all that torch has loaded that would take 0.3 s
    return assistant


def page(assistant: Assistant) -> None:
    """Draw everything; this script runs again after every action on the page."""
    people = assistant.people
    if people.moved and not state.get("told of the move"):
        state["told of the move"] = True
        where = as_text(str(people.memory_file.path))
        st.info(f"{people.moved:,} memories of an earlier version are in {where} now. Chats stay where they are.")
    with st.sidebar:
        st.html('<div class="brand" role="heading" aria-level="1">attngs <span>remembers</span></div>')
        person = choose_person(assistant)
        if person:
            chat = chat_list.show(assistant, person)
            count, paused = len(people.memories(person)), people.paused(person)
            label = f"Memory ({count:,})" + ": paused" * paused
            if st.button(label, key="memory", icon=":material/edit_note:", width="stretch"):
                remembered.show(assistant, person)
        if st.button("Add a person", icon=":material/person_add:", width="stretch"):
            add_people(assistant)
        settings = choose_settings(assistant)
    if not person:
        st.info("There is nobody here yet. Add a person, or bring the examples back.")
        return
    settings = settings._replace(paused=paused)
    announcing.listen(chat)
    left, right = st.columns([6, 5], gap="large")
    with left:
        log = st.container(key=f"log-{person}", height=500, autoscroll=False)
        typed = st.chat_input("Ask, or say what to remember", submit_mode="stop", max_chars=4_000)
    question = state.pop("suggested", None) or typed
    with log:
        first = st.empty()  # takes the first screen away at once: else its buttons could be pressed again until the answer is there
        if not question and not people.said(chat):
            with first:
                home.show(assistant, person, people.names()[person], count)
        talk.show(assistant, person, chat, asking=bool(question), paused=paused)
        if question:
            with reporting("The chat model did not answer.", name_of(assistant.model)):
                talk.ask(assistant, person, chat, question, settings)
    keeping.show_toasts(assistant, person)
    announcing.show()
    with right.container(key="panel"), reporting("The memory could not be compressed."):
        show_panel(assistant, person, chat, settings)


def choose_person(assistant: Assistant) -> str | None:
    names = assistant.people.names()
    state.person = state.pop("newcomer", state.get("person"))
    if state.person not in names:
        state.person = next(iter(names), None)
    return st.selectbox("Who is asking", list(names), format_func=lambda key: names.get(key, "gone"), key="person")


@st.dialog("Add a person")
def add_people(assistant: Assistant) -> None:
    with reporting("The person was not added."):
        with st.form("add", border=False):
            name = st.text_input("Name", max_chars=40)
            if st.form_submit_button("Add"):
                state.newcomer = assistant.people.add(name)
                st.rerun()
        if st.button("Bring the examples back"):
            assistant.people.add_examples()
            st.rerun()


def choose_settings(assistant: Assistant) -> Settings:
    nobody = isinstance(assistant.model, Nobody)
    with st.expander("Settings", icon=":material/tune:"):
        tokens = st.select_slider("Memory budget, in tokens", BUDGETS, 256, help="The chat model is shown at most this much of the memory.")
        rewrite = st.toggle(
            "In the model's words",
            disabled=nobody,
            help="The model rewrites the marked sentences more briefly, and what it writes is checked.",
        )
        for what, place in (("Memories", assistant.people.memory_file.path), ("Chats", assistant.people.place)):
            st.caption(f"{what} are stored in")
            st.code(str(place), language=None, wrap_lines=True)
    st.caption("No chat model is connected" if nobody else as_text(f"Answers come from {name_of(assistant.model)}"))
    return Settings(tokens, rewrite)


def show_panel(assistant: Assistant, person: str, chat: str, settings: Settings) -> None:
    said = assistant.people.said(chat)
    last = max((number for number, message in enumerate(said, 1) if message.type == "human"), default=0)
    place = state.get(f"why {chat}", last)
    if place < 1:
        st.caption("Ask something that only somebody who knows you could answer. This panel then shows what the model sees, and why.")
        return
    with st.spinner("Reading the memory ..."):
        answer = assistant.explain(person, chat, place, settings)
    panel.show(answer, {"in this chat": assistant.saved(person, chat), "in total": assistant.saved(person)}, paused=settings.paused)


st.set_page_config(page_title="attngs remembers", page_icon=HERE / "icon.svg", layout="wide")
st.html(HERE / "style.css")
with reporting("Something went wrong. Reload the page, or read the message:"):
    page(open_assistant())
