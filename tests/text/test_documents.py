"""What is taken as a document, and text that no file, request or tokenizer can hold."""

from __future__ import annotations

from typing import Any

import pytest

from attngs.errors import InputError
from attngs.text.documents import as_documents, clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [("plain é 😀", "plain é 😀"), ("a\ud800b\udfff", "a\ufffdb\ufffd"), ("two halves \ud83d\ude00", "two halves 😀"), ("", "")],
)
def test_lone_surrogates_become_the_replacement_character(text: str, clean: str) -> None:
    assert clean_text(text) == clean
    assert clean_text(text).encode().decode() == clean


class Page:
    """Of LangChain's shape."""

    def __init__(self, page_content: str, id: str | None = None, **metadata: object) -> None:
        self.page_content, self.id, self.metadata = page_content, id, metadata


class Node:
    """Of LlamaIndex's shape."""

    def __init__(self, text: str, node_id: str, **metadata: object) -> None:
        self.node_id, self.metadata, self._text = node_id, metadata, text

    def get_content(self) -> str:
        return self._text


def test_documents_of_other_libraries_are_read() -> None:
    page, node = Page("Tea.", page=3), Node("Cake.", "n1", page=4)
    documents = as_documents([page, "Milk.", node, Page("Jam.", id="p")])
    assert [(document.text, document.id, document.metadata) for document in documents] == [
        ("Tea.", "document-1", {"page": 3}),
        ("Milk.", "document-2", {}),
        ("Cake.", "n1", {"page": 4}),
        ("Jam.", "p", {}),
    ]
    assert documents[0].metadata is not page.metadata
    assert as_documents(page) == as_documents([page])
    assert as_documents(node)[0].text == "Cake."


@pytest.mark.parametrize("value", [b"Tea.", 3, [3], [b"Tea."], None])
def test_what_is_no_document_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"must be (a str or an `attngs\.Document`|strings or `attngs\.Document`s), got "):
        as_documents(value)
