"""PDF, Word, PowerPoint, Excel and EPUB files -> Markdown, by MarkItDown (`attngs[files]`).

Why MarkItDown: one library, kept by Microsoft, for all five; it gives headings, lists and tables, which our readers understand, and needs
no model and no network. Docling reads layout better, but loads models for it. We call MarkItDown's converters for these five alone and
hand each the bytes of a file: what would guess formats, fetch addresses, run plugins or ask a model is never reached. Macros are not run.
"""

from __future__ import annotations

import io
import re
import zipfile
from importlib import import_module
from typing import Any

from attngs.errors import InputError, MissingDependencyError
from attngs.text.importers.archives import check_size
from attngs.types import Document

INSTALL = "pip install 'attngs[files]'"

CONVERTERS = {
    ".pdf": "PdfConverter",
    ".docx": "DocxConverter",
    ".pptx": "PptxConverter",
    ".xlsx": "XlsxConverter",
    ".epub": "EpubConverter",
}
"""The class of `markitdown.converters` for each suffix."""

MOST_BYTES = 256 * 2**20
"""What the parts of a file may unpack to: its XML takes several times as much memory."""

_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->\n(?:# (.*)\n?)?")
_NO_HEADER = re.compile(r"^\|(?: *\|)+\n(\|(?: *-+ *\|)+)\n(\|.*\|)$", re.MULTILINE)
_EMPTY_SHEET = re.compile(r"^## .*\n\|\n\|  \|$", re.MULTILINE)
_EMPTY_CELL = re.compile(r"(?<=\| )(?:NaN|NaT|Unnamed: \d+)(?= \|)")


def convert(data: bytes, path: str, name: str, suffix: str) -> Document:
    """The document of a file.

    Args:
        data: The file's content.
        path: The file, for errors.
        name: Its name in ids.
        suffix: One of `CONVERTERS`.

    Raises:
        InputError: The file is damaged, locked, unpacks to too much, or holds no text, as a scan does.
        MissingDependencyError: MarkItDown, or what it needs for this suffix, is not installed.
    """
    stream = io.BytesIO(data)
    converter, info = _converter(path, suffix)
    try:
        if suffix != ".pdf":
            with zipfile.ZipFile(stream) as parts:
                check_size(parts.infolist(), path, MOST_BYTES)
            stream.seek(0)
        text = converter.convert(stream, info, escape_underscores=False, escape_asterisks=False).markdown
    except InputError:
        raise
    except Exception as error:  # each of the five parsers has errors of its own
        if type(error).__name__ == "MissingDependencyException":
            raise _missing(path, suffix) from error
        raise InputError(f"`{path}` cannot be read as {suffix}: {str(error) or type(error).__name__}. Is it damaged or locked?") from error
    text = _cleaned(text, suffix)
    if not text:
        raise InputError(f"`{path}` holds no text; if it is a scan, recognise its text first, for example with ocrmypdf.")
    hints = {"source": name} if suffix == ".pdf" else {"source": name, "content_type": "text/markdown"}
    return Document(text=text, id=name, metadata=hints)


def _converter(path: str, suffix: str) -> tuple[Any, Any]:
    try:
        converters, streams = import_module("markitdown.converters"), import_module("markitdown")
    except ImportError as error:
        raise _missing(path, suffix) from error
    return getattr(converters, CONVERTERS[suffix])(), streams.StreamInfo(extension=suffix)


def _missing(path: str, suffix: str) -> MissingDependencyError:
    return MissingDependencyError(f"`{path}`: {suffix} files need a converter. Install it: {INSTALL}")


def _cleaned(text: str, suffix: str) -> str:
    """The Markdown without what stands for images and empty cells.

    Slides get headings, and tables without a header take their first row.
    """
    text = text.replace("\f", "\n")
    if suffix == ".pdf":
        return text.strip()
    text = _IMAGE.sub(r"\1", text)
    if suffix == ".pptx":
        text = _SLIDE.sub(lambda slide: f"# Slide {slide[1]}{': ' + slide[2] if slide[2] else ''}\n", text)
    if suffix == ".xlsx":
        text = _EMPTY_CELL.sub("", _EMPTY_SHEET.sub("", text))
    return _NO_HEADER.sub(r"\2\n\1", text).strip()
