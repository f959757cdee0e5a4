"""Results -> nodes: what was kept of each, with its place in one metadata entry that neither LLM nor embedding is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid5

from llama_index.core.schema import BaseNode, NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

from attngs.apart import Part
from attngs.result import CompressedContext
from attngs.types import Source, Span
from llama_index_attngs.reading import Reading, copy_node, place_in_source

METADATA_KEY = "attngs"
"""The entry: a JSON string, because some vector stores take flat metadata only."""


def shorten(scored: NodeWithScore, part: Part) -> NodeWithScore:
    """One node with less text: its id, relationships, score and other metadata are kept.

    The character offsets into the source document stay only where the text is one passage of it, moved to that passage; otherwise they
    would name other words. The entry holds the spans in any case.
    """
    original = scored.node
    node = copy_node(original)
    node.set_content(part.text)
    node.embedding = None  # it was the embedding of the whole text
    place = place_in_source(original)
    if isinstance(node, TextNode):
        passage = _passage(part.text, part.sources) if part.method != "rewrite" else None
        start = place[1].start if place else None
        node.start_char_idx = start + passage.start if passage and start is not None else None
        node.end_char_idx = start + passage.end if passage and start is not None else None
    entry = _entry(part.method, part.sources)
    if place:
        entry["offset"] = place[1].start
    if METADATA_KEY in original.metadata:
        entry["previous"] = original.metadata[METADATA_KEY]
    _hide(node, entry)
    return scored.model_copy(update={"node": node})


def fuse(reading: Reading, result: CompressedContext, *, settings: Sequence[object]) -> NodeWithScore:
    """One node for all texts: the same id for the same texts, question and settings; its children are the nodes whose words it holds."""
    sources = result.sources
    places = sorted({source.position for source in sources})
    texts = reading.texts
    children = [texts[place] for place in places]
    identity = [result.query, *settings, *([scored.node.node_id, scored.node.hash] for scored in texts)]
    node = TextNode(
        id_=str(uuid5(NAMESPACE_URL, "attngs:" + json.dumps(identity, default=str))),
        text=result.text,
        relationships={NodeRelationship.CHILD: [scored.node.as_related_node_info() for scored in children]},
    )
    if source := _common_source([scored.node for scored in children]):
        node.relationships[NodeRelationship.SOURCE] = source
    entry = _entry(result.method, ())
    entry["from"] = [
        {
            "label": reading.documents[place].id,
            "node": texts[place].node.node_id,
            "source": texts[place].node.ref_doc_id,
            **_spans([source for source in sources if source.position == place]),
        }
        for place in places
    ]
    _hide(node, entry)
    scores = [scored.score for scored in children if scored.score is not None]
    return NodeWithScore(node=node, score=max(scores, default=None))


def _entry(method: str, sources: Sequence[Source]) -> dict[str, object]:
    return {"v": 1, "method": method, **(_spans(sources) if sources else {})}


def _spans(sources: Sequence[Source]) -> dict[str, object]:
    """Places in the node's text as it came, and the scores that they got."""
    return {
        "spans": [[source.start, source.end] for source in sources],
        "scores": [float(f"{source.score:.4g}") for source in sources],
    }


def _passage(text: str, sources: Sequence[Source]) -> Span | None:
    """Where the text stands in the original, if it is one unbroken passage of it."""
    if not sources or any(before.end != after.start for before, after in pairwise(sources)):
        return None
    whole = "".join(source.text for source in sources)
    start = sources[0].start + len(whole) - len(whole.lstrip())
    return Span(start, start + len(text)) if whole.strip() == text else None


def _common_source(nodes: Sequence[BaseNode]) -> RelatedNodeInfo | None:
    found = {node.ref_doc_id for node in nodes}
    return nodes[0].source_node if len(found) == 1 else None


def _hide(node: BaseNode, entry: dict[str, object]) -> None:
    node.metadata[METADATA_KEY] = json.dumps(entry, separators=(",", ":"))
    for excluded in (node.excluded_llm_metadata_keys, node.excluded_embed_metadata_keys):
        if METADATA_KEY not in excluded:
            excluded.append(METADATA_KEY)
