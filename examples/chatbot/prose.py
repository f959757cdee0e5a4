"""Markdown of others as HTML that does nothing by itself.

HTML in the text is shown as text. A link shows its address when it is clicked, and only that address leads anywhere. No image is loaded:
its description and its address stand in its place. The browser's page sanitises the result once more (`st.html`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

SCHEMES = ("http", "https", "mailto")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&])")


def as_html(text: str) -> str:
    """The text's Markdown as HTML without scripts, images or links that act on one click."""
    return f'<div class="prose" role="group" aria-label="Answer">{_MARKDOWN.render(text)}</div>'


def as_text(text: str) -> str:
    """The text on one line, so that Streamlit shows all of its characters in a label, whatever they mean in Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


class _Renderer(RendererHTML):
    """Renders links and images as what a reader can open, and paragraphs as `div`, which may hold that."""

    def paragraph_open(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return "" if tokens[at].hidden else '<div class="p">'

    def paragraph_close(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return "\n" if tokens[at].hidden else "</div>\n"

    def fence(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return f"<pre><code>{escape(tokens[at].content)}</code></pre>\n"

    def link_open(self, *_: Any) -> str:
        return '<details class="link"><summary>'

    def link_close(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        opened, level = at, tokens[at].level
        while tokens[opened].type != "link_open" or tokens[opened].level != level:
            opened -= 1
        return f"</summary>{_address(str(tokens[opened].attrGet('href') or ''))}</details>"

    def image(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        words = escape(tokens[at].content or "no description")
        return f'<details class="link"><summary>Image: {words}</summary>{_address(str(tokens[at].attrGet("src") or ""))}</details>'


def _address(url: str) -> str:
    """An address to read and, if it leads to the web or to a mailbox, to open in a tab of its own."""
    shown = escape(url)
    if url.partition(":")[0].casefold() not in SCHEMES:
        return f"<code>{shown}</code>"
    return f'<a href="{shown}" target="_blank" rel="noopener noreferrer nofollow">{shown}</a>'


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer).enable(["table", "strikethrough"])
