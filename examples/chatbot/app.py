"""A personal assistant that remembers, in a web page: `make chatbot`."""

from __future__ import annotations

import os
from contextlib import closing
from math import ceil
from pathlib import Path
from uuid import uuid4

import panel
import streamlit as st
from assistant import Answer, Assistant, Nobody, Settings, chat_model
from people import People, today

HERE = Path(__file__).parent
BUDGETS = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
state = st.session_state


@st.cache_resource(show_spinner="Opening the memory")
def open_assistant() -> Assistant:
    place = os.environ.get("ATTNGS_CHATBOT_DB") or str(HERE.parents[1] / "out" / "chatbot.sqlite")
    return Assistant(People(place), chat_model(os.environ.get("ATTNGS_CHAT_MODEL", ""), os.environ.get("ATTNGS_BASE_URL", "")))


def page(assistant: Assistant) -> None:
    with st.sidebar:
        person = choose_person(assistant)
        settings = choose_settings(assistant)
    if person is None:
        st.info("Nobody is here. Add somebody, or bring the examples back.")
        return
    chat = state.setdefault(f"chat {person}", latest_chat(assistant.people, person))
    left, right = st.columns([6, 5], gap="large")
    with left:
        show_chat(assistant, person, chat, settings)
    with right:
        show_panel(assistant, person, chat, settings)


def choose_person(assistant: Assistant) -> str | None:
    people, names = assistant.people, assistant.people.names()
    st.html("<h1>attngs <span>remembers</span></h1>")
    person = st.selectbox("Who are you?", list(names), format_func=lambda key: names.get(key, "gone"), key="person")
    with st.container(horizontal=True, gap="small"):
        if person and st.button("New chat"):
            state[f"chat {person}"] = new_chat(person)
        if person and st.button(f"Memory ({len(people.of(person).items())})"):
            memory_dialog(assistant, person)
        with st.popover("Add"), st.form("add", border=False, clear_on_submit=True):
            name = st.text_input("Name of somebody new", max_chars=40)
            if st.form_submit_button("Add"):
                people.add(name)
                st.rerun()
    return person


def choose_settings(assistant: Assistant) -> Settings:
    tokens = st.select_slider("Memory budget, in tokens", BUDGETS, 256, help="The most that the chat model is shown of the memory.")
    nobody = isinstance(assistant.model, Nobody)
    rewrite = st.toggle("In the model's words", disabled=nobody, help="A writer shortens what is marked; every sentence is checked.")
    if set(assistant.people.examples()) - set(assistant.people.names()) and st.button("Bring the examples back"):
        assistant.people.add_examples()
        st.rerun()
    st.caption("No chat model: README.md says how to set one up." if nobody else f"Model: {assistant.model.get_name()}")
    st.caption("Kept in")
    st.code(assistant.people.place, language=None, wrap_lines=True)
    return Settings(target_tokens=tokens, rewrite=rewrite)


def new_chat(person: str) -> str:
    return f"{person}-{uuid4().hex}"


def latest_chat(people: People, person: str) -> str:
    return max(people.of(person, "chats").items(), key=lambda item: item.updated_at).key if people.of(person, "chats").items() else new_chat(person)


def show_chat(assistant: Assistant, person: str, chat: str, settings: Settings) -> None:
    log = st.container(key="log", height=500, autoscroll=True)
    question = st.chat_input("Ask about anything you have told me", submit_mode="stop", max_chars=4_000)
    said = assistant.people.said(chat)
    with log:
        if not said and not question:
            st.caption("Nothing has been said yet. Try: What should I not eat?")
        for number, message in enumerate(said):
            show_message(assistant, person, chat, number, message.type, str(message.text))
        if question:
            stream(assistant, person, chat, question, settings, len(said))


def show_message(assistant: Assistant, person: str, chat: str, number: int, kind: str, text: str) -> None:
    with st.container(key=f"{kind}-{number}"):
        st.text(text)
        if kind == "human" and st.button("Remember this", key=f"keep-{number}", type="tertiary"):
            assistant.people.of(person).put(text, metadata={**today(), "source": "chat"})
            st.toast("Remembered.")
        if kind == "ai" and st.button("Why this?", key=f"why-{number}", type="tertiary"):
            state[f"why {chat}"] = number


