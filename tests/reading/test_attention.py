"""Rows equal eager attention on every family in reach, and reading leaves nothing behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import torch
from transformers import PreTrainedModel

from attngs.errors import ModelError, UnsupportedModelError
from attngs.reading import attention_function
from attngs.reading.attention import AttentionReader
from attngs.reading.attention_function import installed
from attngs.reading.key_values import Past
from attngs.reading.token_batch import TokenBatch
from attngs.testing import tiny_model

WINDOW = {"sliding_window": 12}
LAYERS = {"layer_types": ["sliding_attention", "full_attention"] * 2}
GEMMA4 = {"head_dim": 16, "global_head_dim": 32, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 512}
EYES = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
QWEN_EYES = {"depth": 1, "hidden_size": 32, "out_hidden_size": 64, "num_heads": 2, "intermediate_size": 32}
MROPE = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}
ARCHITECTURES: dict[str, dict[str, object]] = {
    "llama": {},
    "qwen2": {"use_sliding_window": True, **WINDOW, "max_window_layers": 2},
    "qwen3": {"head_dim": 16},
    "mistral": {**WINDOW},
    "gemma2": {"head_dim": 16, "attn_logit_softcapping": 2.0, **WINDOW, **LAYERS},
    "gemma3_text": {"head_dim": 16, **WINDOW, **LAYERS},
    "phi3": {**WINDOW},
    "smollm3": {},
    "olmo2": {},
    "granite": {"attention_multiplier": 0.5},
    "gpt2": {"n_inner": 96, "scale_attn_by_inverse_layer_idx": True},
    "gpt_oss": {"head_dim": 16, "num_local_experts": 4, "num_experts_per_tok": 2, **WINDOW, **LAYERS},
    "gpt_neox": {},
    "cohere2": {**WINDOW, **LAYERS},
    "qwen3_next": {
        "head_dim": 16,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "layer_types": ["linear_attention", "full_attention"] * 2,
    },
    "qwen2_vl": {
        "text_config": {"rope_parameters": MROPE},
        "vision_config": {"depth": 1, "embed_dim": 32, "hidden_size": 64, "num_heads": 2},
    },
    "qwen2_5_vl": {"text_config": {"rope_parameters": MROPE}, "vision_config": QWEN_EYES},
    "qwen3_vl": {"text_config": {"head_dim": 16}, "vision_config": {**QWEN_EYES, "deepstack_visual_indexes": [0]}},
    "llava": {"text_config": {"model_type": "llama"}, "vision_config": {"model_type": "clip_vision_model", **EYES}},
    "mistral3": {"text_config": {"model_type": "mistral", **WINDOW}, "vision_config": {"model_type": "pixtral", **EYES}},
    "gemma3": {"text_config": {"head_dim": 16, **WINDOW, **LAYERS}, "vision_config": EYES},
    "gemma4": {"peaky": 0.02, "text_config": {**GEMMA4, "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0, **WINDOW, **LAYERS}},
    "gemma4_text": {"peaky": 0.02, "num_kv_shared_layers": 2, **GEMMA4, **WINDOW, **LAYERS},
    "idefics3": {"text_config": {"model_type": "llama"}, "vision_config": EYES},
    "bert": {},
    "roberta": {"max_position_embeddings": 514, "pad_token_id": 1},
    "distilbert": {"dim": 64, "n_heads": 4, "n_layers": 4, "hidden_dim": 96},
    "modernbert": {"local_attention": 16, "cls_token_id": 7, "sep_token_id": 8},
}
ENCODERS = {"bert", "roberta", "distilbert", "modernbert"}
LENGTHS = (60, 41)
SENTENCES = 6


def batch_of(lengths: tuple[int, ...], side: str, seed: int = 1) -> TokenBatch:
    """Random tokens; sentences of uneven length, some tokens that belong to none, two probe rows at the end of each text."""
    generator = torch.Generator().manual_seed(seed)
    width = max(lengths)
    ids = torch.zeros(len(lengths), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    owner = torch.full_like(ids, SENTENCES)
    rows = torch.zeros(len(lengths), 2, dtype=torch.long)
    for number, length in enumerate(lengths):
        start = width - length if side == "left" else 0
        here = slice(start, start + length)
        ids[number, here] = torch.randint(20, 260, (length,), generator=generator)
        mask[number, here] = 1
        owner[number, start + 3 : start + length - 5] = torch.arange(length - 8) * SENTENCES // (length - 8)
        rows[number] = torch.tensor([start + length - 1, start + length - 4])
    weights = torch.tensor([0.75, 0.25]).expand(len(lengths), 2)
    return TokenBatch(input_ids=ids, attention_mask=mask, owner=owner, rows=rows, row_weights=weights, n_sentences=SENTENCES)


def eager_mass(model: PreTrainedModel, batch: TokenBatch) -> torch.Tensor:
    """The reference: all maps of the model's own eager attention, one text at a time without padding."""
    own = model.config._attn_implementation
    model.set_attn_implementation("eager")
    masses = []
    for number in range(len(batch.input_ids)):
        real = batch.attention_mask[number].bool()
        first = int(real.nonzero()[0])
        with torch.no_grad():
            maps = model(input_ids=batch.input_ids[number, real][None], output_attentions=True).attentions
        rows = torch.stack([m[0] for m in maps if m is not None])[:, :, batch.rows[number] - first]  # (L, H, R, T)
        mean = torch.einsum("lhrt,r->lht", rows, batch.row_weights[number])
        bins = torch.zeros(*mean.shape[:2], SENTENCES + 1)
        masses.append(bins.index_add_(2, batch.owner[number, real], mean)[..., :SENTENCES])
    model.set_attn_implementation(own)
    return torch.stack(masses)


