"""The chatbot's modules, as Streamlit finds them beside `app.py`; and a browser for its page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.examples.pages import CHROMIUM, Open, Server, box, choose, settled
from tests.loopback.server import LoopbackServer

CHATBOT = Path(__file__).parents[2] / "examples" / "chatbot"

sys.path.append(str(CHATBOT))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(server: Server, browser: Browser, loopback: LoopbackServer) -> Iterator[Open]:
    """Opens the page in a session of its own. At the end: nothing was asked of another machine, and nothing of a text ran."""
    pages: list[Page] = []
    asked: list[str] = []

    def visit(person: str = "", width: int = 1280, height: int = 800) -> Page:
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        pages.append(page)
        page.goto(server.url)
        expect(box(page)).to_be_visible(timeout=120_000)  # the first visit loads torch
        settled(page)
        if person:
            choose(page, person)
        return page

    yield visit
    hacked = [page.evaluate("window.hacked") for page in pages]
    for page in pages:
        page.context.close()
    assert [found for found in hacked if found] == []
    assert [url for url in asked if not url.startswith((f"{server.url}/", f"{server.url.replace('http', 'ws')}/", "data:", "blob:"))] == []
