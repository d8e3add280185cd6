"""The process that reads one upload: hard limits first, then the file from stdin, the clean file to stdout.

Run as ``python -I -m closeout.cases.upload_reader photo|video|document``. It has no database, no keys and no network to
use, and whatever a hostile file does to it ends with it. The first line of its answer is JSON: a code of
:mod:`closeout.reasons` under ``refused``, or the media type under ``type`` and the length of each file under ``parts``;
the files follow, one after the other.
"""

from __future__ import annotations

import importlib
import io
import json
import resource
import sys
import warnings
import zipfile
from collections.abc import Sequence

PHOTO_MAX, VIDEO_MAX, DOCUMENT_MAX = 16 << 20, 24 << 20, 16 << 20  # bytes
PIXELS_MAX = 40_000_000
SIDE_LEAST, SIDE_KEPT = 100, 3000
MEMORY = 512 << 20
CPU_SECONDS = 5
DOCUMENT_SECONDS = 15  # twenty scanned pages
FORMATS = ("JPEG", "PNG", "WEBP")
PICTURES = ("PIL.Image", "PIL.ImageOps", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin")


class Unusable(Exception):
    """The upload is refused; the message is a code of the reasons."""


def limit(*, seconds: int = CPU_SECONDS) -> None:
    """Take away what reading a file does not need. Source: security page, uploads."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (most, most))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def photo(content: bytes) -> bytes:
    """Return the picture drawn anew as a plain JPEG: nothing but its pixels survives. Raises: Unusable."""
    from PIL import Image, ImageOps

    if len(content) > PHOTO_MAX:
        raise Unusable("upload_too_large")
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise Unusable("upload_not_photo")
    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                raise Unusable("upload_too_many_pixels")
            if min(opened.size) < SIDE_LEAST or getattr(opened, "n_frames", 1) > 1:
                raise Unusable("upload_not_photo")
            opened.draft("RGB", (SIDE_KEPT, SIDE_KEPT))
            upright = ImageOps.exif_transpose(opened)
            upright.thumbnail((SIDE_KEPT, SIDE_KEPT))
            drawn = Image.new("RGB", upright.size, "white")
            layer = upright.convert("RGBA")
            drawn.paste(layer, mask=layer)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise Unusable("upload_too_many_pixels") from bomb
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError) as broken:
        raise Unusable("upload_not_photo") from broken
    written = io.BytesIO()
    drawn.save(written, "JPEG", quality=85)
    return written.getvalue()


def video(content: bytes) -> bytes:
    """Return the video without its metadata. Raises: Unusable."""
    from closeout.cases import webm

    if len(content) > VIDEO_MAX:
        raise Unusable("upload_too_large")
    try:
        return webm.cleaned(content)
    except webm.BadVideo as wrong:
        raise Unusable(str(wrong)) from wrong


def document(content: bytes) -> Sequence[bytes]:
    """Return what a document shows, one picture a page: a photo of it, or a PDF. Raises: Unusable."""
    from closeout.cases import pdf_pages

    if len(content) > DOCUMENT_MAX:
        raise Unusable("upload_too_large")
    try:
        return pdf_pages.drawn(content) if pdf_pages.is_meant(content) else [photo(content)]
    except pdf_pages.BadPdf as wrong:
        raise Unusable(str(wrong)) from wrong
    except Unusable as wrong:
        raise Unusable("upload_not_document" if str(wrong) == "upload_not_photo" else str(wrong)) from wrong


READERS = {"photo": photo, "video": video}


def main() -> None:
    """Read stdin, answer on stdout."""
    kind = sys.argv[1]
    for name in (*PICTURES, *(["pypdfium2.raw"] if kind == "document" else [])):
        importlib.import_module(name)  # before files can no longer be opened
    limit(seconds=DOCUMENT_SECONDS if kind == "document" else CPU_SECONDS)
    content = sys.stdin.buffer.read()
    try:
        parts = document(content) if kind == "document" else [READERS[kind](content)]
    except Unusable as why:
        sys.stdout.write(json.dumps({"refused": str(why)}) + "\n")
        return
    except MemoryError:
        sys.stdout.write(json.dumps({"refused": "upload_too_many_pixels"}) + "\n")
        return
    said = {"type": "video/webm" if kind == "video" else "image/jpeg", "parts": [len(part) for part in parts]}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
    for part in parts:
        sys.stdout.buffer.write(part)


if __name__ == "__main__":
    main()
