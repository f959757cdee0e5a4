"""The chatbot's first minute: no model, no key, and a person who has just come."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from people import People
from playwright.sync_api import expect

from tests.examples.notes import write_notes
from tests.examples.pages import CHROMIUM, Open, Server, ask, begin, choose, replies, settled

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.allow_hosts(["127.0.0.1"]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("chatbot") / "chatbot.sqlite", "", "")
    people = People(str(server.place))
    people.add("Zoe", "zoe")
    write_notes(people, "zoe", ["I live in Graz.", "I play the cello.", "My brother keeps bees."])
    assert len(people.memories("ines")) > 50  # read ahead of the page, which would take seconds for it
    people.close()
    server.start()
    yield server
    server.stop()


def test_the_first_minute(visit: Open) -> None:
    page = visit()
    expect(page.get_by_role("heading", name="Hello, Ines.")).to_be_visible()
    expect(page.get_by_text("No chat model is connected, so I answer with your own memories")).to_be_visible()
    expect(page.get_by_text("attngs chat --model qwen3:4b")).to_be_visible()
    suggestions = page.locator("[class*=st-key-suggestion-] button")
    expect(suggestions).to_have_count(3)
    page.get_by_role("button", name="Which painkiller can I take?").click()
    reply = replies(page)
    expect(page.get_by_role("button", name="Why this answer")).to_have_count(1)
    settled(page)
    memories = reply.locator("[data-testid=stText]:visible").all_inner_texts()
    assert memories[0] == "From your memory:"
    assert "Paracetamol is fine." in memories[1]
    assert 2 <= len(memories) <= 4
    expect(reply.get_by_text("3 Nov 2025").first).to_be_visible()
    expect(reply.get_by_text(re.compile(r"^\d more$"))).to_be_visible()
    expect(replies(page).get_by_text("To get a written answer, connect a model")).to_be_visible()
    ask(page, "What does my mother have to be careful with?")
    page.wait_for_timeout(300)
    question = page.locator("[class*=st-key-human-]").nth(1)
    expect(question).to_be_in_viewport()
    top = question.bounding_box()
    assert top is not None
    assert top["y"] < 120  # the reply's top is shown, not its end
    choose(page, "Zoe")
    expect(page.get_by_role("button", name="What did I tell you on 3 Mar 2026?")).to_be_visible()


def test_what_is_said_is_kept_once_and_taken_back(visit: Open) -> None:
    page = visit("Zoe")
    toast = page.locator(".st-key-toast")
    ask(page, "I am allergic to nuts")
    page.get_by_role("button", name="Remember this").click()
    expect(toast.locator(".change")).to_have_text("Saved to memoryI am allergic to nuts")
    expect(page.get_by_text("✓ Remembered")).to_be_visible()
    settled(page)
    ask(page, "I am allergic to the nuts")
    page.get_by_role("button", name="Remember this").click()
    expect(page.get_by_text("This is remembered already.")).to_be_visible()
    expect(page.get_by_role("button", name="Memory (4)")).to_be_visible()
    settled(page)
    ask(page, "Am I allergic to anything?")
    expect(page.get_by_role("button", name="Remember this")).to_have_count(1)  # no question is kept
    ask(page, "Remember that I sail")
    page.get_by_role("button", name="Remember this").last.click()
    expect(toast.locator(".change")).to_have_text("Saved to memoryI sail")
    settled(page)
    toast.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Memory (4)")).to_be_visible()


def test_a_changed_fact_takes_the_place_of_the_old_one_where_everybody_sees_it(visit: Open) -> None:
    page = visit("Zoe")
    begin(page)
    ask(page, "I moved to Porto")
    page.get_by_role("button", name="Remember this").click()
    expect(page.get_by_text("This is close to something that I have known since 1 Mar 2026:")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="It has changed: replace it").click()
    expect(page.locator(".st-key-toast .change")).to_have_text("Memory updatedI live in Graz.I moved to Porto")
    settled(page)
    page.get_by_role("button", name="Memory (4)").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Find").fill("Where do I live?")
    dialog.get_by_label("Find").press("Enter")
    home = dialog.locator("[class*=st-key-item-]", has_text="I moved to Porto").first
    expect(home.locator("s")).to_have_text("I live in Graz.")
    settled(page)
    home.get_by_role("button", name="Restore the old one").click()
    expect(dialog.get_by_test_id("stText").get_by_text("I moved to Porto")).to_have_count(0)
    expect(dialog.get_by_test_id("stText").get_by_text("I live in Graz.")).to_be_visible()


def test_an_idle_turn_and_a_paused_memory_send_nothing_and_the_panel_says_so(visit: Open) -> None:
    page = visit("Zoe")
    begin(page)
    ask(page, "What is 17 times 23?")
    expect(page.get_by_text("No memory was sent", exact=True)).to_be_visible()
    expect(page.get_by_text("A sum needs no memory, so none was sent.")).to_be_visible()
    assert "<memory>" not in page.inner_text("body")
    ask(page, "Which instrument do I play?")
    expect(page.get_by_text("What the model saw of your memory for this answer")).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^Memory \(")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("for: Which instrument do I play?").first).to_be_visible()
    dialog.get_by_text("Pause the memory").click()
    settled(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("paused$"))).to_be_visible()
    settled(page)
    ask(page, "Where does my brother keep bees?")
    expect(page.get_by_text("The memory is paused: nothing is read, and nothing is saved.")).to_be_visible()
    expect(replies(page).get_by_text("I found nothing about that in your memory.")).to_be_visible()
    expect(page.get_by_role("button", name="Remember this")).to_have_count(0)
