"""What a memory does for whoever uses it."""

from __future__ import annotations

import copy
import pickle
from datetime import date
from pathlib import Path

import pytest
import torch

from attngs import ContextCompressor, Document, GreedySelector, Marker, Memory, Question
from attngs.errors import AssetError, ConfigError, InputError
from attngs.marking.scorers.encoder import EmbeddedScorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.embedded import load_embedded
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.tokens import TokenizerCounter
from attngs.selection.selector import MEMORY_FLOOR
from attngs.testing import count_words
from tests.memory.conftest import Opener

NOTES = [
    Document(text="# Home\n\nThe spare key is under the blue pot. The boiler is in the cellar.", id="home"),
    Document(text="Ana is allergic to nuts. She carries a pen against it.", id="health", metadata={"date": "2026-02-01"}),
    Document(text="Ana moved to Porto.", id="move", metadata={"date": "2026-01-05"}),
    Document(text="Ana moved to Lyon, because her sister lives there.", id="later", metadata={"date": "2026-06-09"}),
    "name,room\nNora,12\nIvo,14\n",
    "Nora: When do we meet?\nIvo: On Tuesday at nine.\nNora: Good.\n",
]
QUESTIONS = ["What may she not eat?", "Where does Ana live now?", "In which room is Ivo?", "What did Ivo say?", "Where is the key?"]


def test_documents_come_back_as_they_were_given(memory: Memory) -> None:
    odd = Document(text="a\x00b \ud800 ü 你好\r\n", id="odd \udfff", metadata={"tags": ["x", 1, None, {"y": 0.5}]})
    ids = memory.add([*NOTES, odd])
    assert ids == ["home", "health", "move", "later", "1", "2", "odd \udfff"]
    assert len(memory) == 7
    assert memory.get("odd \udfff") == odd
    assert list(memory.documents())[:4] == NOTES[:4]
    assert [document.id for document in memory.documents()] == ids
    assert "home" in memory
    assert "nothing" not in memory


def test_an_id_that_was_made_up_is_never_made_up_again(memory: Memory, opened: Opener) -> None:
    assert memory.add(["one", "two"]) == ["1", "2"]
    memory.delete("2")
    assert memory.add([Document(text="four", id="4"), "three"]) == ["4", "3"]
    assert opened().add("five") == ["5"]


def test_dates_in_metadata_become_texts(memory: Memory) -> None:
    memory.add(Document(text="x", id="x", metadata={"date": date(2026, 3, 1)}))
    assert memory.get("x").metadata == {"date": "2026-03-01"}


@pytest.mark.parametrize(("room", "looked_at"), [(6_144, 60), (64, 6)])
def test_asking_is_marking_and_then_selecting(opened: Opener, room: int, looked_at: int) -> None:
    memory = opened(room=room)
    memory.add([f"Note {number}: the lamp of room {number} is broken again." for number in range(60)])
    found, asked = (use("What is broken in room 33?", target_tokens=12) for use in (memory.mark, memory.ask))
    assert found.marking == asked.marking
    assert len(found.documents) == len(found.marking.sentences) == looked_at
    assert [sentence.document for sentence in found.marking.sentences] == list(found.documents)
    assert found.complete == (looked_at == 60)
    assert found.tokens == 60 * 10  # of the texts alone
    assert asked.original_tokens in (60 * 10, 60 * 11)  # with the names of those that may be shown, where that is all of them


def test_marks_are_scores_also_where_everything_fits(memory: Memory) -> None:
    memory.add(["The cat is Milo.", "It rained all day."])
    assert memory.ask("Who is the cat?", target_tokens=99).method == "passthrough"
    first, second = memory.mark("Who is the cat?", target_tokens=99).marking.scores
    assert first > second


def test_an_empty_memory_has_nothing_to_mark(memory: Memory) -> None:
    found = memory.mark("Who is the cat?", target_tokens=5)
    assert (found.documents, found.marking.sentences, found.tokens) == ((), (), 0)
    with pytest.raises(InputError, match="`query` is empty"):
        memory.mark(" ", target_tokens=5)
    with pytest.raises(ConfigError, match="`target_tokens` must be a whole number of at least 1, got 0"):
        memory.mark("x", target_tokens=0)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("tokens", [8, 25])
def test_a_small_memory_answers_as_the_compressor_does(tmp_path: Path, default_marker: Marker, question: str, tokens: int) -> None:
    with Memory.open(tmp_path / "m.db", namespace="ana", marker=default_marker) as memory:
        memory.add(NOTES)
        documents = list(memory.documents())
        for opened_anew in (False, True):
            if opened_anew:
                default_marker.forget()  # what was read comes from the file
            result = memory.ask(question, target_tokens=tokens)
            compressor = ContextCompressor(default_marker, selector=GreedySelector(min_score=MEMORY_FLOOR))
            expected = compressor.compress(documents, question, target_tokens=tokens, namespace="ana")
            assert result.to_dict() | {"milliseconds": 0} == expected.to_dict() | {"milliseconds": 0}
            assert result.marking == expected.marking


