"""A personal assistant that remembers, in a web page: `attngs chat`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import panel
import streamlit as st
from assistant import Assistant, Nobody, Settings, chat_model
from people import People

HERE = Path(__file__).parent
BUDGETS = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
NOTE = {"date": date.today().isoformat(), "source": "note"}  # this script runs again after every action on the page
state = st.session_state


@st.cache_resource(show_spinner="Opening the memory")
def open_assistant() -> Assistant:
    model = chat_model(os.environ.get("ATTNGS_CHAT_MODEL", ""), os.environ.get("ATTNGS_BASE_URL", ""))
    return Assistant(People(os.environ.get("ATTNGS_CHATBOT_DB") or "chatbot.sqlite"), model)


@contextmanager
def reporting(what: str) -> Iterator[None]:
    """Show on the page what went wrong. The message may contain anybody's text, so it is not rendered as Markdown."""
    try:
        yield
    except Exception as error:
        st.error(what)
        st.text(str(error) or type(error).__name__)


def page(assistant: Assistant) -> None:
    with st.sidebar:
        person, settings = choose_person(assistant), choose_settings(assistant)
    if person is None:
        st.info("There is nobody here yet. Add a person, or bring the examples back.")
        return
    chats = assistant.people.of(person, "chats").items()
    chat = state.setdefault(f"chat {person}", max(chats, key=lambda item: item.updated_at).key if chats else f"{person}-{uuid4().hex}")
    left, right = st.columns([6, 5], gap="large")
    with left:
        log = st.container(key=f"log-{person}", height=500, autoscroll=True)
        question = st.chat_input("Ask, or say what to remember", submit_mode="stop", max_chars=4_000)
    with log:
        show_chat(assistant, person, chat)
        if question:
            with reporting("The chat model did not answer. Ask again, or check its setup (docs/chatbot.md)."):
                ask(assistant, person, chat, question, settings)
    with right.container(key="panel"), reporting("The memory could not be compressed."):
        show_panel(assistant, person, chat, settings)


def choose_person(assistant: Assistant) -> str | None:
    people, names = assistant.people, assistant.people.names()
    st.html('<div class="brand">attngs <span>remembers</span></div>')
    state.person = state.pop("newcomer", state.get("person"))
    if state.person not in names:
        state.person = next(iter(names), None)
    person = st.selectbox("Who is asking", list(names), format_func=lambda key: names.get(key, "gone"), key="person")
    if person:
        count = len(people.of(person, "memories").items())
        if st.button(f"Memory ({count:,} entries)", key="memory", icon=":material/edit_note:", width="stretch"):
            show_memory(assistant, person)
        fresh = {f"chat {person}": f"{person}-{uuid4().hex}"}
        st.button("New chat", icon=":material/add_comment:", width="stretch", on_click=state.update, args=[fresh])
    with st.popover("Add a person", icon=":material/person_add:", width="stretch"), reporting("The person was not added."):
        with st.form("add", border=False, clear_on_submit=True):
            name = st.text_input("Name", max_chars=40)
            if st.form_submit_button("Add"):
                state.newcomer = people.add(name)
                st.rerun()
        st.button("Bring the examples back", on_click=people.add_examples)
    return person


def choose_settings(assistant: Assistant) -> Settings:
    nobody = isinstance(assistant.model, Nobody)
    tokens = st.select_slider("Memory budget, in tokens", BUDGETS, 256, help="The most tokens of memory that the chat model is shown.")
    rewrite = st.toggle("In the model's words", disabled=nobody, help="It shortens the marked sentences, and its text is checked.")
    st.caption(f"{'No chat model is set up' if nobody else f'{assistant.model.get_name()} answers'}. Everything is stored in")
    st.code(assistant.people.place, language=None, wrap_lines=True)
    return Settings(tokens, rewrite)


