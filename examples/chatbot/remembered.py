"""The memory page: find, change, delete, pause, import, export and erase what is remembered."""

from __future__ import annotations

from html import escape

import announcing
import keeping
import streamlit as st
from assistant import Assistant
from failures import reporting
from memories import Memories, Memory
from prose import as_text

state = st.session_state
AT_ONCE = 10
"""Memories on a page of the list."""


@st.dialog("Memory", width="large", on_dismiss="rerun")
def show(assistant: Assistant, person: str) -> None:
    """Everything that is remembered of a person."""
    people, memories = assistant.people, assistant.people.memories(person)
    announcing.listen("memory")
    st.toggle(
        "Pause the memory",
        people.paused(person),
        key=f"pause {person}",
        help="While it is paused, no memory is read for an answer, and none is saved.",
        on_change=lambda: people.pause(person, bool(state[f"pause {person}"])),
    )
    entries, files, everything = st.tabs(["Memories", "Import", "Export and erase"])
    with entries, reporting("The memory was not changed."):
        _entries(assistant, person, memories)
    with files, reporting("The file was not imported."):
        file = st.file_uploader(
            "A .txt or .md file (a memory per paragraph), or a .jsonl file (a memory per line)", ["txt", "md", "jsonl"], max_upload_size=2
        )
        if file and st.button("Import"):
            count = memories.load(file.getvalue(), file.name)
            st.success(f"{count:,} new {'memory' if count == 1 else 'memories'}.")
    with everything, reporting("It was not deleted."):
        st.download_button("Export the memory", memories.export, "memory.jsonl", on_click="ignore")
        st.download_button("Export everything", lambda: people.export(person), "everything.jsonl", on_click="ignore")
        if st.button("Erase all memories", disabled=not st.checkbox("Erase all of this person's memories for good (chats stay)")):
            people.erase_memories(person)
            st.rerun(scope="fragment")
        sure = st.checkbox("Permanently delete this person with all memories, chats and savings")
        if st.button("Delete everything", disabled=not sure, type="primary"):
            assistant.forget(person)
            state.clear()
            st.rerun()
    announcing.show()


def _entries(assistant: Assistant, person: str, memories: Memories) -> None:
    with st.form("new memory", clear_on_submit=True, border=False, enter_to_submit=True):
        text = st.text_input("Something to remember", max_chars=1_000)
        if st.form_submit_button("Remember") and text.strip():
            keeping.keep(assistant, person, "", text.strip())
    keeping.show_choice(assistant, person, "")
    if notice := state.pop("notice", ""):
        st.info(as_text(notice))
    if gone := state.get(f"gone {person}"):
        with st.container(horizontal=True, key="gone"):
            st.text(f"Deleted: {gone.value['text'][:100]}")
            st.button("Undo", "undo-delete", on_click=_restore, args=[memories, person])
    words = st.text_input("Find", icon=":material/search:", placeholder="By meaning or by words, such as: food")
    found = memories.find(words, assistant.marker)
    if not found:
        st.caption("Nothing in the memory is about this." if words.strip() else "Nothing is remembered yet.")
    first = AT_ONCE * (st.pagination(-(-len(found) // AT_ONCE)) - 1) if len(found) > AT_ONCE else 0
    for memory in found[first : first + AT_ONCE]:
        with st.container(border=True, key=f"item-{memory.key}"):
            if state.get("edited") == memory.key:
                _edit(memories, memory)
            else:
                _show(assistant, person, memories, memory)


def _show(assistant: Assistant, person: str, memories: Memories, memory: Memory) -> None:
    st.caption(as_text(" · ".join(filter(None, [memory.day, memory.source]))))
    st.text(memory.text[:600] + "…" * (len(memory.text) > 600))
    if memory.before:
        st.html(f'<p class="before">Before: <s>{escape(memory.before[:300])}</s></p>')
    if memory.used:
        st.caption(as_text(f"Last used on {memory.used} for: {memory.used_for}"))
    with st.container(horizontal=True):
        st.button("Edit", f"edit-{memory.key}", type="tertiary", on_click=state.update, args=[{"edited": memory.key}])
        st.button("Delete", f"delete-{memory.key}", type="tertiary", on_click=_delete, args=[memories, person, memory.key])
        if memory.before:
            st.button(
                "Restore the old one", f"back-{memory.key}", type="tertiary", on_click=keeping.undo, args=[assistant, person, memory.key]
            )


def _edit(memories: Memories, memory: Memory) -> None:
    with st.form(f"form {memory.key}", border=False):
        text = st.text_area("Change this memory", memory.text, height=100)
        with st.container(horizontal=True):
            if st.form_submit_button("Save"):
                memories.replace(memory.key, text)
                state.edited = None
                st.rerun(scope="fragment")
            if st.form_submit_button("Cancel"):
                state.edited = None
                st.rerun(scope="fragment")


def _delete(memories: Memories, person: str, key: str) -> None:
    state[f"gone {person}"] = memories.delete(key)
    announcing.announce(".st-key-gone [data-testid=stText]")


def _restore(memories: Memories, person: str) -> None:
    memories.restore(state.pop(f"gone {person}"))
