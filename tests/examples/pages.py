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

from playwright.sync_api import Locator, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ROOT = Path(__file__).parents[2]
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


def begin(page: Page) -> None:
    """A new chat."""
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("[class*=st-key-human-]")).to_have_count(0)
    settled(page)
