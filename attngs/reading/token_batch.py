"""What one forward pass reads: token ids, the sentence of each token, and the rows to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TokenBatch:
    """One text or several of different lengths, padded on the right."""

    input_ids: Tensor  # (B, T)
    attention_mask: Tensor  # (B, T), 1 = token, 0 = padding
    owner: Tensor  # (B, T), sentence number inside the batch; `n_sentences` = none
    rows: Tensor  # (B, R), positions of the rows that are read
    row_weights: Tensor  # (B, R), sum 1; 0 for padding rows
    n_sentences: int
    token_type_ids: Tensor | None = None  # (B, T)

    @classmethod
    def stack(cls, batches: Sequence[TokenBatch]) -> TokenBatch:
        """Several batches in one; no text's own numbers change."""
        if len(batches) == 1:
            return batches[0]
        sentences = max(batch.n_sentences for batch in batches)
        owners = [torch.where(batch.owner == batch.n_sentences, sentences, batch.owner) for batch in batches]
        types = [batch.token_type_ids for batch in batches if batch.token_type_ids is not None]
        return cls(
            input_ids=_padded([batch.input_ids for batch in batches]),
            attention_mask=_padded([batch.attention_mask for batch in batches]),
            owner=_padded(owners, sentences),
            rows=_padded([batch.rows for batch in batches], repeat_last=True),
            row_weights=_padded([batch.row_weights for batch in batches]),
            n_sentences=sentences,
            token_type_ids=_padded(types) if types else None,
        )

    def to(self, device: torch.device) -> TokenBatch:
        """The batch on a device; itself if it is there already."""
        if self.input_ids.device == device:
            return self
        moved = {
            name: value.to(device)
            for name in ("input_ids", "attention_mask", "owner", "rows", "row_weights", "token_type_ids")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    def answered(self, reply: Tensor) -> TokenBatch:
        """The same text with the model's reply `(1, K)` behind it, read from the reply's last token."""
        ids = torch.cat([self.input_ids, reply.to(self.input_ids)], dim=1)
        return replace(
            self,
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            owner=torch.cat([self.owner, torch.full_like(reply, self.n_sentences).to(self.owner)], dim=1),
            rows=torch.tensor([[ids.shape[1] - 1]]),
            row_weights=torch.ones(1, 1),
        )


def _padded(tensors: Sequence[Tensor], value: int = 0, *, repeat_last: bool = False) -> Tensor:
    """`(b, n)` tensors of several lengths as one. Rows may repeat the last: with weight 0 any will do."""
    width = max(tensor.shape[1] for tensor in tensors)
    if repeat_last:
        return torch.cat([torch.cat([t, t[:, -1:].expand(-1, width - t.shape[1])], dim=1) for t in tensors])
    return torch.cat([pad(tensor, (0, width - tensor.shape[1]), value=value) for tensor in tensors])
