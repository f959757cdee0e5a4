"""The first screen of a chat: who is here, what can be asked, and what happens to what is said."""

from __future__ import annotations

import streamlit as st
from assistant import Assistant
from models import CONNECT, Nobody, name_of
from prose import as_text

state = st.session_state


def show(assistant: Assistant, person: str, name: str, count: int) -> None:
    """Greet, and offer questions."""
    with st.container(key="home"):
        st.header(as_text(f"Hello, {name}."))
        known = f"I remember {count:,} thing{'s' * (count != 1)} that you told me." if count else "I know nothing about you yet."
        st.write(f"{known} Ask about them, or tell me something new, such as *I am allergic to nuts*.")
        st.caption("Try one of these")
        for number, question in enumerate(assistant.people.suggestions(person)):
            ask = {"suggested": question}
            st.button(as_text(question), f"suggestion-{number}", icon=":material/chat:", on_click=state.update, args=[ask])
        if isinstance(assistant.model, Nobody):
            st.write("**No chat model is connected**, so I answer with your own memories, the best first. To get written answers:")
            for words, command in CONNECT:
                st.caption(words)
                st.code(command, language=None, wrap_lines=True)
        else:
            st.write(f"Answers come from {as_text(name_of(assistant.model))}.")
        st.caption(
            "Your memory stays in a file on this machine. For each question, only the sentences that matter to it are sent to the model, "
            "and the panel shows which. You can change, pause and delete everything under Memory."
        )
