"""Files of holders, read in a process of their own with hard limits; here only what came out clean is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from closeout.reasons import refuse

MOST = {"photo": 16 << 20, "video": 24 << 20, "document": 16 << 20}  # bytes that are read at all
SECONDS = 30


@dataclass(frozen=True)
class Clean:
    """A file that was made anew from what came. ``parts``: the bytes of each picture where a document has several."""

    media_type: str
    content: bytes
    parts: Sequence[int] = ()


def read(kind: str, content: bytes) -> Clean:
    """Return the clean form of an uploaded ``kind`` (photo, video, document); the type is judged by content only.

    Raises: Refused (upload_too_large, upload_too_many_pixels, upload_not_photo, upload_not_video, upload_no_sound,
    upload_too_long, upload_not_document, upload_encrypted, upload_too_many_pages, upload_unreadable).
    """
    if len(content) > MOST[kind]:
        raise refuse("upload_too_large", megabytes=MOST[kind] >> 20)
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-m", "closeout.cases.upload_reader", kind],
            input=content, capture_output=True, timeout=SECONDS, check=False, env={"LC_ALL": "C.UTF-8"}, cwd="/",
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise refuse("upload_unreadable") from late
    first, _, rest = answer.stdout.partition(b"\n")
    if answer.returncode or not first:
        raise refuse("upload_unreadable")
    said = json.loads(first)
    if "refused" in said:
        values = {"megabytes": MOST[kind] >> 20} if said["refused"] == "upload_too_large" else {}
        raise refuse(str(said["refused"]), **values)
    return Clean(str(said["type"]), rest, tuple(said["parts"]))
