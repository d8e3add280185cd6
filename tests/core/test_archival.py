"""Certificate and statements as PDF/A-3b: what ISO 19005-3 demands and can be read from the file. R-CLO-14, R-REC-1."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.generic import IndirectObject
from pyhanko.pdf_utils.reader import PdfFileReader

from closeout.records import certificate, sheets, signing
from closeout.records.statement import Statement

NOW = datetime(2026, 3, 1, 12)


def page(title: str = "Statement") -> bytes:
    out = io.BytesIO()
    story = [sheets.text("交易记录 & <trades>", 12)]
    sheets.build(story, out, title=title, author="Sandbox", footer="CO-1", on_first=sheets.ribbon)
    return out.getvalue()


@pytest.fixture(scope="module", params=["statement", "certificate"])
def document(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if request.param == "statement":
        return page()
    said = Statement(
        number="CO-1", venue="Sandbox", account="m····", applied_at=NOW, closed_at=NOW, issued_at=NOW,
        policy_version="1", consent_sha256="ab" * 32,
    )  # fmt: skip
    keys = signing.KeyStore(tmp_path_factory.mktemp("keys")).prepare(NOW)
    return certificate.issue(said, keys).pdf


def objects(found: Any, seen: set[Any]) -> Iterator[Any]:
    """Yield every object that can be reached."""
    if isinstance(found, IndirectObject):
        if found.reference in seen:
            return
        seen.add(found.reference)
        found = found.get_object()
    yield found
    inner = (
        [found.raw_get(key) for key in found]
        if isinstance(found, dict)
        else [found.raw_get(place) for place in range(len(found))]
        if isinstance(found, list)
        else []
    )
    for one in inner:
        yield from objects(one, seen)


def dictionaries(document: bytes) -> list[Any]:
    reader = PdfFileReader(io.BytesIO(document))
    return [one for one in objects(reader.trailer_view, set()) if isinstance(one, dict)]


def test_it_says_what_it_is(document: bytes) -> None:
    root = PdfFileReader(io.BytesIO(document)).root
    packet = root["/Metadata"].data.decode()
    assert "http://www.aiim.org/pdfa/ns/id/" in packet
    assert "<pdfaid:part>3</pdfaid:part>" in packet or 'pdfaid:part="3"' in packet
    intent = root["/OutputIntents"][0]
    assert intent["/S"] == "/GTS_PDFA1"
    colours = intent["/DestOutputProfile"]
    assert colours["/N"] == 3
    assert colours.data[36:40] == b"acsp", "an ICC profile"
    assert colours.data[16:20] == b"RGB "


def test_every_font_lies_in_the_file(document: bytes) -> None:
    fonts = [one for one in dictionaries(document) if one.get("/Type") == "/Font"]
    assert fonts
    for font in fonts:
        assert font["/FontDescriptor"]["/FontFile2"].data
        assert font["/ToUnicode"].data, "its text can be copied and searched"


def test_nothing_in_it_acts_or_hides(document: bytes) -> None:
    found = dictionaries(document)
    assert not [one for one in found if {"/Encrypt", "/JS", "/JavaScript", "/AA", "/OpenAction"} & set(one)]
    assert not [one for one in found if one.get("/S") in {"/Launch", "/Sound", "/Movie", "/JavaScript"}]
    assert not [one for one in found if one.get("/Filter") == "/LZWDecode"]
    for widget in (one for one in found if one.get("/Subtype") == "/Widget"):
        assert widget["/F"] & 4, "an annotation prints"


def test_an_attachment_says_what_it_is_to_the_document(document: bytes) -> None:
    reader = PdfFileReader(io.BytesIO(document))
    inside = [one for one in dictionaries(document) if one.get("/Type") == "/Filespec"]
    if inside:
        assert len(reader.root["/AF"]) == len(inside)
    for one in inside:
        assert one["/AFRelationship"] == "/Data"
        assert one["/F"]
        assert one["/UF"]
        assert one["/EF"]["/F"]["/Subtype"] == "/application#2fjson" or "json" in one["/EF"]["/F"]["/Subtype"]


def test_equal_content_gives_equal_bytes() -> None:
    assert page() == page()
    assert page("one") != page("two")


def test_verapdf_agrees(document: bytes, tmp_path: Path) -> None:
    """An independent verifier of the form."""
    tool = shutil.which("verapdf")
    if tool is None:
        pytest.skip("LOUD: veraPDF is not installed; PDF/A is checked by our own reading only")
    (tmp_path / "page.pdf").write_bytes(document)
    said = subprocess.run(
        [tool, "--flavour", "3b", "--format", "text", str(tmp_path / "page.pdf")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.stdout.startswith("PASS"), said.stdout
