"""Requests to configured hosts: only there, only over TLS, no redirect, no proxy, and a bounded answer."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 10
ANSWER_MAX = 64 * 1024


class Forbidden(ValueError):
    """The address is not one that this installation may talk to."""


@dataclass(frozen=True)
class Answer:
    """What the other side said, cut at 64 KiB."""

    status: int
    body: bytes


def demand_allowed(url: str, allowed: Collection[str]) -> None:
    """Accept only https to a host in ``allowed``; plain http only to this machine. Raises: Forbidden.

    A name that is allowed may lead to an inner address: the operator named it. Nothing that a holder or an agent
    typed is ever requested.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Forbidden("the address carries more than host and path")
    if host not in allowed:
        raise Forbidden(f"{host or 'nothing'} is not an allowed host")
    if parts.scheme != "https" and not (parts.scheme == "http" and _this_machine(host)):
        raise Forbidden("only https is allowed")


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allowed: Collection[str],
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Post ``body`` and return the answer, whatever its status. Raises: Forbidden, OSError (no answer)."""
    demand_allowed(url, allowed)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    opened: http.client.HTTPConnection
    if parts.scheme == "https":
        context = tls or ssl.create_default_context()
        opened = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
    else:
        opened = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        opened.request("POST", path, body, dict(headers))
        said = opened.getresponse()
        return Answer(said.status, said.read(ANSWER_MAX))
    except http.client.HTTPException as broken:
        raise ConnectionError(f"the answer could not be read: {type(broken).__name__}") from broken
    finally:
        opened.close()
