"""The panel next to an answer: what the model saw of the memory, what was sent, what it took. Text from others is never HTML here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st
from assistant import Answer

FRAME = "<style>body, iframe {{ margin: 0; border: 0; width: 100%; height: 100vh; display: block }}</style>{}"


def show(answer: Answer, saved: Mapping[str, int]) -> None:
    memory = answer.memory
    if memory is None:
        st.caption("There are no memories yet, so the model sees none.")
        return
    before, after = memory.original_tokens, memory.compressed_tokens
    size = f"{before / after:,.1f}× smaller" if before > after > 0 else "All of it" if after else "None of it"
    st.html(
        f'<div class="sum"><strong>{size}</strong><span>{before:,} → {after:,} tokens, at most {memory.target_tokens:,}</span>'
        f'<div class="bar"><i style="width: {min(100, 100 * after / max(1, before)):.1f}%"></i></div></div>'
    )
    st.caption(f"What the model {'saw of your memory for this answer' if answer.sent else 'would see of your memory for the next answer'}")
    if memory.reason:
        st.text(memory.reason)
    heat, sent, took = st.tabs(["Heat map", "Exactly what was sent", "Tokens and time"])
    with heat:
        frame = f'<iframe sandbox title="Heat map of the memory" srcdoc="{escape(memory.to_heat_map())}"></iframe>'
        st.iframe(FRAME.format(frame), height=480, alt="Heat map of the memory")
    with sent:
        for role, text in [(message.type, str(message.text)) for message in answer.sent] or [("not sent yet", memory.text)]:
            st.caption(role)
            st.code(text, language=None, wrap_lines=True)
    with took:
        price = st.number_input("Your price for a million tokens of the chat model's input", 0.0, 1_000.0, 2.5)
        rows = [(f"Saved {where}", f"{tokens:,} tokens", f"{tokens * price / 1e6:,.4f}") for where, tokens in saved.items()]
        rows += [(f"Time to {stage}", f"{time:,.0f} ms", "") for stage, time in memory.milliseconds.items()]
        times = {"First token after": answer.seconds_to_first_token, "Answered after": answer.seconds} if answer.sent else {}
        rows += [(name, f"{time:,.2f} s" if time else "not streamed", "") for name, time in times.items()]
        st.html("<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd><dd>{cost}</dd>" for name, value, cost in rows) + "</dl>")
        st.caption("You set the price. Tokens are the marker's. What a writer read and wrote is subtracted from the saving.")
