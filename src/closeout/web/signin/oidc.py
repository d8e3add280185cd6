"""Sign-in by OpenID Connect: authorization code with PKCE, state and nonce. Holders and staff use the same."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from closeout.web.signin import wire
from closeout.web.signin.tokens import Demands, Forged, UnknownKey, claims_of
from closeout.web.signin.wire import Unreachable

__all__ = ["Forged", "Identity", "Provider", "Unreachable", "begin", "configured", "finish"]

LIFE = timedelta(minutes=10)  # of a sign-in that was begun
OPEN_MAX = 5  # sign-ins of one browser at the same time, tabs
KEPT = timedelta(hours=1)  # what the provider says of itself
ROLLED = timedelta(seconds=30)  # its keys are not asked for again sooner than this


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One identity provider as the operator configured it.

    ``claim`` names the claim that holds the account of a holder, or the number of an agent; ``sub`` by default.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    claim: str = "sub"
    scope: str = "openid"
    max_age: timedelta | None = None
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """Who signed in: issuer and subject together name a person; ``named`` is the configured claim."""

    issuer: str
    subject: str
    named: str
    there: str  # the address of ours that was asked for before signing in
    claims: Mapping[str, Any] = field(repr=False)


def configured(prefix: str, environ: Mapping[str, str] = os.environ) -> Provider | None:
    """Return the provider of the variables ``<prefix>_ISSUER``, ``_CLIENT_ID``, …, or None without an issuer.

    Raises: ValueError for an address that is not safe or a missing client id.
    """
    issuer = environ.get(f"{prefix}_ISSUER", "").strip()
    if not issuer:
        return None
    wire.demand_safe(issuer)
    client_id = environ.get(f"{prefix}_CLIENT_ID", "")
    if not client_id:
        raise ValueError(f"{prefix}_ISSUER is set, but {prefix}_CLIENT_ID is not")
    minutes = environ.get(f"{prefix}_MAX_AGE_MINUTES", "")
    file = environ.get(f"{prefix}_CLIENT_SECRET_FILE", "")
    secret = (
        Path(file).read_text(encoding="utf-8").strip() if file else environ.get(f"{prefix}_CLIENT_SECRET", "")
    )
    return Provider(
        issuer=issuer,
        client_id=client_id,
        client_secret=secret,
        claim=environ.get(f"{prefix}_CLAIM", "sub"),
        scope=environ.get(f"{prefix}_SCOPE", "openid"),
        max_age=timedelta(minutes=int(minutes)) if minutes else None,
        acr=tuple(environ.get(f"{prefix}_ACR", "").split()),
        amr=tuple(environ.get(f"{prefix}_AMR", "").split()),
    )


@dataclass
class _Known:
    about: Mapping[str, Any]
    jwks: Mapping[str, Any]
    at: datetime


_known: dict[str, _Known] = {}
_guard = threading.Lock()


def _about(provider: Provider, *, now: datetime, keys_older: timedelta = KEPT) -> _Known:
    """Return what the provider says of itself and its keys, fetched at most once per ``keys_older``."""
    with _guard:
        known = _known.get(provider.issuer)
    if known is not None and timedelta(0) <= now - known.at < keys_older:
        return known
    about = wire.get(provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if about.get("issuer") != provider.issuer:
        raise Unreachable("it is another issuer than the configured one")
    try:
        jwks = wire.get(str(about["jwks_uri"]))
        for name in ("authorization_endpoint", "token_endpoint"):
            wire.demand_safe(str(about[name]))
    except (KeyError, ValueError) as wrong:
        raise Unreachable("its description is not complete") from wrong
    known = _Known(about, jwks, now)
    with _guard:
        _known[provider.issuer] = known
    return known


def begin(
    session: MutableMapping[str, Any], provider: Provider, *, redirect_uri: str, there: str, now: datetime
) -> str:
    """Return the address at the provider to go to; what has to come back is kept in ``session``.

    ``now``: aware UTC, the real time. Raises: Unreachable.
    """
    about = _about(provider, now=now).about
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    begun = dict(list(_begun(session, now=now).items())[-(OPEN_MAX - 1) :])
    begun[state] = {"nonce": nonce, "verifier": verifier, "there": there, "at": now.isoformat(),
                    "issuer": provider.issuer}  # fmt: skip
    session["signin"] = begun
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": provider.scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    if provider.max_age is not None:
        asked["max_age"] = str(int(provider.max_age.total_seconds()))
    if provider.acr:
        asked["acr_values"] = " ".join(provider.acr)
    endpoint = str(about["authorization_endpoint"])
    return endpoint + ("&" if "?" in endpoint else "?") + urlencode(asked)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of ``verifier``. Source: RFC 7636, section 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _begun(session: MutableMapping[str, Any], *, now: datetime) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = session.get("signin") or {}
    return {state: kept for state, kept in found.items() if now - datetime.fromisoformat(kept["at"]) < LIFE}


def finish(
    session: MutableMapping[str, Any],
    provider: Provider,
    answer: Mapping[str, str],
    *,
    redirect_uri: str,
    now: datetime,
) -> Identity:
    """Return who signed in. ``answer``: what the browser brought back; its state is good for one time.

    Raises: Forged (state, denied, issuer, token and everything of :mod:`tokens`), Unreachable.
    """
    begun = _begun(session, now=now)
    kept = begun.pop(answer.get("state", ""), None)
    session["signin"] = begun
    if kept is None or kept["issuer"] != provider.issuer:
        raise Forged("state")
    if "iss" in answer and answer["iss"] != provider.issuer:  # RFC 9207: the answer of another provider
        raise Forged("issuer")
    if "error" in answer or "code" not in answer:
        raise Forged("denied")
    token = _redeem(provider, answer["code"], kept["verifier"], redirect_uri=redirect_uri, now=now)
    demands = Demands(
        issuer=provider.issuer, client_id=provider.client_id, nonce=kept["nonce"], max_age=provider.max_age,
        acr=provider.acr, amr=provider.amr,
    )  # fmt: skip
    try:
        claims = claims_of(token, _about(provider, now=now).jwks, demands, now=now)
    except UnknownKey:
        claims = claims_of(token, _about(provider, now=now, keys_older=ROLLED).jwks, demands, now=now)
    named = claims.get(provider.claim)
    if isinstance(named, bool) or not isinstance(named, str | int) or named == "":
        raise Forged("account")
    return Identity(provider.issuer, str(claims["sub"]), str(named), kept["there"], claims)


def _redeem(provider: Provider, code: str, verifier: str, *, redirect_uri: str, now: datetime) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": code[:2048],
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    client = (provider.client_id, provider.client_secret) if provider.client_secret else None
    if client is None:
        form["client_id"] = provider.client_id
    endpoint = str(_about(provider, now=now).about["token_endpoint"])
    token = wire.post(endpoint, form, client=client).get("id_token")
    if not isinstance(token, str):
        raise Forged("token")
    return token


def forget() -> None:
    """Forget what providers said of themselves."""
    with _guard:
        _known.clear()
