"""`/v1/compress` and `/v1/mark`: texts that come with the question."""

from __future__ import annotations

from fastapi import APIRouter

from attngs.scale.serving.models import CompressReply, CompressRequest, MarkReply, MarkRequest
from attngs.scale.serving.services import TOKENS, Namespace, Shared
from attngs.selection.selector import GreedySelector

router = APIRouter(prefix="/v1", tags=["texts"], dependencies=TOKENS)


@router.post("/compress")
async def compress(given: CompressRequest, namespace: Namespace, services: Shared) -> CompressReply:
    """Keep what matters to a question, in at most `target_tokens` tokens.

    Sentences come back verbatim and in order, each with its place in its document.
    """
    compressor = services.compressor.with_selector(GreedySelector(min_score=given.min_score))
    result = await compressor.acompress(
        services.documents(given.documents), given.query, target_tokens=given.target_tokens, namespace=namespace
    )
    services.metrics.count_tokens(original=result.original_tokens, sent=result.compressed_tokens)
    return CompressReply.of(result)


@router.post("/mark")
async def mark(given: MarkRequest, namespace: Namespace, services: Shared) -> MarkReply:
    """Score every sentence, and mark those that matter to a question."""
    return MarkReply.of(await services.compressor.marker.amark(services.documents(given.documents), given.query, namespace=namespace))
