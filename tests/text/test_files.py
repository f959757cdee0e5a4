"""Folders and archives: what can be read is read, and one line says what was not."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from attngs.errors import InputError, MissingDependencyError
from attngs.text.files import parse_file, read_documents
from attngs.types import Document


def read(path: Path) -> tuple[list[Document], list[str]]:
    lines = list[str]()
    return read_documents([path], io.BytesIO(), skipped=lines.append), lines


def zipped(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_one_path_or_several_may_be_strings(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Ana feeds the cat.")
    for paths in (str(file), file, [str(file)], (file,), iter([file])):
        assert [document.text for document in read_documents(paths)] == ["Ana feeds the cat."]
    assert read_documents([]) == []
    [_, said] = read_documents([file, "-"], io.BytesIO(b"Bo feeds the dog."))
    assert (said.id, said.text) == ("stdin", "Bo feeds the dog.")


@pytest.mark.parametrize("wrong", [None, 5, [None], b"a.txt", "", "a\0b"])
def test_what_is_no_path_is_a_typed_error(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"`paths` must be .*Name files or folders"):
        read_documents(wrong)


def test_a_dash_needs_stdin() -> None:
    with pytest.raises(InputError, match=r"Pass `stdin=sys.stdin.buffer`"):
        read_documents("-")


def test_a_folder_reads_every_kind_that_has_a_reader(tmp_path: Path) -> None:
    names = ["a.csv", "b.HTML", "c.yaml", "d.log", "e.srt", "f.py", "g.eml", "h.tsv", "i.vtt", "j.markdown", "k.ini", "l.txt"]
    for name in names:
        (tmp_path / name).write_text("Ana feeds the cat.")
    documents, lines = read(tmp_path)
    assert [document.id for document in documents] == names
    assert [document.metadata["source"] for document in documents] == names, "names the reader of each one's structure"
    assert lines == []


def test_one_line_says_what_a_folder_skipped(tmp_path: Path) -> None:
    for name, content in {
        "a.png": b"\x89PNG\0",
        "b.png": b"\x89PNG\0",
        "c.jpg": b"\xff\xd8",
        "d.key": b"x",
        "LICENSE": b"x",
        ".secret.txt": b"x",
        "latin.txt": "café".encode("latin-1"),
        "log.jsonl": b'{"text": "Rent is 900."}\n{"text": "Ren',
        "notes.txt": b"Ana feeds the cat.",
    }.items():
        (tmp_path / name).write_bytes(content)
    documents, lines = read(tmp_path)
    assert [document.text for document in documents] == ["Rent is 900.", "Ana feeds the cat."]
    assert lines == [
        f"`{tmp_path}`: 7 skipped: 3 images (.jpg, .png); 1 file without a suffix; 1 .key; "
        "`latin.txt` is not UTF-8 text (byte 3); `log.jsonl, line 2` is not JSON"
    ]


def test_of_many_errors_a_few_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('"Ana feeds the cat."\n' + "{\n" * 9)
    _, [line] = read(tmp_path)
    assert line.startswith(f"`{tmp_path}`: 9 skipped: `a.jsonl, line 2` is not JSON; ")
    assert line.endswith("; 6 more that cannot be read")


def test_a_folder_in_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is empty"):
        read(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"1 skipped: 1 image \(\.png\)\. Nothing in it can be read"):
        read(tmp_path)


def test_a_link_that_leads_nowhere_or_in_a_circle_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ana feeds the cat.")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    assert [document.id for document in read(tmp_path)[0]] == ["a.txt"]


def test_an_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    chat = b"[12/03/24, 10:15:22] Ana: where\n[12/03/24, 10:16:02] Bram: pier 3\n"
    (tmp_path / "chat.zip").write_bytes(
        zipped(**{"_chat.txt": chat, "IMG-1.jpg": b"\xff", "__MACOSX/_chat.txt": b"no", ".hidden/a.txt": b"no"})
    )
    documents, lines = read(tmp_path / "chat.zip")
    assert [(document.id, document.text) for document in documents] == [("chat.zip/_chat.txt", chat.decode())]
    assert lines == [f"`{tmp_path / 'chat.zip'}`: 1 skipped: 1 image (.jpg)"]
    assert [document.id for document in read(tmp_path)[0]] == ["chat.zip/_chat.txt"]
    assert [document.id for document in parse_file((tmp_path / "chat.zip").read_bytes(), "up.zip")] == ["up.zip/_chat.txt"]


def test_the_page_of_a_chatgpt_export_is_no_second_copy() -> None:
    data = zipped(**{"conversations.json": json.dumps([{"role": "user", "content": "Hi."}]).encode(), "chat.html": b"<p>Hi.</p>"})
    assert [document.id for document in parse_file(data, "x.zip")] == ["x.zip/conversations.json"]
    assert [document.id for document in parse_file(zipped(**{"chat.html": b"<p>Hi.</p>"}), "x.zip")] == ["x.zip/chat.html"]


def test_an_archive_unpacks_to_a_bound() -> None:
    data = bytearray(zipped(**{"a.txt": b"a" * 600, "b.png": b"c" * 5000}))
    assert len(parse_file(bytes(data), "x.zip")) == 1
    size = data.index(b"PK\x01\x02") + 24
    data[size : size + 4] = (2**30).to_bytes(4, "little")
    with pytest.raises(InputError, match=r"`x\.zip` unpacks to 1,073,741,824 bytes, and at most 536,870,912 are read"):
        parse_file(bytes(data), "x.zip")


@pytest.mark.parametrize("data", [b"", b"no archive", zipped(**{"a.txt": b"a" * 99})[:60]], ids=["empty", "none", "cut off"])
def test_a_broken_archive_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError, match=r"`x\.zip` cannot be read as \.zip"):
        parse_file(data, "x.zip")


def test_a_damaged_part_of_an_archive_is_skipped(tmp_path: Path) -> None:
    data = bytearray(zipped(**{"a.txt": b"Ana feeds the cat.", "b.txt": b"Bram pays rent."}))
    data[data.index(b"Ana")] = 66
    (tmp_path / "x.zip").write_bytes(data)
    documents, [line] = read(tmp_path / "x.zip")
    assert [document.text for document in documents] == ["Bram pays rent."]
    assert "`a.txt` cannot be unpacked" in line


def test_text_from_windows_is_read() -> None:
    assert parse_file("Ana feeds the cat. 猫".encode("utf-16"), "a.txt")[0].text == "Ana feeds the cat. 猫"
    with pytest.raises(InputError, match="binary file"):
        parse_file(b"\x89PNG\r\n\x1a\n\0\0", "a.png")


def test_a_missing_converter_names_its_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("markitdown", "markitdown.converters"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "b.docx").write_bytes(b"PK")
    (tmp_path / "c.txt").write_text("Ana feeds the cat.")
    with pytest.raises(MissingDependencyError, match=r"a\.pdf`: \.pdf files need a converter.*pip install 'attngs\[files\]'"):
        read(tmp_path / "a.pdf")
    documents, lines = read(tmp_path)
    assert [document.id for document in documents] == ["c.txt"]
    assert lines == [f"`{tmp_path}`: 2 skipped: 1 .docx, 1 .pdf (to read: pip install 'attngs[files]')"]
