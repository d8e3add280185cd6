"""JSON from an identity provider: only from configured hosts, over TLS, bounded, no redirect, no proxy."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

SECONDS = 5
ANSWER_MAX = 256 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Unreachable(Exception):
    """The provider did not answer, or not with what the protocol demands; nothing may be concluded."""


def demand_safe(url: str) -> None:
    """Accept https only; plain http only on this machine. Raises: ValueError."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment or not parts.hostname:
        raise ValueError("the address of the identity provider carries more, or less, than host and path")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ValueError("an identity provider is reached by https only")


def get(url: str) -> Mapping[str, Any]:
    """Return the JSON object at ``url``. Raises: Unreachable, ValueError (unsafe address)."""
    return _ask("GET", url, None, {})


def post(url: str, form: Mapping[str, str], *, client: tuple[str, str] | None) -> Mapping[str, Any]:
    """Post ``form`` and return the JSON object that is answered. Raises: Unreachable, ValueError.

    ``client``: id and secret, sent as HTTP Basic in the form encoding of RFC 6749, section 2.3.1.
    """
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if client is not None:
        pair = ":".join(quote_plus(part) for part in client)
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return _ask("POST", url, urlencode(form).encode(), headers)


def _ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Mapping[str, Any]:
    demand_safe(url)
    parts = urlsplit(url)
    opened: http.client.HTTPConnection
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        tls = ssl.create_default_context()
        opened = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=tls)
    else:
        opened = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        opened.request(method, path, body, {"Accept": "application/json", **headers})
        said = opened.getresponse()
        content = said.read(ANSWER_MAX + 1)
    except (OSError, http.client.HTTPException) as wrong:
        raise Unreachable(type(wrong).__name__) from wrong
    finally:
        opened.close()
    if said.status != 200 or len(content) > ANSWER_MAX:
        raise Unreachable(f"answered {said.status}")
    try:
        value = json.loads(content)
    except ValueError as wrong:
        raise Unreachable("answered no JSON") from wrong
    if not isinstance(value, dict):
        raise Unreachable("answered no JSON object")
    return value
