"""What went wrong, in plain words, and what to do about it."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from models import status_of
from prose import as_text

from attngs import AttngsError

logger = logging.getLogger(__name__)

_BY_STATUS = {
    401: "{who} did not accept the key. Check OPENAI_API_KEY (or your provider's variable), and start the page again.",
    403: "{who} did not accept the key for this model. Check what the key may be used for.",
    404: "{who} is not known there. Check the model's name; with Ollama, run `ollama pull` and the name first.",
    408: "{who} took too long to answer. Ask again.",
    413: "The question and what goes with it are too long for {who}. Start a new chat, or lower the memory budget.",
    429: "{who} has had too many requests, or the credit is used up. Wait a minute, and ask again.",
}
_BY_KIND = {
    "APIConnectionError": "No server answers where {who} should be. Is it running? For Ollama, run `ollama serve`.",
    "ConnectError": "No server answers where {who} should be. Is it running? For Ollama, run `ollama serve`.",
    "APITimeoutError": "{who} did not answer in time. It may be loading the model: ask again in a minute.",
    "OperationalError": "The database does not answer. Is its server running?",
    "TimeoutError": "{who} did not answer in time. It may be loading the model: ask again in a minute.",
}


@contextmanager
def reporting(what: str, who: str = "The chat model") -> Iterator[None]:
    """Show on the page what went wrong. The details may contain anybody's text, so they are not rendered as Markdown.

    Args:
        what: What did not work.
        who: The model's name.
    """
    try:
        yield
    except Exception as error:
        logger.debug("%s", what, exc_info=error)
        st.error(f"{what} {as_text(in_plain_words(error, who))}")
        with st.expander("Details"):
            st.text(str(error) or type(error).__name__)


def in_plain_words(error: BaseException, who: str) -> str:
    """One or two sentences for the person at the page. They hold nothing of what a server said, which is anybody's text.

    Args:
        error: What was raised.
        who: The model's name.
    """
    if isinstance(error, ImportError) and not isinstance(error, AttngsError):
        named = re.search(r"pip install ([\w-]+)", str(error))
        return f"A package is missing: pip install {named[1] if named else (error.name or 'what is named below').replace('_', '-')}"
    if isinstance(error, AttngsError | sqlite3.Error):
        return str(error)
    status, said = status_of(error), str(error).casefold()
    if "api_key" in said and status is None:
        return f"{who} needs a key. Set OPENAI_API_KEY (or your provider's variable), and start the page again."
    if status == 400 and ("context" in said or "too long" in said or "maximum" in said):
        status = 413
    kinds = [_BY_KIND[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _BY_KIND]
    if not kinds and status is not None and status >= 500:
        kinds = ["{who} has a problem of its own. Ask again in a minute."]
    return _BY_STATUS.get(status or 0, next(iter(kinds), "See the details below.")).format(who=who)
