"""Models and a tokenizer of real architectures, small enough to be made in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SMALL = {
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
}


def tiny_model(model_type: str = "qwen2", *, seed: int = 0, peaky: float = 3.0, **settings: Any) -> PreTrainedModel:
    """A randomly initialised model of a real architecture, about a tenth of a megabyte.

    Args:
        model_type: As transformers calls it, such as `llama`, `gemma2` or `bert`.
        seed: Of the weights.
        peaky: Factor on query and key weights; without it random attention is nearly uniform, and a test of it has no teeth.
        settings: Fields of the model's config that differ from the small default; of a model that also takes images, its `text_config`
            and `vision_config`.
    """
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    encoder = model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    sees = "text_config" in settings
    fields = {**settings, "text_config": {**SMALL, **settings["text_config"]}} if sees else {**SMALL, **settings}
    config = AutoConfig.for_model(model_type, **fields)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        factory: Any = AutoModel if encoder else AutoModelForImageTextToText if sees else AutoModelForCausalLM
        model: PreTrainedModel = factory.from_config(config).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "q_norm" in name or "k_norm" in name:
                    parameter.add_(peaky)  # these families normalise queries and keys; only the norm's weight makes peaks
                elif parameter.dim() > 1 and any(
                    part in name for part in ("q_proj", "k_proj", "q_lin", "k_lin", "c_attn", "qkv", "Wqkv", "query", "key")
                ):
                    parameter.mul_(4 * peaky)
    return model


def tiny_tokenizer(*, chat_template: bool = True) -> PreTrainedTokenizerBase:
    """A byte-level tokenizer of 512 ids for `tiny_model`, with a chat template if wanted."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    template = "<s>{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        additional_special_tokens=["<|user|>", "<|assistant|>", "<|end|>"],
        model_max_length=100_000,
        chat_template=template if chat_template else None,
    )
    return tokenizer
