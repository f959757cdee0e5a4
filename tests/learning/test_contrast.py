"""A model that has learned to copy one sentence's letter finds that sentence by itself."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from attngs.errors import InputError
from attngs.learning.fitting.contrast import Contrast, label_by_contrast, standing_out
from attngs.learning.labelled import LabelledExample
from attngs.reading.loading import LoadedModel, wrap_model
from attngs.reading.segments import Segmenter
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Document, Sentence

LETTERS = "BCDFJLMP"
FILLER = ("It rains. ", "We ate. ", "They ran. ", "He sat. ", "Go on. ")


def example(draw: random.Random, *, documents: int = 1) -> tuple[LabelledExample, str, tuple[int, int, int]]:
    """The only capital letter inside a sentence is the answer."""
    letter, sentences = draw.choice(LETTERS), [draw.choice(FILLER) for _ in range(4 * documents)]
    place = draw.randrange(len(sentences))
    sentences[place] = f"Key {letter} here. "
    texts = ["".join(sentences[4 * i : 4 * i + 4]) for i in range(documents)]
    number = place // 4
    start = sum(map(len, sentences[4 * number : place]))
    labelled = LabelledExample(query="key?", documents=tuple(Document(text=t, id=str(i)) for i, t in enumerate(texts)), answer=letter)
    return labelled, letter, (number, start, start + len(sentences[place]))


@pytest.fixture(scope="module")
def copier() -> LoadedModel:
    """A decoder of 60,000 weights, trained for seconds to answer with the letter that it has read."""
    torch.manual_seed(0)
    model = tiny_model("qwen2", num_hidden_layers=2, max_position_embeddings=1024, peaky=1.0, tie_word_embeddings=False)
    loaded = wrap_model(model, tiny_tokenizer(), name="copier")
    segmenter, draw = Segmenter(loaded.tokenizer, window=1024, causal=True), random.Random(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(400):
        rows, targets = [], []
        for _ in range(16):
            one, letter, _ = example(draw)
            sentences = [Sentence(document=d, position=i, start=0, end=len(d.text)) for i, d in enumerate(one.documents)]
            prompt = segmenter.segments(one.query, sentences, "last")[0].batch.input_ids[0]
            answer = segmenter.encoder.encode([segmenter.answer_begin + letter])[0].ids
            rows.append(torch.cat([prompt, torch.from_numpy(answer)]))
            targets.append(int(answer[-1]))
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        ends = torch.tensor([len(row) - 2 for row in rows])
        logits = model(input_ids=ids).logits[torch.arange(len(rows)), ends]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.02:
            break
    model.eval()
    assert loss.item() < 0.1, loss.item()
    return loaded


def test_the_sentence_that_drives_the_answer_is_the_label(copier: LoadedModel) -> None:
    draw = random.Random(1)
    made = [example(draw) for _ in range(12)]
    found = label_by_contrast([one for one, _, _ in made], copier)
    right = sum(labelled is not None and labelled.evidence == (place,) for labelled, (_, _, place) in zip(found, made, strict=True))
    assert right >= 11
    assert made[0][0].evidence == ()  # inputs are left alone


def test_documents_first_then_their_sentences(copier: LoadedModel) -> None:
    one, _, place = example(random.Random(5), documents=2)
    labelled = Contrast(copier).label(one)
    assert labelled is not None
    assert labelled.evidence == (place,)


def test_no_label_where_nothing_stands_out_or_fits(copier: LoadedModel) -> None:
    one, letter, _ = example(random.Random(2))
    contrast = Contrast(copier)
    assert contrast.label(replace(one, documents=(Document(text=f"Key {letter} here.", id="a"),))) is None  # nothing to compare with
    assert contrast.label(replace(one, documents=(Document(text="It rains. We ate. " * 99, id="a"),))) is None  # longer than the window
    assert Contrast(replace(copier, window=16)).label(one) is None  # the question alone is too long


def test_what_stands_out() -> None:
    assert standing_out([]) == []
    assert standing_out([0.0, 0.01, 2.0, 0.0, 0.02, -0.1]) == [2]
    assert standing_out([0.0, 1.9, 2.0, 0.0, 0.02, -0.1]) == [1, 2]
    assert standing_out([0.01, 0.02]) == []  # too little to matter


def test_an_encoder_cannot() -> None:
    bert = wrap_model(tiny_model("bert"), tiny_tokenizer(), name="tiny")
    with pytest.raises(InputError, match="no probabilities of words"):
        label_by_contrast([], bert)
