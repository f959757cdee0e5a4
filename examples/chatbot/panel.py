"""What stands beside an answer: the heat map, what was sent, and what it took. Only numbers and our own words are HTML here."""

from __future__ import annotations

from html import escape

import streamlit as st
from assistant import Answer

from attngs import CompressedContext


def show(result: CompressedContext, answer: Answer | None, saved: dict[str, int], *, preview: bool) -> None:
    """The panel of one question.

    Args:
        result: What was, or would be, shown of the memory.
        answer: Whose it is, if that is known.
        saved: Tokens, by where.
        preview: Whether the next answer would be shown this, rather than this one was.
    """
    with st.container(key="sum"):
        st.html(f"<h2>{result.original_tokens:,} <i>→</i> {result.compressed_tokens:,} tokens</h2>")
        word = "The next answer would be shown this" if preview else "This answer was shown this"
        st.caption(f"{word} of the memory, of at most {result.target_tokens:,} tokens.")
    if result.reason:
        st.text(result.reason)
    heat, sent, took = st.tabs(["Heat map", "Sent", "Tokens and time"])
    with heat:
        frame = f'<iframe sandbox title="Heat map" srcdoc="{escape(result.to_heat_map())}"></iframe>'
        st.iframe(f"<style>body,iframe{{margin:0;border:0;width:100%;height:100vh;display:block}}</style>{frame}", height=560, alt="Heat map")
    with sent:
        if preview or answer is None:
            st.caption("Of the memory. Ask again to see all that is sent.")
            st.code(result.text, language=None, wrap_lines=True)
        for message in [] if preview or answer is None else answer.watch.sent:
            st.caption(message.type)
            st.code(str(message.text), language=None, wrap_lines=True)
    with took:
        price = st.number_input("Price of a million tokens", 0.0, 1_000.0, 2.5, help="Yours: nothing is looked up. The writer's tokens count against it.")
        rows = [(f"Saved {where}", f"{tokens:,} tokens", f"{tokens * price / 1e6:.4f}") for where, tokens in saved.items()]
        rows += [(f"{name.title()}", f"{milliseconds:,.0f} ms", "") for name, milliseconds in result.milliseconds.items()]
        if answer and not preview:
            first = answer.watch.seconds_to_first_token
            rows += [("First token", f"{first:.2f} s" if first else "not streamed", ""), ("In all", f"{answer.seconds:.2f} s", "")]
        st.table(rows)
