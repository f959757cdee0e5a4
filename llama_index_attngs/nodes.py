"""Nodes -> the documents that are compressed, and what is left of these -> nodes again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import groupby, pairwise
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
from attngs.hosts.apart import JOIN, Part, best_probability, copies_elsewhere
from attngs.marking.currency import FOUND
from attngs.marking.labels import NAMES
from attngs.result.result import CompressedContext
from attngs.selection.layout import ExtractLayout
from attngs.types import Document, Place, Sentence, Source, Span

METADATA_KEY = "attngs"
"""Our entry in a node's metadata: a JSON string, because some vector stores take flat metadata only."""

_MADE_UP = re.compile(r"[0-9a-fA-F-]{16,}")
"""A UUID or a hash."""
_PLACEHOLDER = "\0attngs text\0"
"""Stands for a node's text while we look at what surrounds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLayout(ExtractLayout):
    """Shows several nodes as LlamaIndex does: each with its metadata before its text."""

    label: str = ""
    document_gap: str = JOIN  # what LlamaIndex's synthesizers and chat engines put between nodes
    frames: tuple[tuple[str, str], ...]
    """What stands before and after the text of each node."""

    def frame(self, sentence: Sentence, *, labels: Mapping[int, str]) -> tuple[str, str]:
        return self.frames[sentence.position]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTexts:
    """The texts in a list of nodes, and where each stands between the images and other media."""

    nodes: tuple[NodeWithScore, ...]
    """All nodes, in the order in which they came."""
    numbers: tuple[int, ...]
    """Which of them are text, counted from 0."""
    documents: tuple[Document, ...]
    """Their texts. Ids are 1, 2, ...: short, because an LLM is shown them. Their metadata is for the marker alone."""

    @classmethod
    def of(cls, nodes: Sequence[NodeWithScore]) -> NodeTexts:
        """Find the texts among the nodes."""
        numbers = tuple(number for number, scored in enumerate(nodes) if is_text(scored.node))
        documents = tuple(
            Document(text=nodes[number].node.get_content(metadata_mode=MetadataMode.NONE), id=str(place), metadata=_told(nodes[number]))
            for place, number in enumerate(numbers, 1)
        )
        return cls(nodes=tuple(nodes), numbers=numbers, documents=documents)

    @property
    def scored(self) -> list[NodeWithScore]:
        """The nodes that are text, in the order of the documents."""
        return [self.nodes[number] for number in self.numbers]

    def layout(self) -> NodeLayout:
        """How the reader is shown them."""
        return NodeLayout(frames=tuple(_frame(scored.node) for scored in self.scored))

    def put_back(self, left: Mapping[int, NodeWithScore]) -> list[NodeWithScore]:
        """The list again: media as they came, and in place of each text what is left of it.

        Args:
            left: By the position of a document. A text that is not there is left out.
        """
        positions = {number: position for position, number in enumerate(self.numbers)}
        out = list[NodeWithScore]()
        for number, scored in enumerate(self.nodes):
            if number not in positions:
                out.append(scored)
            elif positions[number] in left:
                out.append(left[positions[number]])
        return out


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
    """The id of the document that a node was cut from, and where in it.

    `None` if the node does not say, or if its text has changed since.
    """
    start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    if not isinstance(node, TextNode) or node.ref_doc_id is None or not isinstance(start, int) or not isinstance(end, int):
        return None
    return (node.ref_doc_id, Span(start, end)) if end - start == len(node.text) else None


def shorten(nodes: Sequence[NodeWithScore], part: Part) -> NodeWithScore:
    """A copy of one of the nodes with less text. Its id, relationships and other metadata are kept.

    Its score becomes the best probability of what was kept, if the marker has any; our metadata entry then holds the score that it came
    with. The character offsets into the source document move to the new text if it is one passage of the source; otherwise they are
    `None`, since they would point at other words. Our entry holds the spans in any case.
    """
    scored = nodes[part.position]
    original, node = scored.node, copy_node(scored.node)
    node.set_content(part.text)
    node.embedding = None  # it was that of the whole text
    place = place_in_source(original)
    if isinstance(node, TextNode):
        passage = _passage(part.text, part.sources) if part.method != "rewrite" else None
        start = place[1].start if place else None
        node.start_char_idx = start + passage.start if passage and start is not None else None
        node.end_char_idx = start + passage.end if passage and start is not None else None
    entry = _entry(part.method, part.tokens, part.original_tokens) | _spans(part.sources)
    entry |= _also_in(nodes, part.copies) | _superseded(nodes, part.sources)
    probability = best_probability(part.sources)
    if probability is not None and scored.score is not None:
        entry["previous_score"] = scored.score
    if place:
        entry["offset"] = place[1].start
    if METADATA_KEY in original.metadata:
        entry["previous"] = original.metadata[METADATA_KEY]
    _add_entry(node, entry)
    return scored.model_copy(update={"node": node, "score": scored.score if probability is None else probability})


def merge(texts: NodeTexts, result: CompressedContext, *, settings: Sequence[object]) -> NodeWithScore:
    """One node for all texts. Its children are the nodes whose words it holds.

    Its id is the same for the same texts, question and settings. Its score is the best probability of what was kept; where the marker has
    none, the best score of its children.
    """
    scored, sources = texts.scored, result.sources
    positions = sorted({source.position for source in sources})
    children = [scored[position] for position in positions]
    identity = [result.query, *settings, *([each.node.node_id, each.node.hash] for each in scored)]
    node = TextNode(
        id_=str(uuid5(NAMESPACE_URL, "attngs:" + json.dumps(identity, default=str))),
        text=result.text,
        relationships={NodeRelationship.CHILD: [child.node.as_related_node_info() for child in children]},
    )
    if source := _common_source([child.node for child in children]):
        node.relationships[NodeRelationship.SOURCE] = source
    entry = _entry(result.method, result.compressed_tokens, result.original_tokens)
    entry["from"] = [
        {
            "label": texts.documents[position].id,
            "node": scored[position].node.node_id,
            "source": scored[position].node.ref_doc_id,
            **_spans([source for source in sources if source.position == position]),
        }
        for position in positions
    ]
    entry |= _also_in(scored, copies_elsewhere(result.kept)) | _superseded(scored, result.kept)
    _add_entry(node, entry)
    best = max((child.score for child in children if child.score is not None), default=None)
    probability = best_probability(result.kept)
    return NodeWithScore(node=node, score=best if probability is None else probability)


def copy_node(node: BaseNode) -> BaseNode:
    """A deep copy, except for the object behind an index node, which may be a whole engine."""
    shared = node.obj if isinstance(node, IndexNode) else None
    return deepcopy(node, {id(shared): shared} if shared is not None else {})


def _frame(node: BaseNode) -> tuple[str, str]:
    """What LlamaIndex shows before and after the node's text."""
    shown = copy_node(node)
    shown.set_content(_PLACEHOLDER)
    before, _, after = shown.get_content(metadata_mode=MetadataMode.LLM).partition(_PLACEHOLDER)
    return before, after


