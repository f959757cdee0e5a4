"""One context and one writer: what was handed on, and how much of what was written is supported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

from attngs.checking.verify import verify
from attngs.compressor import ContextCompressor
from attngs.types import Document, Sentence
from attngs.writing.reply import read_reply
from benchmarks.reuse.data import Question
from benchmarks.writers.replies import KeptReplies


def measure(compressor: ContextCompressor, chat: KeptReplies, question: Question, target: int) -> dict[str, Any]:
    """What becomes of one context, in plain values.

    `supported` and `sentences` count those of the first reply, handed on or not.
    """
    before = len(chat.taken)
    documents = cut_out(question.sentences)
    result = compressor.compress(documents, question.query, target_tokens=target)
    taken = chat.taken[before:]
    verdicts = verify(read_reply(taken[0].reply).text, result.marking.sentences) if taken else ()
    said = [verdict for verdict in verdicts if any(map(str.isalnum, verdict.text))]
    supported = [verdict for verdict in said if verdict.sources and not verdict.unsupported]
    return {
        "set": question.name.partition("-")[0],
        "question": question.name,
        "cluster": sha256("\n".join(document.text for document in documents).encode()).hexdigest()[:12],
        "context": result.original_tokens,
        "method": result.method,
        "reason": result.fallback_reason,
        "tokens": result.compressed_tokens,
        "sentences": len(said),
        "supported": len(supported),
        "claims": Counter(claim.kind for verdict in said for claim in verdict.unsupported),
        "decisions": Counter(statement.decision for statement in result.statements),
        "calls": len(taken),
        "finished": [each.reply.finish_reason for each in taken],
        "written": sum(each.reply.usage.output_tokens for each in taken if each.reply.usage),
        "seconds": round(sum(each.seconds for each in taken), 2),
    }


def cut_out(sentences: Sequence[Sentence]) -> list[Document]:
    """What a question's sentences cover of their documents, as documents of their own."""
    parts = [list(members) for _, members in groupby(sentences, key=lambda sentence: sentence.position)]
    return [Document(id=part[0].document.id, text=part[0].document.text[part[0].start : part[-1].end]) for part in parts]
