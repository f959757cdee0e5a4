"""The answer in a writer's reply, in the notations of many models."""

from __future__ import annotations

import json

import pytest

from attngs.types import ChatReply
from attngs.writing.reply import read_reply

ANSWER = "Ben has a dog named Rex. He moved to Porto."
STILL_THINKING = "the writer was still thinking when its reply ended"


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        f"<|channel|>analysis<|message|>Ben has cats?<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>",
        f"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|><|channel|>final<|message|>{ANSWER}",
        f"<|channel|>final <|constrain|>text<|message|>{ANSWER}",
        f"analysisWe need to shorten. Cats?assistantfinal{ANSWER}",
        f"<|channel>thought\nCats?<channel|>{ANSWER}",
        f"<thought>Cats?</thought>\n{ANSWER}",
        f"<Thinking>Cats?</Thinking>{ANSWER}",
        f"<reasoning>Cats?</reasoning><reflection>Dogs.</reflection>{ANSWER}",
        f"<seed:think>Cats?</seed:think>{ANSWER}",
        f"[THINK]Cats?[/THINK]{ANSWER}",
        f"◁think▷Cats?◁/think▷{ANSWER}",
        f"<|START_THINKING|>Cats?<|END_THINKING|><|START_RESPONSE|>{ANSWER}<|END_RESPONSE|>",
        f"Cats? <think>No.</think> Dogs?</think>{ANSWER}",
        f"{ANSWER}<|im_end|>",
        f"{ANSWER}</s>",
        f"<answer>\n{ANSWER}\n</answer>",
        f"<think>Cats?</think><shortened_context>{ANSWER}</shortened_context>",
        f"```\n{ANSWER}\n```",
        f"Here is the shortened context:\n\n```text\n{ANSWER}\n```",
        json.dumps({"context": ANSWER}),
        json.dumps({"thoughts": "Cats?", "answer": ANSWER}),
        json.dumps({"my_summary": ANSWER}),
        json.dumps({"context": {"text": ANSWER}}),
        json.dumps(ANSWER),
        "```json\n" + json.dumps({"context": ANSWER}, indent=2) + "\n```",
        "<output>```json\n" + json.dumps({"text": ANSWER}) + "\n```</output>",
        "<start_important>Ben has a dog named Rex.<end_important> He moved to Porto.",
        f"Shortened context: {ANSWER}",
        f"## Shortened context\n\n{ANSWER}",
        f"**Shortened context:**\n{ANSWER}",
        f"The shortened context is: {ANSWER}",
        f"**Answer:** {ANSWER}",
        "# Ben has a dog named Rex. He moved to **Porto**.",
        f"The context is that {ANSWER}",
        "<user>\nBen has a dog named Rex. He moved to Porto.\n</user>\n<project manager>\n",
    ],
)
def test_the_answer_is_found(text: str) -> None:
    assert read_reply(ChatReply(text=text)) == (ANSWER, False, None)


def test_a_numbered_list_loses_its_numbers() -> None:
    assert read_reply(ChatReply(text="1. Ben has a dog.\n2. He moved.")).text == "- Ben has a dog.\n- He moved."
    assert read_reply(ChatReply(text="2. Ben has a dog.\n7. He moved.")).text == "2. Ben has a dog.\n7. He moved."


def test_sentences_in_a_json_list_are_lines() -> None:
    assert read_reply(ChatReply(text='{"sentences": ["Ben has a dog.", "He moved."]}')).text == "Ben has a dog.\nHe moved."


@pytest.mark.parametrize("text", ['{"context": "Ben has a dog. He mo', '{"context": ["Ben has a dog. He mo', '["Ben has a dog. He mo'])
def test_json_that_was_cut_off_is_read_as_far_as_it_goes(text: str) -> None:
    assert read_reply(ChatReply(text=text, finish_reason="length")) == ("Ben has a dog. He mo", True, None)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Rex", "kind": "dog"}',
        '{"allergy": "walnuts"}',
        "{Ben} has a dog.",
        "Analysis of Ben: he has a dog.",
        "analysis shows that Ben has a dog.",
        "Ben wrote <b>dog</b>.",
        '"Sit", says Ben.',
        "[1] Ben has a dog.",
        "```\na\n```\nBen has a dog.\n```\nb\n```\nand more",
        "Short answers are what Ben likes.",
        "5 * 3 ** 2 ** 1 is what __init__ returns.",
        "[" * 5000,
    ],
)
def test_what_is_no_wrapping_stays(text: str) -> None:
    assert read_reply(ChatReply(text=text)).text == text


@pytest.mark.parametrize(
    "text",
    [
        "<thought>Ben has",
        "<|channel|>analysis<|message|>Ben has",
        "[THINK] Ben has",
        "<think>a</think>\n<think>Ben has",
        "<|START_THINKING|>Ben",
    ],
)
def test_a_writer_that_never_stopped_thinking_has_no_answer(text: str) -> None:
    assert read_reply(ChatReply(text=text)) == ("", False, STILL_THINKING)
