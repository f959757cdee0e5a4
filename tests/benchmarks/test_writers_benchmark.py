"""The benchmark of small writers: replies are kept, a context becomes a row, and the page has every model."""

from __future__ import annotations

import json
from pathlib import Path

from attngs import ContextCompressor, Marker
from attngs.testing import FakeChat, FakeScorer, count_words
from attngs.text.sentences import Splitter, split_sentences
from attngs.types import ChatReply, Document, Message, Sentence, Usage
from benchmarks.reuse.data import Question
from benchmarks.writers.measure import cut_out, measure
from benchmarks.writers.page import tables, write_page
from benchmarks.writers.replies import KeptReplies

TEXT = "Tom bought a red kite. It rained on Sunday. The kite hangs in the hall. Ines plays chess. She lost to Tom at last. "


def question() -> Question:
    document = Document(id="note", text=f"Before. {TEXT}")
    spans = list(split_sentences(document.text, "sentence"))[1:]
    sentences = [Sentence(document=document, position=0, start=start, end=end) for start, end in spans]
    return Question(name="some-1", cluster="c", query="Where is the kite?", answer="", sentences=sentences)


def test_a_reply_is_asked_for_once(tmp_path: Path) -> None:
    path, chat = tmp_path / "replies" / "tiny.jsonl", FakeChat(ChatReply(text="Half a", finish_reason="length", usage=Usage(9, 2)))
    messages = [Message("user", "Shorten.")]
    first = KeptReplies(lambda: chat, path, name="tiny")
    assert first.complete(messages) == first.complete(messages)
    again = KeptReplies(lambda: chat, path, name="tiny")
    assert again.complete(messages) == ChatReply(text="Half a", finish_reason="length", usage=Usage(9, 2))
    assert len(chat.calls) == len(path.read_text(encoding="utf-8").splitlines()) == 1
    assert again.taken[0].seconds == first.taken[0].seconds
    KeptReplies(lambda: chat, path, name="tiny, at most 8 tokens").complete(messages)
    assert len(chat.calls) == 2


def test_a_context_is_what_its_sentences_cover() -> None:
    [document] = cut_out(question().sentences)
    assert (document.id, document.text) == ("note", TEXT)


def test_a_context_becomes_a_row_and_rows_a_page(tmp_path: Path) -> None:
    reply = "The red kite hangs in the hall. Tom lost it in Porto."
    chat = KeptReplies(lambda: FakeChat(reply), tmp_path / "tiny.jsonl", name="tiny")
    marker = Marker(FakeScorer("kite"), splitter=Splitter(unit="sentence"))
    row = measure(ContextCompressor(marker, chat, counter=count_words), chat, question(), 16)
    assert (row["set"], row["method"], row["reason"], row["calls"]) == ("some", "rewrite", None, 1)
    assert (row["sentences"], row["supported"], dict(row["claims"])) == (2, 1, {"name": 1})
    assert row["tokens"] <= 16
    about = {"model": "tiny", "target": 16, "room": 99, "reply": 32, "machine": {"date": "today", "code": "abc", "cpu": "some"}}
    refused = row | {"method": "extract", "reason": "83% of the rewrite is not supported by the context"}
    rows = [json.loads(json.dumps(about | one)) for one in (row, refused)]
    page = write_page(rows, tmp_path).read_text(encoding="utf-8")
    assert all(table.title in page for table in tables(rows))
    assert "| N% of the rewrite is not supported by the context | 1 |" in page
    assert "| tiny | 2 | 0.500 " in page
    assert reply not in page
