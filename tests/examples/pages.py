"""The chatbot's page in a browser: its server, and what people do with a page."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ROOT = Path(__file__).parents[2]
MOST_STOPS = 150
"""Presses of Tab that go round the page."""
SHOWS_FOCUS = """each => {
  for (let one = each, level = 0; level < 6; one = one.parentElement, level++) {
    const style = getComputedStyle(one), hasOutline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    if (hasOutline || style.boxShadow !== "none" || style.borderTopColor === "rgb(37, 64, 184)") return true;
  }
}"""
"""A ring around an element or what it stands in, or a border in the colour of the page."""
PLACES = {"RootWebArea", "main", "generic"}
"""Roles of what may have the keyboard without a name: pages, and texts that can be scrolled."""
Open = Callable[..., Page]
"""Opens the page for a person, in a window of some size."""

expect.set_options(timeout=60_000)  # machines are noisy; what is there is not waited for


class Server:
    """`attngs chat`, on a port that is free."""

    def __init__(self, place: Path, base_url: str, model: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.place, self.url = place, f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "ATTNGS_CHATBOT_DB": str(place), "ATTNGS_BASE_URL": base_url, "ATTNGS_CHAT_MODEL": model}
        self.log = place.with_name("log.txt")

    def start(self) -> None:
        command = [sys.executable, "-m", "attngs", "chat", "--no-browser", "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=self.environment, cwd=ROOT, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> int:
        """As Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def bytes(self) -> bytes:
        return b"".join(file.read_bytes() for file in self.place.parent.glob(f"{self.place.stem}*"))


def box(page: Page) -> Locator:
    return page.get_by_placeholder("Ask, or say")


def choose(page: Page, person: str) -> None:
    page.get_by_label("Who is asking").click()
    page.get_by_role("option", name=person, exact=True).click()
    expect(page.locator(f".st-key-log-{person.lower()}")).to_be_visible()
    settled(page)


def settled(page: Page) -> None:
    """Streamlit has heard of it, and is idle again."""
    page.wait_for_timeout(150)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def ask(page: Page, question: str) -> None:
    questions = page.locator("[class*=st-key-human-]")
    count = questions.count() + 1
    box(page).fill(question)
    box(page).press("Enter")
    expect(questions).to_have_count(count)
    expect(page.get_by_role("button", name="Why this answer")).to_have_count(count)
    settled(page)


def replies(page: Page) -> Locator:
    """What was answered; a screen reader has a copy of the last one for some seconds."""
    return page.locator("[class*=st-key-ai-]")


def begin(page: Page) -> None:
    """A new chat."""
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("[class*=st-key-human-]")).to_have_count(0)
    settled(page)


def has_keyboard(control: Locator) -> bool:
    """Whether keys go to a control, also while another page of the browser is in front."""
    return bool(control.evaluate("each => each === document.activeElement"))


def reach(page: Page, control: Locator, key: str = "Tab") -> None:
    """Press a key until the keyboard is at a control, and the control shows it."""
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        if has_keyboard(control):
            page.wait_for_function(f"each => ({SHOWS_FOCUS})(each)", arg=control.element_handle())  # rings fade in
            return
    raise AssertionError(f"the keyboard does not get to {control}")


def nameless(page: Page) -> list[str]:
    """What can have the keyboard, and has no name that a screen reader could say."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Accessibility.enable")
    nodes: list[Any] = []
    for _ in range(20):  # the tree is made after the page
        before, nodes = len(nodes), devtools.send("Accessibility.getFullAXTree")["nodes"]
        if len(nodes) == before:
            break
        page.wait_for_timeout(200)
    devtools.detach()
    shown = [node for node in nodes if not node.get("ignored") and node["role"]["value"] not in PLACES]
    focusable = [node for node in shown if any(each["name"] == "focusable" for each in node.get("properties", []))]
    assert len(focusable) > 5
    return [node["role"]["value"] for node in focusable if not node.get("name", {}).get("value", "").strip()]