def stream(assistant: Assistant, person: str, chat: str, question: str, settings: Settings, number: int) -> None:
    with st.container(key=f"human-{number}"):
        st.text(question)
    with st.container(key=f"ai-{number + 1}"):
        box = st.empty()
    box.caption("Reading the memory ...")
    answer = Answer(question=question)
    state[f"answer {chat} {number + 1}"] = (basis(assistant, person, settings), answer)
    state.pop(f"why {chat}", None)
    with closing(assistant.ask(person, chat, answer, settings)) as pieces:
        for answer in pieces:
            box.text(answer.text)
    st.rerun()


def basis(assistant: Assistant, person: str, settings: Settings) -> int:
    """Changes with what is remembered and how it is made short."""
    return hash((settings, tuple((item.key, item.value["text"]) for item in assistant.people.of(person).items())))


def show_panel(assistant: Assistant, person: str, chat: str, settings: Settings) -> None:
    said = assistant.people.said(chat)
    number = state.get(f"why {chat}", len(said) - 1)
    if number < 1:
        st.caption("Beside each answer stands what of the memory it was shown, and why.")
        return
    now = basis(assistant, person, settings)
    then, answer = state.get(f"answer {chat} {number}", (None, None))
    if then == now:
        result = answer.memory
    else:
        previews = state.setdefault("previews", {})
        if (chat, number, now) not in previews:
            with st.spinner("Reading the memory ..."):
                previews[chat, number, now] = assistant.recall(person, str(said[number - 1].text), settings)
        result = previews[chat, number, now]
    if result is None:
        st.caption("Nothing is remembered yet, so nothing was shown.")
        return
    ledger = assistant.people.of(person, "ledger").items()
    saved = {
        "in this chat": sum(item.value["metadata"]["saved"] for item in ledger if item.value["metadata"]["chat"] == chat),
        "in all": sum(item.value["metadata"]["saved"] for item in ledger),
    }
    panel.show(result, answer, saved, preview=then != now)


@st.dialog("Memory", width="large", on_dismiss="rerun")
def memory_dialog(assistant: Assistant, person: str) -> None:
    memory = assistant.people.of(person)
    memories, files, everything = st.tabs(["Memories", "Import", "Export and delete"])
    with memories:
        words = st.text_input("Find", key="find").casefold()
        with st.form("new", clear_on_submit=True):
            text = st.text_area("Something new to remember")
            if st.form_submit_button("Remember"):
                memory.put(text, metadata=today())
        found = [item for item in reversed(memory.items()) if words in item.value["text"].casefold()]
        first = 10 * (st.pagination(ceil(len(found) / 10), key=f"page {words}") - 1) if len(found) > 10 else 0
        for item in found[first : first + 10]:
            with st.container(border=True, key=f"item-{item.key}"):
                st.caption(item.value["metadata"].get("date", ""))
                if state.get("editing") == item.key:
                    changed = st.text_area("Text", item.value["text"], key=f"text-{item.key}")
                    if st.button("Save"):
                        memory.put(changed, key=item.key, metadata=item.value["metadata"])
                        state.editing = None
                        st.rerun(scope="fragment")
                else:
                    st.text(item.value["text"][:500])
                    if st.button("Edit", key=f"edit-{item.key}", type="tertiary"):
                        state.editing = item.key
                        st.rerun(scope="fragment")
                    if st.button("Delete", key=f"delete-{item.key}", type="tertiary"):
                        memory.delete(item.key)
                        st.rerun(scope="fragment")
    with files:
        file = st.file_uploader("A .txt, .md or .jsonl file", ["txt", "md", "jsonl"], max_upload_size=2)
        if file and st.button("Import"):
            st.success(f"{memory.load(file.getvalue(), file.name, metadata=today())} new memories.")
    with everything:
        st.download_button("Export everything as JSON lines", assistant.people.export(person), "memory.jsonl")
        sure = st.checkbox("I want everything deleted: memories, chats and the ledger")
        if st.button("Delete everything", disabled=not sure):
            assistant.forget(person)
            st.rerun()


st.set_page_config(page_title="attngs remembers", layout="wide")
st.html(HERE / "style.css")
try:
    page(open_assistant())
except Exception as error:
    st.error("This did not work.")
    st.text(str(error))
