"""Links with which the exchange's app hands its signed-in holder over: signed, short, for one use.

The link is a JWS in compact form. Header: ``alg`` (EdDSA or ES256), ``kid``, ``typ`` ``closeout-handover+jwt``.
Claims: ``iss`` (the exchange), ``aud`` (this site), ``sub`` (the account), ``iat``, ``exp`` (at most a minute
later), ``jti`` (random, at least 16 characters). docs/en/howto/sign-in.md shows how to make one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

TYPE = "closeout-handover+jwt"
ALGORITHMS = ("EdDSA", "Ed25519", "ES256")
LONGEST = timedelta(seconds=60)
SKEW = timedelta(seconds=5)
LINK_MAX = 2048


class NotAccepted(Exception):
    """The link opens nothing. ``reason``: forged, expired, foreign; used is told by whoever takes it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Whose links are accepted, for which site, by which public keys."""

    issuer: str
    audience: str
    keys: Mapping[str, Any]


@dataclass(frozen=True)
class Handed:
    """A link that is right; ``mark`` has to be taken once before it opens anything."""

    named: str
    mark: str


def configured(environ: Mapping[str, str] = os.environ) -> Exchange | None:
    """Return the exchange of ``CLOSEOUT_HANDOVER_KEYS`` (a file with a JWK set), ``_ISSUER`` and ``_AUDIENCE``.

    None without keys. Raises: ValueError, OSError for a file that cannot be used.
    """
    file = environ.get("CLOSEOUT_HANDOVER_KEYS", "")
    if not file:
        return None
    issuer = environ.get("CLOSEOUT_HANDOVER_ISSUER", "")
    audience = environ.get("CLOSEOUT_HANDOVER_AUDIENCE", "")
    if not issuer or not audience:
        raise ValueError(
            "CLOSEOUT_HANDOVER_KEYS needs CLOSEOUT_HANDOVER_ISSUER and CLOSEOUT_HANDOVER_AUDIENCE"
        )
    keys = json.loads(Path(file).read_text(encoding="utf-8"))
    if any("d" in key or key.get("kty") == "oct" for key in keys["keys"]):
        raise ValueError("CLOSEOUT_HANDOVER_KEYS holds secret keys; give the public ones only")
    return Exchange(issuer=issuer, audience=audience, keys=keys)


def read(link: str, exchange: Exchange, *, now: datetime) -> Handed:
    """Return what ``link`` says. ``now``: aware UTC, the real time. Raises: NotAccepted."""
    if len(link) > LINK_MAX:
        raise NotAccepted("forged")
    try:
        keys = KeySet.import_key_set({"keys": list(exchange.keys["keys"])})
        found = jwt.decode(link, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, KeyError, TypeError) as wrong:
        raise NotAccepted("forged") from wrong
    claims = found.claims
    if found.header.get("typ") != TYPE or not _complete(claims):
        raise NotAccepted("forged")
    if claims["iss"] != exchange.issuer or claims["aud"] != exchange.audience:
        raise NotAccepted("foreign")
    at, skew = now.timestamp(), SKEW.total_seconds()
    if claims["exp"] - claims["iat"] > LONGEST.total_seconds() or claims["iat"] > at + skew:
        raise NotAccepted("forged")
    if at >= claims["exp"]:
        raise NotAccepted("expired")
    return Handed(claims["sub"], claims["jti"])


def _complete(claims: Mapping[str, Any]) -> bool:
    words = all(isinstance(claims.get(name), str) and claims[name] for name in ("iss", "aud", "sub", "jti"))
    times = all(isinstance(claims.get(name), int) and claims[name] is not True for name in ("iat", "exp"))
    return words and times and 16 <= len(claims["jti"]) <= 128 and len(claims["sub"]) <= 64
