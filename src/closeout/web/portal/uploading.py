"""Taking a file on a page that asks for one: kept in memory, and not read at all when it is too large."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest

BORDER = 64 * 1024  # what a form may add around its file
DRAINED = 80 << 20  # bytes that are read and thrown away, so that the reason arrives


class InMemory(MemoryFileUploadHandler):
    """Keeps a file in memory, whatever its size: nothing of a person lies unsealed on a disk."""

    def handle_raw_input(self, *_args: Any, **_kwargs: Any) -> None:
        """Take everything; the size of the whole body was looked at before."""
        self.activated = True

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file. Raises: StopUpload for a second one."""
        if getattr(self, "begun", False):
            raise StopUpload(connection_reset=False)
        self.begun = True
        super().new_file(*args, **kwargs)


def admit(request: HttpRequest, *, most: int) -> bool:
    """Let ``request`` bring a file of at most ``most`` bytes; say no, and read it away, if it is larger.

    Before anything reads the form, the proof against forgery included: the view is exempt and checks it after this.
    """
    length = request.META.get("CONTENT_LENGTH", "")
    if not length.isdigit() or int(length) > most + BORDER:
        _drain(request)
        return False
    request.upload_handlers = [InMemory(request)]
    return True


def _drain(request: HttpRequest) -> None:
    left = DRAINED
    while left > 0 and (part := request.read(1 << 16)):
        left -= len(part)