@pytest.fixture(scope="module", params=list(ARCHITECTURES))
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return tiny_model(request.param, **ARCHITECTURES[request.param])


@pytest.mark.parametrize("side", ["none", "right", "left"])
def test_rows_equal_eager_attention(model: PreTrainedModel, side: str) -> None:
    batch = batch_of((60,) if side == "none" else LENGTHS, side)
    reader = AttentionReader(model)
    mass = reader.read(batch, range(len(reader.depths)))
    expected = eager_mass(model, batch)
    assert mass.shape == expected.shape
    assert (mass - expected).abs().max() <= 1e-5
    assert expected.max() > 2 / SENTENCES  # the attention has peaks, so that a wrong row would show


def test_a_batch_of_stacked_texts_is_read_like_each_alone(model: PreTrainedModel) -> None:
    reader = AttentionReader(model)
    batches = [batch_of((length,), "none", seed=length) for length in (60, 47, 55)]
    together = reader.read(TokenBatch.stack(batches), [0, 1])
    for alone, mass in zip(batches, together, strict=True):
        assert (reader.read(alone, [0, 1])[0] - mass).abs().max() <= 1e-5


def test_an_early_exit_changes_nothing(model: PreTrainedModel) -> None:
    batch = batch_of((60,), "none")
    reader = AttentionReader(model)
    everything = reader.read(batch, range(len(reader.depths)))
    assert torch.equal(reader.read(batch, [1]), everything[:, [1]])
    assert torch.equal(reader.read(batch, [1, 0]), everything[:, [1, 0]])


def test_only_attention_layers_of_a_hybrid_are_read() -> None:
    reader = AttentionReader(tiny_model("qwen3_next", **ARCHITECTURES["qwen3_next"]))
    assert reader.depths == (1, 3)


@pytest.mark.parametrize("model_type", ["llama", "bert"])
def test_causal_or_not(model_type: str) -> None:
    assert AttentionReader(tiny_model(model_type)).causal == (model_type == "llama")


def test_feature_by_feature_the_comparison_has_teeth() -> None:
    """Leaving a feature out must show: the same weights without soft cap or window give other rows."""
    full = {**ARCHITECTURES["gemma2"]}
    batch = batch_of((60,), "none")
    reference = eager_mass(tiny_model("gemma2", **full), batch)
    for change in ({"attn_logit_softcapping": None}, {"sliding_window": 500}):
        other = tiny_model("gemma2", **{**full, **change})
        reader = AttentionReader(other)
        assert (reader.read(batch, range(4)) - reference).abs().max() > 1e-2


