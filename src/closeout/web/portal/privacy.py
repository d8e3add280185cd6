"""What the browser may keep of a page and may do with it: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADERS = {
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class UnexpectedFile(SuspiciousOperation):
    """A file came to a page that takes none."""


class NoFiles(FileUploadHandler):
    """Refuses every file before a byte of it is kept; a page that takes files names a handler of its own."""

    def new_file(self, *_args: Any, **_kwargs: Any) -> None:
        """Refuse. Raises: UnexpectedFile."""
        raise UnexpectedFile("a file came where none is asked for")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep nothing."""

    def file_complete(self, file_size: int) -> None:
        """Keep nothing."""


def _guard(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@sync_and_async_middleware
def PrivacyMiddleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., object]:  # noqa: N802
    """Forbid caches and device access on every page; static files are served before this and may be kept."""
    from asgiref.sync import iscoroutinefunction

    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return _guard(await get_response(request))

        return later

    def now(request: HttpRequest) -> HttpResponseBase:
        return _guard(get_response(request))

    return now