def test_a_question_with_its_background(tmp_path: Path, default_marker: Marker) -> None:
    with Memory.open(tmp_path / "m.db", namespace="ana", marker=default_marker) as memory:
        memory.add(NOTES)
        followup = Question(text="And where is hers?", background="Where does her sister live?")
        compressor = ContextCompressor(default_marker, selector=GreedySelector(min_score=MEMORY_FLOOR))
        expected = compressor.compress(list(memory.documents()), followup, target_tokens=12, namespace="ana")
        assert memory.ask(followup, target_tokens=12).text == expected.text


def test_what_is_read_of_a_text_is_read_once(tmp_path: Path, default_marker: Marker) -> None:
    """The states come from the file, to the last bit, in a marker that knows nothing."""
    path = tmp_path / "m.db"
    with Memory.open(path, namespace="ana", marker=default_marker) as memory:
        memory.add(NOTES)
        default_marker.forget()
        memory.ask("Where is the key?", target_tokens=8)
        before = default_marker.cache.info()
        states = default_marker.scorer.states  # type: ignore[attr-defined]
        texts = [unit.text for unit in default_marker.split(list(memory.documents()), namespace="ana")]
        recalled = states.states(texts, "ana")
        default_marker.forget()
        fresh = states.states(texts, "ana")
    assert before.entries > len(texts)
    assert all(one.equal(other) for one, other in zip(recalled, fresh, strict=True))


async def test_a_memory_can_be_awaited(memory: Memory) -> None:
    memory.add(NOTES)
    assert (await memory.aask("Where is the key?", target_tokens=9)).text == memory.ask("Where is the key?", target_tokens=9).text


def test_a_document_changes_in_its_place(memory: Memory) -> None:
    memory.add([Document(text="Ana likes tea.", id="a", metadata={"date": "2026-01-01"}), "Ivo likes milk."])
    memory.update("a", "Ana likes coffee.")
    assert next(memory.documents()) == Document(text="Ana likes coffee.", id="a", metadata={"date": "2026-01-01"})
    memory.update("a", Document(text="Ana likes beer.", metadata={"date": "2026-02-01"}))
    assert memory.get("a") == Document(text="Ana likes beer.", id="a", metadata={"date": "2026-02-01"})
    assert "coffee" not in memory.ask("What does Ana like? Coffee?", target_tokens=20).text
    assert "beer" in memory.ask("What does Ana like? Beer?", target_tokens=4).text


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    encoder = load_embedded()
    marker = Marker(EmbeddedScorer(SentenceStates(encoder)), counter=TokenizerCounter(encoder.tokenizer))
    read = list[str]()

    def note(module: object, arguments: object, named: dict[str, torch.Tensor]) -> None:
        read.extend(encoder.tokenizer.batch_decode(named["input_ids"], skip_special_tokens=True))

    encoder.model.register_forward_pre_hook(note, with_kwargs=True)
    with Memory.open(tmp_path / "m.db", namespace="ana", marker=marker) as memory:
        memory.add(Document(text="One is here. Two is there. Three is away.", id="a"))
        marker.forget()
        read.clear()
        memory.update("a", "One is here. Two is gone. Three is away.")
        assert read == ["two is gone."]
        read.clear()
        memory.add("Four is new.")
        assert read == ["four is new."]
        read.clear()
        memory.ask("Where is two?", target_tokens=12)
        assert read[0] == "where is two?"
        assert not any("is here" in text or "is new" in text for text in read)  # beside the question, only the marker's own idle messages


def test_what_is_deleted_is_gone(memory: Memory, opened: Opener) -> None:
    ids = memory.add(["Ana likes tea.", "Ivo likes milk.", "Nora likes water."])
    other = opened("ivo")
    other.add("Ivo was here.")
    memory.delete(ids[:2])
    assert [document.text for document in memory.documents()] == ["Nora likes water."]
    memory.clear()
    assert len(memory) == 0
    assert memory.ask("What does Nora like?", target_tokens=9).text == ""
    assert len(other) == 1


def test_nobody_sees_another_namespace(memory: Memory, opened: Opener) -> None:
    memory.add(Document(text="Ana's PIN is 4711.", id="pin"))
    stranger = opened("ana2")
    assert len(stranger) == 0
    assert stranger.ask("What is Ana's PIN?", target_tokens=50).text == ""
    for use in (lambda: stranger.get("pin"), lambda: stranger.update("pin", "x"), lambda: stranger.delete("pin")):
        with pytest.raises(InputError, match="there is no document 'pin' in this namespace"):
            use()
    stranger.clear()
    assert memory.get("pin").text == "Ana's PIN is 4711."


def test_a_change_by_another_is_seen(memory: Memory, opened: Opener) -> None:
    other = opened()
    memory.add(["Ana likes tea.", "Ivo likes milk."])
    assert "tea" in other.ask("What does Ana like?", target_tokens=5).text
    other.update("1", "Ana likes coffee.")
    assert "coffee" in memory.ask("What does Ana like?", target_tokens=5).text
    memory.delete("1")
    assert "coffee" not in other.ask("What does Ana like?", target_tokens=5).text


