"""Retrieved nodes -> the documents that are compressed, and how the reader will be shown what is left of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from uuid import NAMESPACE_URL, uuid5

from llama_index.core.schema import (
    BaseNode,
    ImageNode,
    IndexNode,
    MetadataMode,
    Node,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)

from attngs.errors import InputError
from attngs.hosts.apart import JOIN, Part
from attngs.result.result import CompressedContext
from attngs.selection import ExtractLayout
from attngs.types import Document, Sentence, Source, Span

_TEXT = "\0attngs text\0"  # stands for a node's text while the rest of its rendering is found out


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLayout(ExtractLayout):
    """What the reader is shown of several nodes: each with the metadata that LlamaIndex puts before its text."""

    label: str = ""
    document_gap: str = JOIN  # what LlamaIndex's synthesizers and chat engines put between nodes
    frames: tuple[tuple[str, str], ...] = ()
    """By position: what stands before and after a node's text."""

    def frame(self, sentence: Sentence, *, labelled: bool) -> tuple[str, str]:
        return self.frames[sentence.position]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A list of nodes, and those of them that are text."""

    nodes: tuple[NodeWithScore, ...]
    """All, in the order in which they came."""
    numbers: tuple[int, ...]
    """Which of them are text; a document's position counts in this list."""
    documents: tuple[Document, ...]
    """The texts without metadata. Ids are places in the list, from 1: short, because a writer is shown them."""

    @property
    def texts(self) -> list[NodeWithScore]:
        """The nodes that are text, in the documents' order."""
        return [self.nodes[number] for number in self.numbers]

    def layout(self) -> NodeLayout:
        """How the texts are shown."""
        return NodeLayout(frames=tuple(_frame(scored.node) for scored in self.texts))


def read_nodes(nodes: Sequence[NodeWithScore]) -> Reading:
    """Find the texts among the nodes; images and other media are left alone."""
    numbers = tuple(number for number, scored in enumerate(nodes) if is_text(scored.node))
    documents = tuple(
        Document(text=nodes[number].node.get_content(metadata_mode=MetadataMode.NONE), id=str(place))
        for place, number in enumerate(numbers, 1)
    )
    return Reading(nodes=tuple(nodes), numbers=numbers, documents=documents)


def is_text(node: BaseNode) -> bool:
    """Whether a node is text and nothing else."""
    if isinstance(node, ImageNode):
        return False
    if isinstance(node, Node):
        return node.text_resource is not None and not (node.image_resource or node.audio_resource or node.video_resource)
    return isinstance(node, TextNode)


def check_query(query_bundle: QueryBundle | None) -> str:
    """The question.

    Raises:
        InputError: There is none.
    """
    if query_bundle is None or not query_bundle.query_str.strip():
        raise InputError(
            "`query_bundle` is missing or empty, and without a question nothing matters more than the rest; "
            "pass `query_bundle=QueryBundle(...)` or `query_str=...`."
        )
    return query_bundle.query_str


def place_in_source(node: BaseNode) -> tuple[str, Span] | None:
    """The document that a node was cut from and where in it, if the node still has the text that stood there."""
    start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    if not isinstance(node, TextNode) or node.ref_doc_id is None or not isinstance(start, int) or not isinstance(end, int):
        return None
    return (node.ref_doc_id, Span(start, end)) if end - start == len(node.text) else None


def copy_node(node: BaseNode) -> BaseNode:
    """A deep copy, but for the object behind an index node, which may be a whole engine."""
    shared = node.obj if isinstance(node, IndexNode) else None
    return deepcopy(node, {id(shared): shared} if shared is not None else {})


def _frame(node: BaseNode) -> tuple[str, str]:
    shown = copy_node(node)
    shown.set_content(_TEXT)
    before, _, after = shown.get_content(metadata_mode=MetadataMode.LLM).partition(_TEXT)
    return before, after


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
