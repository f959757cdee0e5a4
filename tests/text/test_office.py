"""PDF, Word, PowerPoint, Excel and EPUB files become Markdown whose structure is read. Needs `attngs[files]`."""

from __future__ import annotations

import io
import zipfile

import pytest

from attngs.errors import InputError
from attngs.text.files import parse_file
from attngs.text.importers import office
from attngs.text.sentences import Splitter
from attngs.types import Document

pytest.importorskip("markitdown")

CONTENT_TYPES = "application/vnd.openxmlformats-package.relationships+xml"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def document_of(data: bytes, name: str) -> Document:
    [document] = parse_file(data, name)
    assert (document.id, document.metadata["source"]) == (name, name)
    return document


def zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def pdf(*pages: list[str]) -> bytes:
    """A file of one font, with lines of text on each page."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(len(pages)))
    parts = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    parts.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, lines in enumerate(pages):
        size, font = "/MediaBox [0 0 612 792]", "/Resources << /Font << /F1 3 0 R >> >>"
        parts.append(f"<< /Type /Page /Parent 2 0 R {size} {font} /Contents {5 + 2 * number} 0 R >>")
        drawn = "BT /F1 12 Tf 14 TL 72 720 Td " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
        parts.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    out, places = "%PDF-1.4\n", list[int]()
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    head = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n"
    return f"{out}{head}{table}trailer << /Size {len(parts) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()


def docx(body: str) -> bytes:
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="{CONTENT_TYPES}"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{RELATIONS}" '
            'Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        }
    )


def paragraph(text: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}<w:r><w:t>{text}</w:t></w:r></w:p>"


def row(*cells: str) -> str:
    return "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in cells) + "</w:tr>"


def read_with(document: Document, part: str) -> list[str]:
    """The heads of the unit that holds `part`."""
    text, units = document.text, Splitter().read(document)
    unit = next(unit for unit in units if part in text[unit.start : unit.end])
    return [text[units[head].start : units[head].end].strip() for head in unit.heads]


def test_pages_of_a_pdf_are_one_text() -> None:
    data = pdf(["The clinic said never to eat walnuts, not", "even in cake."], ["The lift code is 4471."])
    assert (
        document_of(data, "a.PDF").text.split() == "The clinic said never to eat walnuts, not even in cake. The lift code is 4471.".split()
    )


def test_a_word_table_has_its_first_row_as_header() -> None:
    data = docx(paragraph("Pump B", "Heading1") + f"<w:tbl>{row('Part', 'Mass_kg')}{row('B7', '47')}</w:tbl>")
    document = document_of(data, "a.docx")
    assert document.text == "# Pump B\n\n| Part | Mass_kg |\n| --- | --- |\n| B7 | 47 |"
    assert read_with(document, "B7") == ["# Pump B", "| Part | Mass_kg |"]


def test_a_slide_is_read_with_its_number_and_title() -> None:
    pptx = pytest.importorskip("pptx")
    show = pptx.Presentation()
    for title, body in (("Plan", "Ship in May"), ("", "Questions")):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
    data = io.BytesIO()
    show.save(data)
    text = document_of(data.getvalue(), "a.pptx").text
    assert text == "# Slide 1: Plan\nShip in May\n\n# Slide 2\nQuestions"


def test_sheets_are_tables_without_fillers() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in (["Part", "Torque", None], ["B7", 17, None], ["B8", None, "x_y"]):
        book.active.append(cells)
    book.create_sheet("Blank")
    data = io.BytesIO()
    book.save(data)
    document = document_of(data.getvalue(), "a.xlsx")
    text = document.text
    assert "NaN" not in text
    assert "Unnamed" not in text
    assert "Blank" not in text
    assert "| B8 |  | x_y |" in text
    assert read_with(document, "B7")[0] == "## Sheet"


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    data = zipped(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>',
            "c.opf": '<package xmlns:dc="d"><metadata><dc:title>Bees</dc:title></metadata><manifest><item id="a" href="a.xhtml"/>'
            '<item id="b" href="b.xhtml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>',
            "a.xhtml": "<html><body><h1>Two</h1><p>Bees dance.</p></body></html>",
            "b.xhtml": "<html><body><h1>One</h1><p>Bees hum.</p></body></html>",
        }
    )
    assert document_of(data, "a.epub").text == "**Title:** Bees\n\n# One\n\nBees hum.\n\n# Two\n\nBees dance."


@pytest.mark.parametrize("suffix", sorted(office.CONVERTERS))
@pytest.mark.parametrize("data", [b"", b"garbage", b"PK\x03\x04garbage", b"%PDF-1.4\ngarbage"])
def test_a_damaged_file_is_an_error_of_ours(suffix: str, data: bytes) -> None:
    with pytest.raises(InputError, match=rf"`a\{suffix}` (cannot be read as \{suffix}|holds no text)"):
        parse_file(data, f"a{suffix}")


def test_a_scan_says_that_it_holds_no_text() -> None:
    with pytest.raises(InputError, match="holds no text; if it is a scan"):
        parse_file(pdf([]), "scan.pdf")


def test_a_file_that_unpacks_to_too_much_is_not_unpacked() -> None:
    data = bytearray(docx(paragraph("Walnuts.")))
    size = data.index(b"PK\x01\x02") + 24
    data[size : size + 4] = (2**30).to_bytes(4, "little")
    with pytest.raises(InputError, match=r"unpacks to 1,073,\d+,\d+ bytes, and at most 268,435,456 are read"):
        parse_file(bytes(data), "a.docx")