def show_chat(assistant: Assistant, person: str, chat: str) -> None:
    keep, kept = assistant.people.of(person, "memories").put, {"metadata": {**NOTE, "source": "chat"}}
    for number, message in enumerate(assistant.people.said(chat)):
        text, why = str(message.text), {f"why {chat}": number}
        with st.container(key=f"{message.type}-{number}"):
            st.text(text)
            if message.type == "human":
                st.button("Remember this", key=f"keep-{number}", type="tertiary", on_click=keep, args=[text], kwargs=kept)
            else:
                st.button("Why this answer", key=f"why-{number}", type="tertiary", on_click=state.update, args=[why])


def ask(assistant: Assistant, person: str, chat: str, question: str, settings: Settings) -> None:
    st.container(key="human-new").text(question)
    box = st.container(key="ai-new").empty()
    box.caption("Reading the memory ...")
    state.pop(f"why {chat}", None)
    with closing(assistant.ask(person, chat, question, settings)) as answers:
        for answer in answers:
            box.text(answer.text)
    st.rerun()


def show_panel(assistant: Assistant, person: str, chat: str, settings: Settings) -> None:
    place = state.get(f"why {chat}", len(said := assistant.people.said(chat)) - sum(last.type == "ai" for last in said[-1:]))
    if place < 1:
        st.caption("Ask something that only somebody who knows you could answer. This panel shows what the model sees, and why.")
        return
    with st.spinner("Reading the memory ..."):
        answer = assistant.explain(person, chat, place, settings)
    panel.show(answer, {"in this chat": assistant.saved(person, chat), "in total": assistant.saved(person)})


@st.dialog("Memory", width="large", on_dismiss="rerun")
def show_memory(assistant: Assistant, person: str) -> None:
    memory = assistant.people.of(person, "memories")
    entries, files, everything = st.tabs(["Entries", "Import", "Export and delete"])
    with entries, reporting("The memory was not saved."):
        changed = next((item for item in memory.items() if item.key == state.get("changed")), None)
        with st.form(f"form {changed and changed.key}", clear_on_submit=True, border=False):
            label, old = ("Change this memory", changed.value["text"]) if changed else ("Something to remember", "")
            text = st.text_area(label, old, height=100)
            if st.form_submit_button("Remember"):
                memory.put(text, key=changed and changed.key, metadata=changed.value["metadata"] if changed else NOTE)
                state.changed = None
                st.rerun(scope="fragment")
        words = st.text_input("Find", icon=":material/search:").casefold()
        found = [item for item in reversed(memory.items()) if words in item.value["text"].casefold()]
        first = 10 * (st.pagination(-(-len(found) // 10)) - 1) if len(found) > 10 else 0
        for item in found[first : first + 10]:
            with st.container(border=True, key=f"item-{item.key}"):
                st.caption(" · ".join(str(item.value["metadata"].get(name, "")) for name in ("date", "source")))
                st.text(item.value["text"][:600] + "…" * (len(item.value["text"]) > 600))
                with st.container(horizontal=True):
                    st.button("Edit", f"edit-{item.key}", type="tertiary", on_click=state.update, args=[{"changed": item.key}])
                    st.button("Delete", f"delete-{item.key}", type="tertiary", on_click=memory.delete, args=[item.key])
    with files, reporting("The file was not imported."):
        file = st.file_uploader("A .txt or .md file (by paragraph), or .jsonl (by line)", ["txt", "md", "jsonl"], max_upload_size=2)
        if file and st.button("Import"):
            st.success(f"{memory.load(file.getvalue(), file.name, metadata=NOTE):,} new entries.")
    with everything, reporting("The person was not deleted."):
        st.download_button("Export the memory", memory.export, "memory.jsonl", on_click="ignore")
        st.download_button("Export everything", lambda: assistant.people.export(person), "everything.jsonl", on_click="ignore")
        sure = st.checkbox("Permanently delete this person's memory, chats and ledger")
        if st.button("Delete everything", disabled=not sure, type="primary"):
            assistant.forget(person)
            state.clear()
            st.rerun()


st.set_page_config(page_title="attngs remembers", page_icon=HERE / "icon.svg", layout="wide")
st.html(HERE / "style.css")
with reporting("Something went wrong. Reload the page, or read the message:"):
    page(open_assistant())
