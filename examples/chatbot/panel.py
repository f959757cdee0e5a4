"""The panel next to an answer: what the model saw of the memory, what was sent, what it took. Text from others is never HTML here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape

import streamlit as st
from answers import Answer
from idle import WHY_IDLE
from turns import kind_of

from attngs import CompressedContext
from attngs.hosts.frames import day_of

FRAME = "<style>body, iframe {{ margin: 0; border: 0; width: 100%; height: 100vh; display: block }}</style>{}"
CURRENCIES = {"US dollars": "$", "Euros": "€", "British pounds": "£", "Swiss francs": "CHF ", "Yen": "¥", "Rupees": "₹"}
ROLES = {"human": "user", "ai": "assistant"}
"""What a model's API calls those who LangChain calls otherwise."""


def show(answer: Answer, saved: Mapping[str, int], *, paused: bool) -> None:
    """Draw the panel.

    Args:
        answer: To a question.
        saved: Tokens saved, by where.
        paused: Whether the memory is paused now.
    """
    memory = answer.memory
    if memory is None or not memory.compressed_tokens:
        st.html('<div class="sum"><strong>No memory was sent</strong></div>')
        st.text(_why_nothing(answer, paused=paused))
        if any("<memory>" in str(message.text) for message in answer.sent):
            st.caption("Memories that were sent with earlier questions are still in this chat.")
    else:
        _summary(memory, was_sent=bool(answer.sent))
    tabs = ["Exactly what was sent", "Tokens and time"]
    if memory is not None:
        heat, sent, took = st.tabs(["Heat map", *tabs])
        with heat:
            frame = f'<iframe sandbox title="Heat map of the memory" srcdoc="{escape(_by_day(memory).to_heat_map())}"></iframe>'
            st.iframe(FRAME.format(frame), height=480, alt="Heat map of the memory")
    else:
        sent, took = st.tabs(tabs)
    with sent:
        sent_now = [(ROLES.get(message.type, message.type), str(message.text)) for message in answer.sent]
        for role, text in sent_now or [("not sent yet", memory.text if memory else "")]:
            st.caption(role)
            st.code(text, language=None, wrap_lines=True)
    with took:
        _took(answer, memory, saved)


def _summary(memory: CompressedContext, *, was_sent: bool) -> None:
    before, after = memory.original_tokens, memory.compressed_tokens
    size = f"{before / after:,.1f}× smaller" if before > after else "All of it"
    st.html(
        f'<div class="sum"><strong>{size}</strong><span>{before:,} → {after:,} tokens, at most {memory.target_tokens:,}</span>'
        f'<div class="bar"><i style="width: {min(100, 100 * after / max(1, before)):.1f}%"></i></div></div>'
    )
    st.caption(f"What the model {'saw of your memory for this answer' if was_sent else 'would see of your memory for the next answer'}")
    if memory.reason:
        st.text(memory.reason)


def _why_nothing(answer: Answer, *, paused: bool) -> str:
    if paused:
        return "The memory is paused: nothing is read, and nothing is saved."
    if (kind := kind_of(answer.question)) in WHY_IDLE:
        return WHY_IDLE[kind]
    return "No memory is relevant to this, so none was sent." if answer.memory else "There are no memories yet."


def _took(answer: Answer, memory: CompressedContext | None, saved: Mapping[str, int]) -> None:
    amount, unit = st.columns([2, 1])
    price = amount.number_input("Your price for a million input tokens", 0.0, 1_000_000.0, 2.5)
    sign = CURRENCIES[unit.selectbox("Currency", list(CURRENCIES))]
    rows = [(f"Saved {where}", f"{tokens:,} tokens", f"{sign}{tokens * price / 1e6:,.4f}") for where, tokens in saved.items()]
    rows += [(f"Time to {stage}", f"{time:,.0f} ms", "") for stage, time in (memory.milliseconds if memory else {}).items()]
    times = {"First token after": answer.seconds_to_first_token, "Answered after": answer.seconds} if answer.sent else {}
    rows += [(name, f"{time:,.2f} s" if time else "not streamed", "") for name, time in times.items()]
    st.html("<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd><dd>{cost}</dd>" for name, value, cost in rows) + "</dl>")
    st.caption(
        "You set the price. Tokens are counted by the marker. If a model rewrites the memory, what it reads and writes is subtracted."
    )


def _by_day(memory: CompressedContext) -> CompressedContext:
    """The same, with each memory called after its day, as the model was shown it, and not by its key."""
    sentences = [
        replace(sentence, document=replace(sentence.document, id=day_of(sentence.document) or sentence.document.id))
        for sentence in memory.marking.sentences
    ]
    return replace(memory, marking=replace(memory.marking, sentences=tuple(sentences)))
