"""The user's files -> documents; results -> files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from attngs.errors import InputError, MissingDependencyError
from attngs.text.importers.archives import Archive
from attngs.text.importers.formats import ARCHIVE, SUFFIXES, decode, read_file, suffix_of
from attngs.text.importers.skipped import Skipped
from attngs.types import Document


def read_documents(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    stdin: BinaryIO | None = None,
    *,
    skipped: Callable[[str], None] = lambda reason: None,
) -> list[Document]:
    """Read files, folders, `.zip` files like folders, and `-` for standard input.

    Folders are read recursively, in the order of the files' names.

    Text is one document as it is. `.json` and `.jsonl` files hold chats (ChatGPT, Claude, Telegram, `role` and `content`) or records
    (`text`, `content`, `memory`, `page_content`, with their ids, dates and metadata); other JSON is one document. PDF, Word, PowerPoint,
    Excel and EPUB files need `attngs[files]`. Ids default to the file's path, with `:NUMBER` for lines and items.

    A file that is named must be readable. Of folders and archives, what can be read is: hidden files, links that lead out of the folder,
    unknown suffixes and broken files are skipped.

    Args:
        paths: What to read, one path or several.
        stdin: Where `-` is read from, such as `sys.stdin.buffer`; only `-` needs it.
        skipped: Is told, once a folder or archive, what was not read and why.

    Raises:
        InputError: A named file is missing, binary or not what its suffix says, the message names file and line; a folder holds nothing
            that can be read; `paths` holds something else than paths; or `-` is among them and `stdin` is not given.
        MissingDependencyError: A named file needs a converter that is not installed.
    """
    documents = list[Document]()
    for path in _paths(paths):
        if str(path) != "-":
            documents.extend(_read(path, skipped))
        elif stdin is None:
            raise InputError("`paths` has `-`, which means standard input, but `stdin` is not given. Pass `stdin=sys.stdin.buffer`.")
        else:
            documents.append(Document(text=decode(stdin.read(), "standard input"), id="stdin"))
    return documents


def parse_file(data: bytes, name: str) -> list[Document]:
    """The documents of a file that was uploaded, as `read_documents` would read them.

    Args:
        data: Its content.
        name: Its name, in the place of a path.

    Raises:
        InputError: It is binary, not UTF-8, or not what its suffix says; the message names file and line.
        MissingDependencyError: It needs a converter that is not installed.
    """
    return _read_data(data, name, name, lambda reason: None)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step: neither a reader nor Ctrl-C ever leaves half of it.

    A symbolic link stays a link, an existing file keeps its permissions, and a device or pipe is written to directly.

    Raises:
        InputError: The file cannot be written.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="replace")
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, data)
    except OSError as error:
        raise InputError(f"`{path}` cannot be written: {error.strerror or error}.") from error


def check_folder(path: Path) -> None:
    """Make sure that files can be written into a folder that may not exist yet; nothing is created.

    Raises:
        InputError: The folder or one above it is a file, or may not be written to.
    """
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"`{path}` cannot be written: `{there}` is a file, not a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"`{path}` cannot be written: you may not write to `{there}`.")


def check_file(path: Path) -> None:
    """Make sure that a file can be written here, before the work that it is for; nothing is created.

    Raises:
        InputError: It is a folder, or its folder may not be written to.
    """
    if path.is_dir():
        raise InputError(f"`{path}` cannot be written: it is a folder. Name a file in it.")
    if not path.exists():
        check_folder(path.parent)


def _replace(target: Path, data: bytes) -> None:
    mask = os.umask(0)
    os.umask(mask)
    mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~mask
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        Path(temporary).unlink(missing_ok=True)
        raise


def _paths(given: object) -> list[Path]:
    """One path or several, as a caller may write them."""
    several = given if isinstance(given, Iterable) and not isinstance(given, str | bytes | os.PathLike) else [given]
    paths = list[Path]()
    for path in several:
        if not isinstance(path, str | os.PathLike) or not isinstance(name := os.fspath(path), str) or not name or "\0" in name:
            raise InputError(f"`paths` must be a path or several, as str or Path, not {path!r:.80}. Name files or folders.")
        paths.append(Path(name))
    return paths


def _read(path: Path, skipped: Callable[[str], None]) -> list[Document]:
    try:
        return _read_folder(path, skipped) if path.is_dir() else _read_data(path.read_bytes(), str(path), path.name, skipped)
    except FileNotFoundError as error:
        raise InputError(
            f"`{path}` cannot be read: there is no such file or folder. Check the path; a text of your own goes to standard input, as `-`."
        ) from error
    except OSError as error:
        raise InputError(f"`{error.filename or path}` cannot be read: {error.strerror or error}.") from error


def _read_data(data: bytes, path: str, name: str, skipped: Callable[[str], None]) -> list[Document]:
    """The documents of a file that was named: all of it can be read, or that is an error."""
    if suffix_of(path) != ARCHIVE:
        return list(read_file(data, path, name, _refuse))
    found = Skipped(path)
    documents = _read_archive(data, path, name, found)
    return _told(documents, found, path, skipped)


def _read_folder(folder: Path, skipped: Callable[[str], None]) -> list[Document]:
    found, documents = Skipped(str(folder)), list[Document]()
    paths = {path.relative_to(folder).as_posix(): path for path in _inside(folder, found)}
    for name in _known(paths, found):
        path = str(paths[name])
        try:
            data = paths[name].read_bytes()
        except OSError as error:
            found.failed(name, InputError(f"`{path}` cannot be read: {error.strerror or error}"))
            continue
        documents += _readable(data, path, name, found)
    return _told(documents, found, str(folder), skipped)


def _read_archive(data: bytes, path: str, name: str, found: Skipped) -> list[Document]:
    archive, documents = Archive(data, path), list[Document]()
    names = [member for member in _known(archive.names, found) if suffix_of(member) != ARCHIVE]
    for member, content in archive.read(names):
        if isinstance(content, InputError):
            found.failed(member, content)
        else:
            documents += _readable(content, f"{path}/{member}", f"{name}/{member}", found)
    return documents


def _readable(data: bytes, path: str, name: str, found: Skipped) -> list[Document]:
    """What can be read of a file that nobody named."""

    def skip(error: InputError) -> None:
        found.failed(name, error)

    try:
        if suffix_of(path) == ARCHIVE:
            return _read_archive(data, path, name, found)
        return list(read_file(data, path, name, skip))
    except (InputError, MissingDependencyError) as error:
        found.failed(name, error)
        return []


def _known(names: Iterable[str], found: Skipped) -> list[str]:
    """Files with a known suffix, sorted, without the page that repeats ChatGPT's `conversations.json`."""
    names = set(names)
    known = list[str]()
    for name in sorted(names):
        folder, slash, last = name.rpartition("/")
        if suffix_of(name) not in SUFFIXES:
            found.unknown(name)
        elif last == "chat.html" and f"{folder}{slash}conversations.json" in names:
            found.copy()
        else:
            known.append(name)
    return known


def _inside(folder: Path, found: Skipped) -> Iterator[Path]:
    """The visible files of a folder.

    Links that lead out of it are skipped: whoever may write into a folder could otherwise have any file read. A folder that cannot be
    opened is an error, not a gap.
    """

    def fail(error: OSError) -> NoReturn:
        raise error

    root = os.path.realpath(folder)
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith("."):
                continue
            if not Path(os.path.realpath(path)).is_relative_to(root):
                found.link()
            elif path.is_file():
                yield path


def _told(documents: list[Document], found: Skipped, path: str, skipped: Callable[[str], None]) -> list[Document]:
    line = found.line()
    if not documents:
        raise InputError(f"{line or f'`{path}` is empty'}. Nothing in it can be read.")
    if line:
        skipped(line)
    return documents


def _refuse(error: InputError) -> NoReturn:
    raise error
