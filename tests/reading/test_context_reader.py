"""A context that was read before is not read again, and nobody can tell but by the clock."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_attention import ARCHITECTURES, ENCODERS

from attngs import Marker, MarkRequest
from attngs.errors import ConfigError, ModelError, UnsupportedModelError
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.reading.attention import AttentionReader
from attngs.reading.key_values import PackedTensor, Past, keeps_keys_and_values
from attngs.testing import tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
REREAD = {"qwen3_next", "gemma4_text"}
"""Whose past is more than keys and values of every layer: what they are asked about is read anew each time."""

DECODERS = [name for name in ARCHITECTURES if name not in ENCODERS]
CONFIG = AttentionConfig(layers=(0.0, 1.0))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short text has several."""
    monkeypatch.setattr("attngs.reading.key_values.CHUNK", 16)
    monkeypatch.setattr("attngs.reading.context_reader.CHUNK", 16)


def memory(seed: int, sentences: int = 12) -> list[str]:
    generator = random.Random(seed)
    return ["".join(generator.choices("abcdefgh ", k=generator.randint(15, 40))) + ". " for _ in range(sentences)]


def settings_of(name: str) -> dict[str, Any]:
    """With windows long enough that the end of the prompt sees a part of the context."""

    def longer(settings: dict[str, Any]) -> dict[str, Any]:
        changed = {key: longer(value) for key, value in settings.items() if key == "text_config"}
        return {**settings, **changed, **({"sliding_window": 120} if "sliding_window" in settings else {})}

    return longer(ARCHITECTURES[name])


def marker(model: torch.nn.Module, *, at_once: int | None = None, **options: object) -> Marker:
    made = Marker.from_model(model, TOKENIZER, config=CONFIG, **options)  # type: ignore[arg-type]
    if at_once:
        assert isinstance(made.scorer, AttentionScorer)
        made.scorer._contexts._at_once = at_once
    return made


def shares(made: Marker, context: list[str], query: str, namespace: str = "") -> torch.Tensor:
    """Attention on each sentence as a share of all attention on the context; sums to 1."""
    marking = made.mark("".join(context), query, namespace=namespace)
    scores = torch.tensor(marking.scores, dtype=torch.float64) * torch.tensor([len(sentence.text) for sentence in marking.sentences])
    return scores / scores.sum()


@pytest.mark.parametrize("name", DECODERS)
def test_warm_scores_equal_cold_scores(name: str) -> None:
    model = tiny_model(name, **{"peaky": 2.0, **settings_of(name)})
    cold, kept, in_passes = marker(model, cache_bytes=0), marker(model), marker(model, at_once=20)
    context = memory(1)
    grown, edited = [*context, "One more line. ", "And another. "], [*context[:5], "This was changed. ", *context[6:]]
    for asked, query in [(context, "abc?"), (context, "something else"), (grown, "abc?"), (edited, "abc?"), (context, "abc?")]:
        expected = shares(cold, asked, query)
        assert expected.max() - expected.min() > 0.05  # it has peaks, so that a wrong chunk would show
        for made in (kept, in_passes):
            assert (shares(made, asked, query) - expected).abs().max() <= 1e-5
    hits = kept.cache.info().hits
    assert keeps_keys_and_values(model) == (name not in REREAD)
    assert hits > 60 or name in REREAD


