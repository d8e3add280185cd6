"""What the browser may keep of a page and may do with it: nothing."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADERS = {
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


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
