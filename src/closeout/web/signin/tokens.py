"""ID tokens: every claim that OpenID Connect Core 3.1.3.7 demands, and nothing taken on trust."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = (
    "RS256",
    "PS256",
    "ES256",
    "EdDSA",
    "Ed25519",
)  # asymmetric only: the client secret signs nothing
SKEW = timedelta(seconds=60)
OLDEST = timedelta(minutes=10)
SUBJECT_MAX = 255  # OpenID Connect Core, section 2


class Forged(Exception):
    """The token is not what the provider issued for this very sign-in. ``reason`` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKey(Forged):
    """No key of the set fits: the provider may have rolled its keys over since they were fetched."""


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What a token has to say. ``max_age``: the longest since the person typed a password or held a key."""

    issuer: str
    client_id: str
    nonce: str
    max_age: timedelta | None = None
    acr: Sequence[str] = ()  # one of these, if any is named
    amr: Sequence[str] = ()  # all of these


def claims_of(token: str, jwks: Mapping[str, Any], demands: Demands, *, now: datetime) -> Mapping[str, Any]:
    """Return the claims of ``token`` if it fulfils every demand. ``now``: aware UTC. Raises: Forged."""
    try:
        keys = KeySet.import_key_set({"keys": list(jwks.get("keys", ()))})
        found = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
    except (JoseError, ValueError, KeyError, TypeError) as wrong:
        raise UnknownKey("signature") from wrong
    claims: Mapping[str, Any] = found.claims
    for reason, right in (
        ("issuer", claims.get("iss") == demands.issuer),
        ("audience", _audience(claims, demands.client_id)),
        ("times", _times(claims, now=now)),
        ("nonce", hmac.compare_digest(str(claims.get("nonce", "")).encode(), demands.nonce.encode())),
        ("subject", _subject(claims)),
        ("strength", _strength(claims, demands, now=now)),
    ):
        if not right:
            raise Forged(reason)
    return claims


def _audience(claims: Mapping[str, Any], client_id: str) -> bool:
    named = claims.get("aud")
    audience = named if isinstance(named, list) else [named]
    if client_id not in audience:
        return False
    if len(audience) > 1 or "azp" in claims:
        return claims.get("azp") == client_id
    return True


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _times(claims: Mapping[str, Any], *, now: datetime) -> bool:
    until, since = _number(claims.get("exp")), _number(claims.get("iat"))
    if until is None or since is None:
        return False
    at, skew = now.timestamp(), SKEW.total_seconds()
    begins = _number(claims.get("nbf", since))
    if begins is None:
        return False
    fresh = at - OLDEST.total_seconds() <= since <= at + skew
    return fresh and at < until + skew and begins <= at + skew


def _subject(claims: Mapping[str, Any]) -> bool:
    subject = claims.get("sub")
    return isinstance(subject, str) and 0 < len(subject) <= SUBJECT_MAX


def _strength(claims: Mapping[str, Any], demands: Demands, *, now: datetime) -> bool:
    if demands.max_age is not None:
        typed_at = _number(claims.get("auth_time"))
        if typed_at is None or now.timestamp() - typed_at > (demands.max_age + SKEW).total_seconds():
            return False
    if demands.acr and claims.get("acr") not in demands.acr:
        return False
    methods = claims.get("amr")
    return not demands.amr or (isinstance(methods, list) and set(demands.amr) <= set(map(str, methods)))
