"""Documents of mandates as PDF: drawn anew in the process with hard limits, nothing but what is seen. R-SUP-11."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageChops
from tests.cases.pdfs import CANARY, endless, filled, laughing, pdf, scripted
from tests.cases.test_uploads import archive, picture

from closeout.cases import upload_reader, uploads
from closeout.reasons import Refused


def field(sheet: Any) -> None:
    """Let somebody type into a form of the document."""
    sheet.acroForm.textfield(name="name", value="FILLED", x=100, y=500, width=300, height=60, fontSize=40)


def opened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as found:
        assert found.format == "JPEG"
        assert not found.getexif()
        return found.convert("L")


def ink(content: bytes, box: tuple[int, int, int, int]) -> bool:
    """Say whether something dark is drawn in a part of the page."""
    return opened(content).crop(box).getextrema()[0] < 100


def test_pages_become_pictures_and_nothing_else_is_left() -> None:
    """In the real process: two pages, their text and what was typed into a form are seen; the author is not kept."""
    clean = uploads.read("document", pdf(2, draw=field))
    assert clean.media_type == "image/jpeg"
    assert len(clean.parts) == 2
    assert sum(clean.parts) == len(clean.content)
    assert CANARY.encode() not in clean.content
    first, second = clean.content[: clean.parts[0]], clean.content[clean.parts[0] :]
    assert opened(first).size == opened(second).size == (1239, 1753)
    for page in (first, second):
        assert ink(page, (150, 225, 260, 260)), "the text"
        assert ink(page, (215, 595, 820, 710)), "what was typed"
        assert not ink(page, (100, 900, 1100, 1700))
    assert ImageChops.difference(opened(first), opened(second)).getbbox() is not None
    photo = uploads.read("document", picture())
    assert (photo.media_type, len(photo.parts)) == ("image/jpeg", 1)


def test_scripts_links_and_attachments_end_with_the_file() -> None:
    """Hostile: JavaScript on opening, Launch, a URI, an embedded program; what comes out is one blank picture."""
    hostile = scripted()
    assert CANARY.encode() in hostile
    clean = uploads.read("document", hostile)
    assert len(clean.parts) == 1
    assert opened(clean.content).getextrema() == (255, 255)
    for word in (CANARY, "JavaScript", "Launch", "x.exe", "evil"):
        assert word.encode() not in clean.content


@pytest.mark.parametrize("side", [1_000_000, 200_000_000])
def test_a_huge_page_is_drawn_small(side: float) -> None:
    """Hostile: 14 and 2,800 kilometres of paper; the picture has the size of a sheet."""
    (page,) = upload_reader.document(pdf(size=(side, side)))
    assert opened(page).size == (1753, 1753)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (pdf(21), "upload_too_many_pages"),
        (pdf(10_000), "upload_too_many_pages"),
        (pdf(password="secret"), "upload_encrypted"),
        (pdf(password=""), "upload_encrypted"),
        (pdf(3)[:-400], "upload_not_document"),
        (pdf(3)[:900], "upload_not_document"),
        (pdf() + archive(), "upload_not_document"),
        (b"MZ" + pdf(), "upload_not_document"),
        (pdf(size=(14_400, 5)), "upload_not_document"),
        (endless(), "upload_not_document"),
        (b"%PDF-1.7\n%%EOF", "upload_not_document"),
        (b"%PDF-1.7\n" + bytes(17 << 20), "upload_too_large"),
        (archive(), "upload_not_document"),
        (b"", "upload_not_document"),
    ],
    ids=["21", "10000", "locked", "empty-password", "torn", "half", "zip", "program", "thread", "circle", "empty",
         "large", "only-zip", "nothing"],
)  # fmt: skip
def test_what_is_no_whole_open_short_document_is_refused(content: bytes, code: str) -> None:
    """Bad input: too many pages, encrypted, truncated, two files in one, a page as thin as a thread, a circle."""
    with pytest.raises(upload_reader.Unusable) as why:
        upload_reader.document(content)
    assert str(why.value) == code


def test_what_bursts_ends_with_its_process() -> None:
    """Hostile: a page that draws itself a thousand million times is an answer; 700 MB of spaces are a blank page."""
    with pytest.raises(Refused) as why:
        uploads.read("document", laughing(9))
    assert [reason.code for reason in why.value.reasons] == ["upload_unreadable"]
    assert opened(uploads.read("document", filled(700)).content).getextrema() == (255, 255)