def test_what_cannot_be_kept_is_refused_and_nothing_is_added(memory: Memory) -> None:
    memory.add(Document(text="x", id="x"))
    cases: list[tuple[object, str]] = [
        (["fine", "  "], r"`documents\[1\]` has no text"),
        (["fine", None], r"`documents\[1\]` must be a str"),
        (Document(text="y", id="x"), "there is a document 'x' already; change it with `update`"),
        ([Document(text="y", id="y"), Document(text="z", id="y")], "the id 'y' twice"),
        (Document(text="y", metadata={"a": object()}), r"`documents\[0\].metadata` cannot be kept as JSON: object is no JSON"),
    ]
    for documents, message in cases:
        with pytest.raises(InputError, match=message):
            memory.add(documents)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot take the place of 'x'"):
        memory.update("x", Document(text="y", id="y"))
    with pytest.raises(InputError, match="no document 'nobody'"):
        memory.delete(["x", "nobody"])
    assert len(memory) == 1
    assert memory.add([]) == []


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"namespace": " "}, ConfigError, "`namespace` is empty"),
        ({"namespace": None}, InputError, "`namespace` must be a str"),
        ({"timeout": -1}, ConfigError, "`timeout` must be 0 to 3600 seconds, got -1"),
        ({"min_score": 2}, ConfigError, "`min_score` must be a probability"),
    ],
)
def test_settings_outside_their_range(opened: Opener, settings: dict[str, object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        opened(**settings)


def test_a_closed_memory_says_so(memory: Memory) -> None:
    with memory:
        memory.add("x")
    for use in (lambda: memory.ask("x", target_tokens=5), lambda: len(memory), lambda: memory.add("y"), memory.clear):
        with pytest.raises(ConfigError, match="the memory is closed; open it again"):
            use()


def test_a_budget_or_question_that_cannot_be_used(memory: Memory) -> None:
    with pytest.raises(ConfigError, match="`target_tokens` must be a whole number of at least 1, got 0"):
        memory.ask("x", target_tokens=0)
    with pytest.raises(InputError, match="`query` is empty"):
        memory.ask(" ", target_tokens=5)


def test_copies_share_and_nothing_private_is_shown(memory: Memory) -> None:
    memory.add("Ana's PIN is 4711.")
    assert copy.deepcopy(memory) is memory
    assert pickle.loads(pickle.dumps(memory)) is memory
    assert repr(memory) == "Memory(marker='LexicalScorer')"


def test_another_reader_reads_everything_anew(opened: Opener, path: Path, default_marker: Marker) -> None:
    first = opened()
    first.add(["Ana likes tea.", Document(text="# A\nThe sun is hot.\n\n# B\nThe moon is not.\n", id="n", metadata={"k": 1})])
    before = list(first.documents())
    told = list[tuple[str, int, int]]()
    second = opened(marker=default_marker, counter=None, progress=lambda *step: told.append(step))
    assert told[-1] == ("reading documents", 1, 1)
    assert list(second.documents()) == before
    assert second.ask("What does Ana drink?", target_tokens=10).text == "[1]\nAna likes tea."
    with pytest.raises(AssetError, match="was read anew with another marker or version of attngs since it was opened"):
        first.ask("What?", target_tokens=5)
    with pytest.raises(AssetError, match="was read anew"):
        first.add("nothing is mixed")
    told.clear()
    opened(marker=default_marker, counter=None, progress=lambda *step: told.append(step))
    assert told == []


def test_a_file_is_asked_in_the_tokens_of_any_reader_without_being_read_anew(opened: Opener, default_marker: Marker) -> None:
    first = opened(marker=default_marker, counter=None, room=64)
    first.add([f"Note {number}: the lamp of room {number} is broken again." for number in range(60)])
    told = list[object]()
    second = opened(marker=default_marker, counter=count_words, room=64, progress=lambda *step: told.append(step))
    assert told == []
    result = second.ask("What is broken in room 33?", target_tokens=12)
    assert "room 33" in result.text
    assert count_words(result.text) <= 12
    assert result.original_tokens == pytest.approx(60 * 10, rel=0.1)
    assert first.ask("What is broken in room 33?", target_tokens=24).original_tokens > result.original_tokens


def test_a_marker_without_an_encoder_finds_by_words(tmp_path: Path) -> None:
    memory = Memory.open(tmp_path / "m.db", namespace="a", marker=Marker(LexicalScorer()), counter=count_words)
    memory.add([f"Note {number} is about topic{number} and more of it." for number in range(1500)])
    result = memory.ask("What is topic777 about?", target_tokens=12)
    assert "topic777" in result.text
    assert result.sources[0].document_id == "778"
    assert len(result.kept) + len(result.dropped) < 800
    assert result.original_tokens == 1500 * 9