def _told(scored: NodeWithScore) -> dict[str, object]:
    """What a node says of its time, its name and its format, in attngs' words.

    Its id is a last resort, if people could have chosen it.
    """
    node, said = scored.node, scored.node.metadata
    names = {"title": said.get("document_title"), "source": said.get("file_name") or said.get("file_path")}
    if not any(names.values()) and not said.keys() & NAMES:
        names["title"] = "\n".join(name for name in (node.node_id, node.ref_doc_id) if name and not _MADE_UP.fullmatch(name))
    told = {"content_type": said.get("file_type"), **names}
    return {**{name: value for name, value in told.items() if value}, **said, FOUND: scored.score}


def _entry(method: str, tokens: int, original_tokens: int) -> dict[str, object]:
    return {"v": 1, "method": method, "tokens": tokens, "original_tokens": original_tokens}


def _also_in(nodes: Sequence[NodeWithScore], places: Sequence[Place]) -> dict[str, object]:
    """The nodes that say the same as what was kept of others, and where; empty if there are none."""
    found = [
        {"node": node.node_id, "source": node.ref_doc_id, "spans": [[place.start, place.end] for place in same]}
        for position, same in groupby(places, key=lambda place: place.position)
        for node in [nodes[position].node]
    ]
    return {"also_in": found} if found else {}


def _superseded(nodes: Sequence[NodeWithScore], sources: Sequence[Source]) -> dict[str, object]:
    """Which sentences are out of date, and where the later ones stand; empty if there are none."""
    found = [
        {"span": [source.start, source.end], "node": node.node_id, "source": node.ref_doc_id, "by": [place.start, place.end]}
        for source in sources
        if (place := source.superseded_by)
        for node in [nodes[place.position].node]
    ]
    return {"superseded_by": found} if found else {}


def _spans(sources: Sequence[Source]) -> dict[str, object]:
    """Where the sentences stand in the node's text, and their scores; empty if there are none."""
    if not sources:
        return {}
    return {
        "spans": [[source.start, source.end] for source in sources],
        "scores": [float(f"{source.score:.4g}") for source in sources],
    }


def _add_entry(node: BaseNode, entry: Mapping[str, object]) -> None:
    """Put our entry into the metadata of a node of ours, hidden from LLMs and embeddings."""
    node.metadata[METADATA_KEY] = json.dumps(entry, separators=(",", ":"))
    for excluded in (node.excluded_llm_metadata_keys, node.excluded_embed_metadata_keys):
        if METADATA_KEY not in excluded:
            excluded.append(METADATA_KEY)


def _passage(text: str, sources: Sequence[Source]) -> Span | None:
    """Where the text stands in the original, if it is one unbroken passage of it."""
    if not sources or any(before.end != after.start for before, after in pairwise(sources)):
        return None
    whole = "".join(source.text for source in sources)
    start = sources[0].start + len(whole) - len(whole.lstrip())
    return Span(start, start + len(text)) if whole.strip() == text else None


def _common_source(nodes: Sequence[BaseNode]) -> RelatedNodeInfo | None:
    """The document that all nodes were cut from, if it is one."""
    ids = {node.ref_doc_id for node in nodes}
    return nodes[0].source_node if len(ids) == 1 else None