def chunks_read(made: Marker, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each forward pass read."""
    seen: list[int] = []
    own = AttentionReader._run

    def run(self: AttentionReader, inputs: dict[str, torch.Tensor], observer: object) -> None:
        seen.append(inputs["input_ids"].shape[1])
        own(self, inputs, observer)  # type: ignore[arg-type]

    monkeypatch.setattr(AttentionReader, "_run", run)
    return seen


def test_a_question_an_append_and_an_edit_read_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    made = marker(tiny_model())
    seen = chunks_read(made, monkeypatch)
    context = memory(2)
    warmth = made.warm("".join(context))
    whole = warmth.tokens
    assert warmth.kept == whole
    assert seen == [whole]
    made.mark("".join(context), "What?")
    question = seen.pop()
    assert question < 70  # the question and the end of the prompt
    made.mark("".join([*context, "One more line. "]), "What?")
    assert seen.pop() <= question + len("One more line. ") + 16
    made.mark("".join([*context[:10], "Edited near the end. ", *context[11:]]), "What?")
    assert seen.pop() <= question + len("".join(context[10:])) + 21 + 16
    made.mark("".join(["Edited at the start. ", *context[1:]]), "What?")
    assert seen.pop() > 0.75 * whole  # all but the prompt's beginning
    made.warm("".join(context))
    assert len(seen) == 1  # nothing was left to read


@pytest.mark.parametrize(("storage", "worst"), [("bfloat16", 2e-2), ("int8", 3e-2)])
def test_smaller_storage_is_smaller_and_close(storage: str, worst: float) -> None:
    model = tiny_model(peaky=1.0)
    exact, packed = marker(model), marker(model, cache_storage=storage)
    context = memory(3)
    assert packed.warm("".join(context)).bytes <= 0.6 * exact.warm("".join(context)).bytes
    error = (shares(packed, context, "abc?") - shares(exact, context, "abc?")).abs().max()
    assert 0 < error <= worst


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_packing_keeps_the_precision_it_promises(seed: int, size: float) -> None:
    tensor = size * torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(seed))
    for storage, relative in ((None, 0.0), ("bfloat16", 2**-8), ("int8", 0.5 / 127 + 1e-6)):
        unpacked = torch.empty(2, 5, 8)
        PackedTensor.pack(tensor, storage).unpack_into(unpacked, slice(0, 5))  # type: ignore[arg-type]
        largest = tensor.abs().amax(dim=-1, keepdim=True)
        assert ((unpacked - tensor).abs() <= relative * largest).all()


def test_a_past_may_not_be_written_to_by_who_reads_behind_it() -> None:
    """Chunks are shared between threads and questions."""
    made = marker(tiny_model())
    context = memory(4)
    made.warm("".join(context))
    before = [packed.data.clone() for chunk in chunks_of(made) for packed in (*chunk.keys, *chunk.values)]
    made.mark("".join(context), "abc?")
    after = [packed.data for chunk in chunks_of(made) for packed in (*chunk.keys, *chunk.values)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def chunks_of(made: Marker) -> list[object]:
    return [value for value, _ in made.cache._entries.values() if hasattr(value, "keys") and not isinstance(value, dict)]


def test_a_cache_smaller_than_one_context_keeps_its_beginning(caplog: pytest.LogCaptureFixture) -> None:
    model = tiny_model()
    context = memory(5, sentences=20)
    all_of_it = marker(model).warm("".join(context))
    small = marker(model, cache_bytes=all_of_it.bytes // 2)
    warmth = small.warm("".join(context))
    assert 0 < warmth.kept < warmth.tokens == all_of_it.tokens
    assert "raise `cache_bytes`" in caplog.text
    assert small.cache.info().bytes <= all_of_it.bytes // 2
    assert (shares(small, context, "abc?") - shares(marker(model, cache_bytes=0), context, "abc?")).abs().max() <= 1e-5
    assert small.cache.info().hits > 0


def test_models_that_cannot_be_warmed_say_so() -> None:
    for name in ("bert", "qwen3_next"):
        made = marker(tiny_model(name, **ARCHITECTURES[name]))
        with pytest.raises(UnsupportedModelError, match="cannot be warmed"):
            made.warm("Some text. And more.")
        assert made.mark("Some text. And more.", "What?").scores
    with pytest.raises(ConfigError, match="`cache_storage`"):
        marker(tiny_model(), cache_storage="int4")


def test_namespaces_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = marker(tiny_model())
    context = memory(6)
    made.warm("".join(context), namespace="ana")
    seen = chunks_read(made, monkeypatch)
    expected = shares(made, context, "abc?", "ana")
    assert seen.pop() < 70
    assert torch.allclose(shares(made, context, "abc?", "ben"), expected, atol=1e-5)
    assert seen.pop() > 200  # ben's question did not find what ana's had read
    made.forget("ana")
    shares(made, context, "abc?", "ana")
    assert seen.pop() > 200
    shares(made, context, "abc?", "ben")
    assert seen.pop() < 70


def test_weights_that_changed_are_not_answered_from_what_the_old_ones_read() -> None:
    model = tiny_model()
    made = marker(model)
    context = memory(7)
    before = shares(made, context, "abc?")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    after = shares(made, context, "abc?")
    assert (after - before).abs().max() > 1e-3
    assert (after - shares(marker(model, cache_bytes=0), context, "abc?")).abs().max() <= 1e-5


def test_a_pass_is_short_where_windows_slide() -> None:
    scorer = marker(tiny_model("mistral", sliding_window=64)).scorer
    assert isinstance(scorer, AttentionScorer)
    assert scorer._contexts._at_once == 1_024


def test_the_past_tells_masks_what_it_shows() -> None:
    model = tiny_model("mistral", sliding_window=10)
    reader = AttentionReader(model)
    past = Past([[]], [reader.windows[depth] for depth in range(4)])
    for length in (6, 7, 3):
        seen = past.get_seq_length()
        assert past.get_mask_sizes(length, 0) == (min(seen, 9) + length, max(0, seen - 9))
        reader.prefill(torch.arange(20, 20 + length)[None], past)
    (first, second) = past.take(0, 0, 16, None), past.take(0, 16, 16, None)
    assert [chunk.tokens for chunk in first] == [16]
    assert second == []


def test_results_do_not_depend_on_the_batch() -> None:
    model = tiny_model()
    cold = marker(model, cache_bytes=0)
    contexts = [memory(seed, sentences) for seed, sentences in ((1, 12), (2, 3), (3, 12), (4, 1), (1, 12))]
    requests = [
        MarkRequest(documents="".join(context), query=query, namespace=user)
        for context in contexts
        for query in ("abc?", "a longer question about it?")
        for user in ("ana", "ben")
    ]
    alone = [torch.tensor(cold.mark(request.documents, request.query).scores) for request in requests]
    for made in (marker(model), cold, marker(model, cache_bytes=30_000), marker(model, max_batch_tokens=1), marker(model, at_once=50)):
        for order in (range(len(requests)), random.Random(0).sample(range(len(requests)), len(requests))):
            found = made.mark_batch([requests[i] for i in order])
            for i, marking in zip(order, found, strict=True):
                assert not isinstance(marking, Exception)
                assert torch.allclose(torch.tensor(marking.scores), alone[i], rtol=1e-4, atol=1e-7)


MLA = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "num_key_value_heads": 4,
}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("minicpm3", MLA),
        (
            "deepseek_v3",
            {**MLA, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 32},
        ),
        ("mixtral", {"num_local_experts": 2}),
    ],
)
def test_models_with_a_past_of_another_shape(name: str, given: dict[str, object]) -> None:
    model = tiny_model(name, peaky=1.0, **given)
    cold, kept, in_passes = marker(model, cache_bytes=0), marker(model), marker(model, at_once=20)
    context = memory(8)
    for query in ("abc?", "something else"):
        expected = shares(cold, context, query)
        assert (shares(kept, context, query) - expected).abs().max() <= 1e-5
        assert (shares(in_passes, context, query) - expected).abs().max() <= 1e-5


def test_a_window_that_only_the_config_speaks_of_is_no_window() -> None:
    model = tiny_model("llama")
    model.config.sliding_window = 30
    context = memory(9)
    expected = shares(marker(model, cache_bytes=0), context, "abc?")
    for made in (marker(model), marker(model, at_once=20)):
        for _ in range(2):
            assert (shares(made, context, "abc?") - expected).abs().max() <= 1e-5


def test_positions_that_depend_on_the_length_bound_the_window() -> None:
    """LongRoPE encodes every position of a pass in another way once the pass is longer than the original limit."""
    rope = {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [4.0] * 8, "rope_theta": 1e4}
    limits = {"max_position_embeddings": 4096, "original_max_position_embeddings": 512}
    model = tiny_model("phi3", **limits, rope_parameters={**rope, "original_max_position_embeddings": 512}, sliding_window=None)
    with pytest.raises(ConfigError, match=r"16 \.\.\. 512"):
        marker(model, window=1_024)
    context = memory(10, sentences=30)
    expected = shares(marker(model, cache_bytes=0), context, "abc?")
    kept = marker(model)
    for _ in range(2):
        assert (shares(kept, context, "abc?") - expected).abs().max() <= 1e-5


@pytest.mark.parametrize("change", ["data", "replaced", "buffer"])
def test_weights_that_change_behind_torch_s_back_are_noticed(change: str) -> None:
    model = tiny_model()
    made = marker(model)
    context = memory(11)
    layer = model.model.layers[0].self_attn
    for step in range(5):
        with torch.no_grad():
            if change == "data":
                for parameter in model.parameters():
                    parameter.data.mul_(1.1)
            elif change == "replaced":  # a freed weight's place in memory is used again
                layer.k_proj.weight = torch.nn.Parameter(layer.k_proj.weight * (1.0 + 0.1 * step))
            else:
                model.model.rotary_emb.inv_freq.mul_(0.8)
        assert (shares(made, context, "abc?") - shares(marker(model, cache_bytes=0), context, "abc?")).abs().max() <= 1e-5


def test_a_model_that_went_back_to_training_is_refused() -> None:
    model = tiny_model()
    made = marker(model)
    model.train()
    with pytest.raises(ModelError, match=r"model\.eval\(\)"):
        made.mark("Some text. And more.", "What?")


def test_a_model_and_its_body_are_read_side_by_side() -> None:
    model = tiny_model()
    whole, body = marker(model), marker(model.model)
    context = memory(12)
    expected = shares(whole, context, "abc?")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: shares((whole, body)[i % 2], context, f"abc? {i // 2}"), range(24)))
    assert (shares(body, context, "abc?") - expected).abs().max() <= 1e-5
    assert all((a - b).abs().max() <= 1e-5 for a, b in zip(found[::2], found[1::2], strict=True))
    assert model.config._attn_implementation == "sdpa"
