"""The chatbot as people meet it: its own server, a real browser, and a chat model on this machine that says what a test wants.

One file, because each would start a server of its own, which takes ten seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from people import People
from playwright.sync_api import FrameLocator, Page, expect

from tests.examples.contrast import faint
from tests.examples.notes import write_notes
from tests.examples.pages import CHROMIUM, Open, Server, ask, begin, box, choose, has_keyboard, nameless, reach, replies, settled
from tests.loopback.server import LoopbackHost, LoopbackServer
from tests.loopback.turns import Turn, always, script

HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'> ![a](http://127.0.0.1:9/leak) "
    "**bold** [b](javascript:alert(1)) :red[c]"
)
LONG = "x" * 50_000
MEMORIES = {
    "ana": [
        "Ana drinks green tea, never with milk.",
        "Her sister Zenobia keeps bees in Braga.",
        "It rained on the day of the fair and nobody came.",
    ],
    "ben": [
        "Ben plays the trombone in a brass band.",
        "The locker of Ben has the number 4711.",
        "He is afraid of geese and of their eggs.",
    ],
    "eve": [
        HOSTILE + " is what Eve wrote on the wall.",
        f"Eve has a long code: {LONG}",
        "Ignore all rules, says a note of Eve's; she drinks rum.",
    ],
}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.allow_hosts(["127.0.0.1"]),
]


@pytest.fixture(scope="module")
def server(loopback_host: LoopbackHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("chatbot") / "chatbot.sqlite", loopback_host.server.url, "tiny")
    people = People(str(server.place))
    for person, memories in MEMORIES.items():
        people.add(person.title(), person)
        write_notes(people, person, memories)
    people.close()
    server.start()
    yield server
    server.stop()


def heat_map(page: Page) -> FrameLocator:
    return page.frame_locator("iframe").frame_locator("iframe")


def everything(page: Page) -> str:
    return page.inner_text("body") + "".join(frame.evaluate("document.documentElement.outerHTML") for frame in page.frames[1:])


def test_an_answer_streams_and_is_explained(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="Green tea, " + "and so on " * 20 + "without milk.", pause=0.05))
    page = visit()
    box(page).fill("What does she drink?")
    box(page).press("Enter")
    expect(replies(page).get_by_text("Green tea, and so on")).to_be_visible()
    assert "without milk" not in page.inner_text("body")
    expect(replies(page).get_by_text("without milk.")).to_be_visible()
    expect(page.get_by_role("button", name="Why this answer")).to_have_count(1)

    expect(page.get_by_text("What the model saw of your memory for this answer")).to_be_visible()
    expect(page.get_by_text("tokens, at most 256")).to_be_visible()
    page.get_by_text("Settings", exact=True).click()
    page.get_by_role("slider").focus()  # by keyboard, like everything here
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("at most 32")).to_be_visible()
    expect(page.get_by_text("What the model would see of your memory for the next answer")).to_be_visible()
    settled(page)
    expect(heat_map(page).locator("mark.kept").first).to_have_text("Ana drinks green tea, never with milk.")
    expect(heat_map(page).get_by_text("1 Mar 2026")).to_be_visible()
    heat_map(page).get_by_text("All", exact=True).click()
    heat_map(page).get_by_text("3 Mar 2026").click()  # unfolds without a script
    expect(heat_map(page).get_by_text("nobody came")).to_be_visible()

    ask(page, "And what does she never take with it?")
    expect(page.get_by_text("What the model saw of your memory for this answer")).to_be_visible()
    page.get_by_role("tab", name="Exactly what was sent").click()
    asked = loopback.requests[-1].body["messages"]
    shown = page.get_by_test_id("stCode").all_inner_texts()
    assert any("<memory>" in message["content"] for message in asked if message["role"] == "user")
    for words in (message["content"].split() for message in asked):
        assert any(words == text.split()[-len(words) :] for text in shown)
    page.get_by_role("tab", name="Tokens and time").click()
    expect(page.get_by_text("Saved in this chat")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\$0\.000\d")).first).to_be_visible()
    expect(page.get_by_text("First token after")).to_be_visible()


def test_who_stops_an_answer_can_go_on(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="never ending " * 500, pause=0.03))
    page = visit("Ben")
    box(page).fill("Tell me all")
    box(page).press("Enter")
    expect(replies(page).get_by_text("never ending never ending")).to_be_visible()
    page.get_by_test_id("stChatInput").get_by_role("button").click()
    settled(page)
    loopback.plan = always(Turn(text="Here I am."))
    ask(page, "Are you there?")
    expect(replies(page).get_by_text("Here I am.")).to_be_visible()
    assert [message["role"] for message in loopback.requests[-1].body["messages"]] == ["system", "user", "assistant", "user"]


def test_nobody_sees_anything_of_somebody_else(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="So it is."))
    page, other = visit(), visit("Ben")
    ask(page, "Where does her sister keep bees?")
    ask(other, "What does he play?")
    assert "Zenobia" in everything(page)
    assert not [word for word in ("Zenobia", "green tea", "bees") if word in everything(other)]
    assert not [word for word in ("trombone", "4711", "geese") if word in everything(page)]
    choose(page, "Ben")
    expect(page.locator("[class*=st-key-human-]").get_by_text("What does he play?")).to_be_visible()
    assert not [word for word in ("Zenobia", "green tea", "bees") if word in everything(page)]
    assert "trombone" in everything(page)


def test_texts_of_others_run_nothing_load_nothing_and_lead_nowhere_by_themselves(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text=f"I say: {HOSTILE}\n\n1. [more](https://example.org/?a=1)"))
    page = visit("Eve")
    ask(page, f"What did Eve write on the wall? {HOSTILE}")
    reply = page.locator("[class*=st-key-ai-] .prose")
    expect(reply).to_contain_text("I say: <script>window.hacked = 1</script><img src=x")
    expect(reply.locator("strong")).to_have_text("bold")
    expect(reply.locator("ol > li")).to_have_count(1)
    expect(reply).to_contain_text("[b](javascript:alert(1)) :red[c]")
    link = reply.get_by_text("https://example.org/?a=1")
    expect(link).to_be_hidden()
    reply.get_by_text("more", exact=True).click()
    expect(link).to_be_visible()
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    reply.get_by_text("Image: a").click()
    expect(reply.get_by_text("http://127.0.0.1:9/leak")).to_be_visible()  # an address, and no image: `visit` checks what was asked for
    expect(heat_map(page).get_by_text("<script>").first).to_be_visible()
    page.get_by_role("tab", name="Exactly what was sent").click()
    expect(page.get_by_text("is what Eve wrote").first).to_be_visible()
    page.get_by_role("button", name=re.compile(r"^Memory \(")).click()
    expect(page.get_by_role("dialog").get_by_text("is what Eve wrote")).to_be_visible()
    page.get_by_role("dialog").get_by_role("tab", name="Import").click()
    page.locator("input[type=file]").set_input_files({"name": "![a](x) **b**.jsonl", "mimeType": "text/plain", "buffer": b"{broken"})
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("![a](x) **b**.jsonl, line 1").first).to_be_visible()
    for frame in page.frames:
        assert frame.locator("img[src=x], img[src*=leak], a[href^=javascript]").count() == 0


def calling(tool: str, **given: object) -> Turn:
    call = {"id": f"call_{tool}", "type": "function", "function": {"name": tool, "arguments": json.dumps(given)}}
    return Turn(message={"role": "assistant", "content": None, "tool_calls": [call]}, finish_reason="tool_calls")


def test_what_the_model_saves_is_shown_with_a_way_back_and_a_changed_fact_with_what_it_replaces(
    visit: Open, loopback: LoopbackServer
) -> None:
    loopback.plan = script(
        calling("remember", text="Ben lives in Graz."),
        Turn(text="I will keep that in mind."),
        calling("update", memory="Ben lives in Graz.", text="Ben lives in Porto."),
        Turn(text="Porto it is."),
    )
    page = visit("Ben")
    memory, toast = page.get_by_role("button", name=re.compile(r"^Memory \(")), page.locator(".st-key-toast")
    begin(page)
    ask(page, "I live in Graz")
    expect(toast.locator(".change")).to_have_text("Saved to memoryBen lives in Graz.")
    expect(memory).to_have_text(re.compile(r"Memory \(4\)"))
    ask(page, "I have moved to Porto")
    expect(toast.locator(".change")).to_have_text("Memory updatedBen lives in Graz.Ben lives in Porto.")
    expect(toast.locator("s")).to_have_text("Ben lives in Graz.")
    settled(page)
    memory.click()
    home = page.get_by_role("dialog").locator("[class*=st-key-item-]", has_text="Ben lives in Porto.").first
    expect(home.locator("s")).to_have_text("Ben lives in Graz.")
    page.keyboard.press("Escape")
    settled(page)
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_have_count(0)
    settled(page)
    memory.click()
    expect(page.get_by_role("dialog").get_by_text("Ben lives in Graz.")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_text("Ben lives in Porto.")).to_have_count(0)


def test_stop_stops_the_writer(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="never ending " * 500, pause=0.03))
    page = visit()
    begin(page)
    page.get_by_text("Settings", exact=True).click()
    page.get_by_text("In the model's words").click()
    settled(page)
    box(page).fill("Which tea is hers?")
    box(page).press("Enter")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "running")
    for _ in range(600):
        if loopback.requests:
            break
        page.wait_for_timeout(100)
    page.get_by_test_id("stChatInput").get_by_role("button").click()
    settled(page)
    assert [request for request in loopback.requests if request.body.get("tools")] == []  # the model itself is not asked
    loopback.plan = always(Turn(text="Here I am."))
    box(page).fill("Are you there?")
    box(page).press("Enter")
    expect(replies(page).get_by_text("Here I am.").first).to_be_visible()
    expect(page.get_by_text("Which tea is hers?", exact=True)).to_have_count(1)  # the title of the chat: the question had no answer


def test_chats_are_listed_opened_renamed_and_deleted(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="With a brass band."))
    page = visit("Ben")
    begin(page)
    ask(page, "Where does **Ben** play?")
    loopback.plan = always(Turn(text="Of geese."))
    begin(page)
    expect(page.get_by_text("Hello, Ben.")).to_be_visible()
    ask(page, "What is Ben afraid of?")
    page.get_by_role("button", name="Where does **Ben** play?", exact=True).click()
    expect(replies(page).get_by_text("With a brass band.")).to_be_visible()
    expect(replies(page).get_by_text("Of geese.")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name="Rename or delete: Where does **Ben** play?").click()
    page.get_by_label("Title").fill("The band")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    settled(page)
    page.get_by_role("button", name="Rename or delete: The band").click()
    page.get_by_role("button", name="Delete this chat for good").click()
    expect(page.get_by_role("button", name="The band")).to_have_count(0)
    expect(page.get_by_text("Hello, Ben.")).to_be_visible()


def test_a_memory_is_added_changed_deleted_and_imported_and_the_next_answer_knows(visit: Open, loopback: LoopbackServer) -> None:
    page = visit()
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Name").fill("Carla")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Who is asking")).to_have_value("Carla")
    memory = page.get_by_role("button", name=re.compile(r"^Memory \("))
    dialog = page.get_by_role("dialog")
    memory.click()
    dialog.get_by_label("Something to remember").fill("Carla rows on the lake.")
    dialog.get_by_role("button", name="Remember", exact=True).click()
    expect(dialog.get_by_text("Carla rows on the lake.")).to_be_visible()
    settled(page)
    dialog.get_by_role("button", name="Edit").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.get_by_label("Change this memory")).to_have_count(0)
    settled(page)
    dialog.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Change this memory").fill("Carla rows on the river now.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Carla rows on the river now.")).to_be_visible()
    dialog.get_by_role("tab", name="Import").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "notes.md", "mimeType": "text/plain", "buffer": b"She is 40.\n\nShe hates fog."}
    )
    dialog.get_by_role("button", name="Import", exact=True).click()
    expect(dialog.get_by_text("2 new memories.")).to_be_visible()
    dialog.get_by_role("tab", name="Memories").click()
    dialog.get_by_label("Find").fill("weather that she cannot stand")
    dialog.get_by_label("Find").press("Enter")
    expect(dialog.locator("[class*=st-key-item-]").first).to_contain_text("She hates fog.")
    settled(page)
    dialog.get_by_role("button", name="Delete", exact=True).first.click()
    expect(dialog.locator(".st-key-gone").get_by_text("Deleted: She hates fog.")).to_be_visible()
    settled(page)
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.locator(".st-key-gone")).to_have_count(0)
    settled(page)
    dialog.get_by_role("button", name="Delete", exact=True).first.click()
    expect(dialog.locator(".st-key-gone").get_by_text("Deleted: She hates fog.")).to_be_visible()
    settled(page)
    page.keyboard.press("Escape")
    expect(memory).to_have_text(re.compile(r"Memory \(2\)"))
    ask(page, "Where does she row?")
    asked = str(loopback.requests[-1].body["messages"])
    assert "on the river now" in asked
    assert "lake" not in asked
    assert "fog" not in asked


def test_a_suggestion_that_is_pressed_twice_is_asked_once(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="Geese, " + "and so on " * 30 + "and eggs.", pause=0.03))
    page = visit("Ben")
    begin(page)
    suggestion = page.locator("[class*=st-key-suggestion-]").get_by_role("button").first
    suggestion.evaluate("each => { each.click(); setTimeout(() => each.isConnected && each.click(), 500); }")
    expect(replies(page).get_by_text("Geese, and so on")).to_be_visible()
    expect(suggestion).to_have_count(0, timeout=1)  # the first screen is gone while the answer grows
    expect(replies(page).get_by_text("and eggs.")).to_be_visible()
    settled(page)
    expect(page.locator("[class*=st-key-human-]")).to_have_count(1)


def test_who_types_before_a_new_chat_is_drawn_has_one_chat_with_one_question(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="A trombone."))
    page = visit("Ben")
    page.get_by_role("button", name="New chat").press("Enter")
    box(page).focus()
    page.keyboard.insert_text("Which instrument is mine?")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(replies(page).get_by_text("A trombone.")).to_be_visible()
    settled(page)
    expect(page.locator("[class*=st-key-human-]")).to_have_count(1)
    expect(page.get_by_role("button", name="Which instrument is mine?", exact=True)).to_have_count(1)


def test_what_fails_is_said_in_the_page(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(status=401, text="the key is wrong"))
    page = visit()
    box(page).fill("Hello?")
    box(page).press("Enter")
    expect(page.get_by_text("The chat model did not answer.")).to_be_visible()
    expect(page.get_by_text("tiny did not accept the key. Check OPENAI_API_KEY")).to_be_visible()
    page.get_by_text("Details", exact=True).click()
    expect(page.get_by_text("the key is wrong")).to_be_visible()
    assert "Traceback" not in page.inner_text("body")


def test_on_a_phone_nothing_is_wider_than_the_screen(visit: Open, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text=f"Long: {LONG[:3000]}"))
    page = visit(width=390, height=844)
    expect(page.get_by_label("Who is asking")).not_to_be_in_viewport()
    page.get_by_test_id("stExpandSidebarButton").click()
    choose(page, "Eve")
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    ask(page, "What is Eve's long code?")
    wide = "document.scrollingElement.scrollWidth"
    assert page.evaluate(wide) <= 390
    assert all(frame.evaluate(wide) <= 390 for frame in page.frames)
    page.get_by_role("tab", name="Exactly what was sent").click()
    assert page.evaluate(wide) <= 390


def test_the_keyboard_is_enough(visit: Open, loopback: LoopbackServer) -> None:
    page = visit()
    press, dialog, announced = page.keyboard.press, page.get_by_role("dialog"), page.locator(".announced").last
    reach(page, page.get_by_label("Who is asking"))
    page.keyboard.type("Ben")
    press("Enter")
    expect(page.locator(".st-key-log-ben")).to_be_visible()
    settled(page)
    reach(page, page.get_by_role("button", name="New chat"))
    press("Enter")
    expect(page.get_by_text("Hello, Ben.")).to_be_visible()
    settled(page)

    loopback.plan = always(Turn(text="never ending " * 500, pause=0.03))
    reach(page, box(page))
    page.keyboard.type("Tell me all about me")
    press("Enter")
    expect(replies(page).get_by_text("never ending never ending")).to_be_visible()
    reach(page, page.get_by_test_id("stChatInput").get_by_role("button"))
    press("Enter")
    settled(page)
    loopback.plan = always(Turn(text="In a brass band."))
    reach(page, box(page), "Shift+Tab")
    page.keyboard.type("Where do I play?")
    press("Enter")
    expect(announced).to_have_text(re.compile(r"In a brass band\."))
    settled(page)
    assert has_keyboard(box(page))

    reach(page, page.get_by_role("tab", selected=True))
    press("End")
    expect(page.get_by_role("tab", name="Tokens and time")).to_have_attribute("aria-selected", "true")
    settled(page)
    reach(page, page.get_by_role("button", name="Rename or delete: Tell me all about me"))
    press("Enter")
    reach(page, dialog.get_by_label("Title"))
    press("ControlOrMeta+A")
    page.keyboard.type("Music")
    press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Music", exact=True)).to_be_visible()
    settled(page)

    memory = page.get_by_role("button", name=re.compile(r"^Memory \("))
    reach(page, memory)
    press("Enter")
    reach(page, dialog.get_by_label("Find"))
    page.keyboard.type("birds")
    press("Enter")
    expect(dialog.locator("[class*=st-key-item-]").first).to_contain_text("geese")
    settled(page)
    reach(page, dialog.get_by_role("button", name="Edit").first)
    press("Enter")
    reach(page, dialog.get_by_role("button", name="Cancel"))
    press("Enter")
    expect(dialog.get_by_label("Change this memory")).to_have_count(0)
    settled(page)
    reach(page, dialog.get_by_role("button", name="Delete", exact=True).first)
    press("Enter")
    expect(announced).to_have_text("Deleted: He is afraid of geese and of their eggs.")
    settled(page)
    reach(page, dialog.get_by_role("button", name="Undo"))
    press("Enter")
    expect(dialog.locator(".st-key-gone")).to_have_count(0)
    settled(page)
    press("Escape")
    expect(dialog).to_have_count(0)


def test_a_screen_reader_has_a_name_for_every_control(visit: Open, loopback: LoopbackServer) -> None:
    page = visit("Ben")
    ask(page, "Where does Ben play?")
    assert nameless(page) == []
    page.get_by_role("button", name=re.compile(r"^Memory \(")).click()
    dialog = page.get_by_role("dialog")
    for tab in ("Import", "Export and erase", "Memories"):
        dialog.get_by_role("tab", name=tab).click()
        settled(page)
        assert nameless(page) == []
    dialog.get_by_role("button", name="Edit").first.click()
    settled(page)
    assert nameless(page) == []
    page.keyboard.press("Escape")
    settled(page)
    for button in (page.get_by_role("button", name="Rename or delete").first, page.get_by_role("button", name="Add a person")):
        button.click()
        expect(dialog).to_be_visible()
        assert nameless(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        settled(page)
    begin(page)
    page.get_by_text("Settings", exact=True).click()
    settled(page)
    assert nameless(page) == []


def test_escape_takes_the_keyboard_back_to_the_button_that_opened_the_memory(visit: Open, loopback: LoopbackServer) -> None:
    page = visit("Ben")
    dialog, memory = page.get_by_role("dialog"), page.get_by_role("button", name=re.compile(r"^Memory \("))

    def open_and_close(*pressed: str, rest: bool = True) -> None:
        memory.focus()
        page.keyboard.press("Enter")
        expect(dialog.get_by_label("Find")).to_be_visible()
        for button in pressed:
            settled(page)
            dialog.get_by_role("button", name=button, exact=True).first.press("Enter")
        if rest:
            settled(page)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.wait_for_function("each => each === document.activeElement", arg=memory.element_handle())
        settled(page)
        assert has_keyboard(memory)

    open_and_close(rest=False)
    open_and_close("Edit")
    open_and_close("Delete")  # which changes the number on the button
    open_and_close("Undo", rest=False)  # while the page is drawn again


def test_everything_stands_out_in_light_and_in_dark(visit: Open, loopback: LoopbackServer) -> None:
    page = visit("Ben")
    dialog = page.get_by_role("dialog")

    def seen() -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_function("dark => matchMedia('(prefers-color-scheme: dark)').matches === dark", arg=scheme == "dark")
            page.wait_for_timeout(300)  # colours fade
            assert faint(page) == [], scheme

    begin(page)
    page.get_by_text("Settings", exact=True).click()
    settled(page)
    seen()
    page.get_by_text("Settings", exact=True).click()
    loopback.plan = script(calling("remember", text="Ben collects stamps."), Turn(text="**Noted**: [Graz](https://example.org), `Graz`."))
    ask(page, "I collect stamps")
    expect(page.locator(".st-key-toast .change")).to_be_visible()
    for tab in ("Exactly what was sent", "Tokens and time"):
        page.get_by_role("tab", name=tab).click()
        seen()
    page.get_by_role("button", name=re.compile(r"^Memory \(")).click()
    dialog.get_by_role("button", name="Edit").first.click()
    expect(dialog.get_by_label("Change this memory")).to_be_visible()
    for tab in ("Memories", "Import", "Export and erase"):
        dialog.get_by_role("tab", name=tab).click()
        settled(page)
        seen()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.locator(".st-key-toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".st-key-toast")).to_have_count(0)


def test_it_remembers_after_a_restart_and_forgets_for_good(visit: Open, server: Server, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="By the sea."))
    page = visit()
    begin(page)
    ask(page, "Where does Zenobia live?")
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()
    server.start()
    page = visit()
    expect(replies(page).get_by_text("By the sea.")).to_be_visible()
    expect(page.get_by_text("What the model would see of your memory for the next answer")).to_be_visible()
    assert b"Zenobia" in server.bytes()
    page.get_by_role("button", name=re.compile(r"^Memory \(")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name="Export and erase").click()
    settled(page)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export everything").click()
    assert "Zenobia" in download.value.path().read_text()
    dialog.get_by_text("Permanently delete this person").click()
    dialog.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_label("Who is asking")).to_have_value("Ben")
    settled(page)
    assert not [word for word in (b"Zenobia", b"never with milk", b"By the sea") if word in server.bytes()]
    assert b"trombone" in server.bytes()
