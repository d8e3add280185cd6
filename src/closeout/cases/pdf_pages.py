"""Pages of a foreign PDF, drawn as pictures: what a reader would see, and nothing else of the file.

Scripts, attachments, links, forms and metadata have no picture and so are gone; PDFium is built without an interpreter
for scripts. Called only in the process of :mod:`closeout.cases.upload_reader`, whose limits end what gets out of hand.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

PAGES_MAX = (
    20  # a certificate, a resolution, a grant of probate; a file of hundreds of pages is nothing people judge
)
SIDE = 1754  # pixels at most: the longer side of A4 at 150 dpi
SIDE_LEAST = 100
HEAD, TAIL, TAIL_WITHIN = b"%PDF-", b"%%EOF", 1024
NO_HANDLER = -1  # of encryption; an empty password is a password too


class BadPdf(Exception):
    """The file is refused; the message is a code of the reasons."""


def is_meant(content: bytes) -> bool:
    """Say whether ``content`` begins as a PDF does."""
    return content.startswith(HEAD)


def drawn(content: bytes) -> Sequence[bytes]:
    """Return each page as a JPEG. Raises: BadPdf, MemoryError."""
    import pypdfium2
    from pypdfium2 import raw

    if TAIL not in content[-TAIL_WITHIN:] or zipfile.is_zipfile(io.BytesIO(content)):
        raise BadPdf("upload_not_document")
    try:
        opened = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as broken:
        code = "upload_encrypted" if "password" in str(broken).lower() else "upload_not_document"
        raise BadPdf(code) from broken
    if raw.FPDF_GetSecurityHandlerRevision(opened.raw) != NO_HANDLER:
        raise BadPdf("upload_encrypted")
    if not 1 <= len(opened) <= PAGES_MAX:
        raise BadPdf("upload_too_many_pages" if len(opened) else "upload_not_document")
    try:
        opened.init_forms()  # else what was typed into fields would not be seen
        return [_picture(opened[number]) for number in range(len(opened))]
    except pypdfium2.PdfiumError as broken:
        raise BadPdf("upload_not_document") from broken


def _picture(page: Any) -> bytes:
    long, short = max(page.get_size()), min(page.get_size())
    if not short > 0 or SIDE * short / long < SIDE_LEAST:
        raise BadPdf("upload_not_document")
    written = io.BytesIO()
    page.render(scale=(SIDE - 1) / long).to_pil().convert("RGB").save(written, "JPEG", quality=80)
    return written.getvalue()
