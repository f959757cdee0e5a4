"""What a screen reader says by itself: answers and notices are copied into a region that it listens to, and that nobody sees."""

from __future__ import annotations

from html import escape
from uuid import uuid4

import streamlit as st

state = st.session_state
REGION = '<div role="status" class="announced unseen" data-of="{}"></div>'
COPY = """<script>/* {number} */ setTimeout(() => {{
  const region = [...document.querySelectorAll(".announced")].pop(), found = [...document.querySelectorAll("{selector}")];
  if (!region || !found.length || region.dataset.number === "{number}") return;
  region.dataset.number = "{number}";
  region.textContent = found.map((each) => each.innerText).join("\\n");
  setTimeout(() => {{ if (region.dataset.number === "{number}") region.textContent = ""; }}, 10000);
}}, 100);</script>"""
"""Copies once for each number, also if Streamlit runs it again; who reads on does not find the copy after the page."""


def listen(what: str) -> None:
    """Draw the region, in the page and in a dialog that covers it.

    A screen reader notices only what changes in a region that is already there, and hears nothing from behind a dialog.

    Args:
        what: The chat that is open, or the dialog; another one begins with an empty region.
    """
    st.html(REGION.format(escape(what)))


def announce(selector: str) -> None:
    """Have something read as soon as `show` has drawn it.

    Args:
        selector: What it matches is read.
    """
    state.announced = (selector, uuid4().hex)


def show() -> None:
    """Read what was announced last, if it has not been read yet."""
    selector, number = state.get("announced", ("", ""))
    if number:
        st.html(COPY.format(selector=selector, number=number), unsafe_allow_javascript=True)


def heading(text: str) -> None:
    """A heading that nobody sees, so that a screen reader can go from one to the next."""
    st.html(f'<h2 class="unseen">{text}</h2>')
