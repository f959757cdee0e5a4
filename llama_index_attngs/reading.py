"""Retrieved nodes -> the documents that are compressed, and how the reader will be shown what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from llama_index.core.schema import BaseNode, ImageNode, IndexNode, MetadataMode, Node, NodeWithScore, QueryBundle, TextNode

from attngs.apart import JOIN
from attngs.errors import InputError
from attngs.selection import ExtractLayout
from attngs.types import Document, Sentence, Span

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