@pytest.mark.parametrize("own", ["sdpa", "eager"])
def test_the_models_own_attention_is_back_after_success_and_failure(own: str) -> None:
    model = tiny_model("qwen2")
    model.set_attn_implementation(own)
    reader = AttentionReader(model)
    assert model.config._attn_implementation == own
    bad = batch_of((60,), "none")
    bad.input_ids[0, 5] = 100_000
    with pytest.raises(ModelError, match="qwen2"):
        reader.read(bad, [0])
    assert model.config._attn_implementation == own
    assert attention_function._observer.get() is None


def test_the_model_computes_the_same_while_it_is_read() -> None:
    for model_type in ("qwen2", "gemma2", "gpt_oss"):
        model = tiny_model(model_type, **ARCHITECTURES[model_type])
        ids = batch_of((60,), "none").input_ids
        with torch.no_grad():
            model.set_attn_implementation("eager")
            expected = model(input_ids=ids).logits
            with installed(model):
                assert (model(input_ids=ids).logits - expected).abs().max() < 1e-4


@pytest.mark.parametrize("model_type", ["qwen2", "gemma2"])
def test_a_host_forward_that_outlives_a_read_is_not_disturbed(model_type: str) -> None:
    """Its first layers run while our attention is in force, the rest under the model's own eager attention."""
    model = tiny_model(model_type, **ARCHITECTURES[model_type])
    model.set_attn_implementation("eager")
    ids = batch_of((60,), "none").input_ids
    with torch.no_grad(), ExitStack() as reading:
        expected = model(input_ids=ids).logits
        reading.enter_context(installed(model))
        hook = model.model.layers[0].register_forward_hook(lambda *_: reading.close())
        disturbed = model(input_ids=ids).logits
        hook.remove()
    assert model.config._attn_implementation == "eager"
    assert (disturbed - expected).abs().max() < 1e-4


def test_a_model_whose_masks_cannot_be_shared_is_refused() -> None:
    model = tiny_model("qwen2")
    model.config._attn_implementation = "flex_attention"
    with pytest.raises(UnsupportedModelError, match=r"set_attn_implementation\('sdpa'\)"):
        AttentionReader(model)


def test_threads_get_the_same_rows_as_one_after_the_other() -> None:
    model = tiny_model("qwen2")
    reader = AttentionReader(model)
    batches = [batch_of((length,), "none", seed=length) for length in range(30, 60, 2)]
    alone = [reader.read(batch, [0, 2]) for batch in batches]
    barrier = threading.Barrier(4)

    def work(worker: int) -> list[torch.Tensor]:
        barrier.wait()
        return [reader.read(batch, [0, 2]) for batch in batches]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(work, range(4)):
            assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(alone, results, strict=True))
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("model_type", ["falcon", "gptj", "mpt", "t5", "mamba"])
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_read_says_so(model_type: str) -> None:
    settings = {"rotary_dim": 8} if model_type == "gptj" else {}
    if model_type == "t5":
        from transformers import T5Config, T5ForConditionalGeneration

        model = T5ForConditionalGeneration(T5Config(vocab_size=99, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2))
    else:
        model = tiny_model(model_type, **settings)
    with pytest.raises(UnsupportedModelError, match=rf"`{model_type}`.*Marker\.default"):
        AttentionReader(model)


def test_rows_read_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("gpt_oss", **ARCHITECTURES["gpt_oss"])
    batch = batch_of((60,), "none")
    reader = AttentionReader(model)
    whole = reader.read(batch, range(4))
    monkeypatch.setattr("attngs.reading.attention_rows.BLOCK_BYTES", 4 * 4 * 60 * 7)
    assert (reader.read(batch, range(4)) - whole).abs().max() < 1e-6


def test_many_tokens_behind_a_past_are_attended_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a layer's window has dropped the beginning of the past."""
    monkeypatch.setattr("attngs.reading.attention_function.FEW_ROWS", 4)
    monkeypatch.setattr("attngs.reading.attention_function.ROWS", 7)
    batch = batch_of((60,), "none")
    for name in ("qwen2", "mistral", "cohere2", "gpt2"):
        model = tiny_model(name, **ARCHITECTURES[name])
        reader = AttentionReader(model)
        past = Past([[]], [reader.windows[depth] for depth in range(4)])
        reader.prefill(batch.input_ids[:, :25], past)
        assert (reader.read(batch, range(4), past) - eager_mass(model, batch)).abs().max() <= 1e-5
