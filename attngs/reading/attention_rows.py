"""Softmax attention of a few rows, exactly as eager attention computes it; tensors only, no model."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK_BYTES = 64 * 2**20
"""Upper bound of one block of attention scores in float32."""


def attention_rows(
    query: Tensor,
    key: Tensor,
    rows: Tensor,
    weights: Tensor,
    *,
    mask: Tensor | None,
    scaling: float | None,
    causal: bool,
    softcap: float | None = None,
    sinks: Tensor | None = None,
    position_bias: Tensor | None = None,
) -> Tensor:
    """Weighted mean of the attention of chosen rows.

    Args:
        query: `(B, H, Q, D)`, after position encoding.
        key: `(B, G, T, D)` with `G` key heads, `H = G * n`.
        rows: `(B, R)`, indices into Q.
        weights: `(B, R)`, zero for padding rows.
        mask: `(B or 1, H or 1, Q, T)`, boolean (true = visible) or additive; `None` when `causal` says it all.
        scaling: Factor on the dot products; `None` means `D ** -0.5`.
        causal: Without a mask, row i sees columns up to `i + T - Q`, because the queries are the last Q of the T tokens.
        softcap: Scores become `softcap * tanh(score / softcap)`.
        sinks: `(H,)` learned scores that take part in the normaliser only.
        position_bias: `(B or 1, H, Q, T)`, added to the scores.

    Returns:
        `(B, H, T)` in float32.
    """
    total = query.new_zeros(query.shape[0], query.shape[1], key.shape[2], dtype=torch.float32)  # (B, H, T)
    past = key.shape[2] - query.shape[2]
    for block in _blocks(rows.shape[1], total.numel()):
        index = rows[:, block]  # (B, r)
        probability = _softmax_rows(
            _take(query, index),
            key,
            index + past,
            None if mask is None else _take(mask, index),
            scaling,
            causal,
            softcap,
            sinks,
            None if position_bias is None else _take(position_bias, index),
        )
        total += torch.einsum("bhrt,br->bht", probability, weights[:, block])
    return total


def attend_in_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor | None,
    scaling: float | None,
    causal: bool,
    softcap: float | None,
    sinks: Tensor | None,
) -> Tensor:
    """Full attention `(B, H, Q, D)` in blocks of rows, for what SDPA lacks: soft caps and sinks."""
    batch, heads, length, _ = query.shape
    group = heads // value.shape[1]
    output = torch.empty(*query.shape[:3], value.shape[-1], dtype=value.dtype, device=value.device)
    for block in _blocks(length, batch * heads * key.shape[2]):
        places = torch.arange(block.start, min(block.stop, length), device=query.device)[None].expand(batch, -1)  # (B, r)
        mask_rows = None if mask is None else mask[:, :, block]
        probability = _softmax_rows(
            query[:, :, block], key, places + key.shape[2] - length, mask_rows, scaling, causal, softcap, sinks, None
        )
        packed = probability.to(value.dtype).unflatten(1, (-1, group)).flatten(2, 3)  # (B, G, n * r, T)
        output[:, :, block] = (packed @ value).unflatten(2, (group, -1)).flatten(1, 2)  # (B, H, r, D)
    return output


def _softmax_rows(
    query: Tensor,
    key: Tensor,
    places: Tensor,
    mask: Tensor | None,
    scaling: float | None,
    causal: bool,
    softcap: float | None,
    sinks: Tensor | None,
    position_bias: Tensor | None,
) -> Tensor:
    """Probabilities `(B, H, r, T)` of the rows at columns `places (B, r)`; key heads are not repeated."""
    length = key.shape[2]
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    group = query.shape[1] // key.shape[1]
    packed: Tensor = (query * scaling).unflatten(1, (-1, group)).flatten(2, 3)  # (B, G, n * r, D)
    scores = (packed @ key.transpose(-1, -2)).unflatten(2, (group, -1)).flatten(1, 2).float()  # (B, H, r, T)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if position_bias is not None:
        scores = scores + position_bias[..., :length]
    lowest = torch.finfo(scores.dtype).min
    if mask is not None and mask.dtype == torch.bool:
        scores.masked_fill_(~mask[..., :length], lowest)
    elif mask is not None:
        scores = scores + mask[..., :length]
    elif causal:
        future = torch.arange(length, device=key.device) > places[:, None, :, None]  # (B, 1, r, T)
        scores.masked_fill_(future, lowest)
    if sinks is None:
        return torch.softmax(scores, dim=-1)
    sink = sinks.float().view(1, -1, 1, 1).expand(*scores.shape[:3], 1)
    return torch.softmax(torch.cat([scores, sink], dim=-1), dim=-1)[..., :-1]


def _take(tensor: Tensor, index: Tensor) -> Tensor:
    """Rows `index (B, r)` of the last-but-one axis of `(B or 1, H or 1, Q, ...)`."""
    batch = index.shape[0]
    chosen = tensor.expand(batch, -1, -1, -1)[torch.arange(batch, device=index.device)[:, None], :, index]  # (B, r, H, ...)
    return chosen.transpose(1, 2)


def _blocks(rows: int, numbers_per_row: int) -> list[slice]:
    step = max(1, BLOCK_BYTES // (4 * numbers_per_row))
    return [slice(start, start + step) for start in range(0, rows, step)]
