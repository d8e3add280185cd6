"""Signals to relying parties: an account was closed, erased, or its identifier belongs to somebody else (R-CLO-7).

Each is a Security Event Token (RFC 8417) with an event of the OpenID RISC profile, signed with the key that signs
certificates and pushed to the party (RFC 8935). The outbox repeats it with the same ``jti`` until the party accepts;
one that does not answer delays neither the case nor the others.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django.db import connection, transaction

from closeout.cases import audit, egress, journal, parties, queries, vaults
from closeout.cases.effects import Claimed, Handler, Outcome
from closeout.cases.models import Case, EffectRow, RecycledIdentifier
from closeout.lifecycle import Effect
from closeout.reasons import refuse
from closeout.records import jws, retention, tombstones
from closeout.records.statement import canonical
from closeout.records.vault import KeyDestroyed

log = logging.getLogger(__name__)

TYPE = "secevent+jwt"
EVENT = "https://schemas.openid.net/secevent/risc/event-type/"
FORMATS = {"email": ("email", "email"), "phone": ("phone_number", "phone_number")}  # RFC 9493
CONTEXT = "recycledidentifier.sealed"
KINDS = tuple(FORMATS)


def send(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Push what ``batch`` asks for. Handler of ``signal.send``; who did not answer is asked once in a batch."""
    cases = {case.pk: case for case in queries.cases([effect.case_id for effect in batch])}
    silent: set[str] = set()
    return [_sent(effect, cases[effect.case_id], silent, now=now) for effect in batch]


def _sent(effect: Claimed, case: Case, silent: set[str], *, now: datetime) -> Outcome:
    party = parties.named(str(effect.data["party"]))
    if party is None:
        return Outcome(effect, fault="no_party", final=True)
    if party.name in silent:
        return Outcome(effect, fault="silent")
    try:
        token = _token(effect, case, party, now=now)
    except (KeyDestroyed, LookupError):
        return Outcome(effect, fault="erased", final=True)
    headers = {"Content-Type": f"application/{TYPE}", "Accept": "application/json"}
    if party.token:
        headers["Authorization"] = f"Bearer {party.token}"
    try:
        answer = egress.post(
            party.endpoint, token.encode(), headers, allowed={party.host}, tls=party.tls()
        )  # fmt: skip
    except OSError as why:
        log.warning("the relying party %s does not answer: %s", party.name, type(why).__name__)
        silent.add(party.name)
        return Outcome(effect, fault="silent")
    return _answered(effect, answer, token, now=now)


def _answered(effect: Claimed, answer: egress.Answer, token: str, *, now: datetime) -> Outcome:
    """Take the answer as RFC 8935 section 2 means it: 202 is accepted, 400 is refused for good, others are retried."""
    said = {
        "status": answer.status,
        "jti": _jti(effect),
        "sha256": hashlib.sha256(token.encode()).hexdigest(),
        "at": now.isoformat(),
    }
    if answer.status in (200, 202):
        return Outcome(effect, receipt=said)
    if answer.status == 400:
        return Outcome(effect, fault=f"refused_{_code(answer.body)}"[:64], final=True, receipt=said)
    return Outcome(effect, fault=f"status_{answer.status}", receipt=said)


def _code(body: bytes) -> str:
    """Return the code of an error as the party spelled it, as far as it is one."""
    try:
        code = str(json.loads(body)["err"])
    except (ValueError, KeyError, TypeError):
        return "unsaid"
    return code if code.isascii() and code.replace("_", "").isalnum() else "unsaid"


def _jti(effect: Claimed) -> str:
    """Return the token's identity: the same at every attempt, known without any record of it."""
    return hashlib.sha256(canonical(["closeout.signal", effect.key])).hexdigest()[:32]


def _token(effect: Claimed, case: Case, party: parties.Party, *, now: datetime) -> str:
    """Return the signed token in compact form. Raises: KeyDestroyed, LookupError (the identifier is gone)."""
    happened = int(datetime.fromisoformat(str(effect.data["at"])).timestamp())
    said = {
        "iss": party.issuer,
        "aud": party.audience,
        "iat": happened,
        "toe": happened,
        "jti": _jti(effect),
        "txn": case.number,
        "sub_id": _subject(effect, case, party),
        "events": {EVENT + str(effect.data["signal"]): {}},
    }
    kid, key = vaults.signing(now=now).jws_key()
    return jws.compact(canonical(said), kid, key, typ=TYPE)


def _subject(effect: Claimed, case: Case, party: parties.Party) -> Mapping[str, str]:
    if effect.data["signal"] != parties.RECYCLED:
        return {"format": "iss_sub", "iss": party.issuer, "sub": str(case.account_id)}
    row = RecycledIdentifier.objects.get(pk=int(effect.data["row"]))
    if not row.sealed:
        raise LookupError("every party was told; the identifier is kept no longer")
    value = vaults.vault().open(_key(case), retention.CLASS, bytes(row.sealed), context=CONTEXT).decode()
    form, name = FORMATS[row.kind]
    return {"format": form, name: value}


def _key(case: Case) -> str:
    return retention.key_of(vaults.subject_of(case.venue, case.account_id), "identity")


def recycle(kind: str, value: str, *, now: datetime) -> int:
    """Tell every party that an identifier of closed accounts is now somebody else's; return of how many accounts.

    Called when a new person registers with it. The identifier is kept, sealed, only until everybody is told; told
    twice is told once. ``now``: aware UTC. Raises: Refused (identifier_kind).
    """
    if kind not in KINDS:
        raise refuse("identifier_kind")
    connection.ensure_connection()
    own = cast(Any, connection.connection)
    subjects = tombstones.subjects(own, vaults.vault(), kind, value, now=now.replace(tzinfo=None))
    return sum(_recycled(case, kind, value, now=now) for case in queries.closed_of(subjects))


def _recycled(case: Case, kind: str, value: str, *, now: datetime) -> bool:
    spelled = "+" + tombstones.normal(kind, value) if kind == "phone" else tombstones.normal(kind, value)
    sealed = vaults.vault().seal(_key(case), retention.CLASS, spelled.encode(), context=CONTEXT)
    with transaction.atomic():
        row, made = RecycledIdentifier.objects.get_or_create(
            case=case, kind=kind, defaults={"sealed": sealed, "noted_at": now}
        )
        if made:
            known = parties.parties()
            journal.enqueue(parties.asked(case.pk, parties.RECYCLED, now=now, known=known, row=row.pk))
            details = {"kind": kind, "parties": len(known)}
            audit.append([audit.Line(case.number, "identifier:recycle", "system", details)], now=now)
    return made


def forget() -> int:
    """Empty the recycled identifiers that every party was told of, or will never be; return how many."""
    waiting = EffectRow.objects.filter(kind=Effect.SIGNAL.value, state__in=("ready", "running"))
    rows = {int(row) for row in waiting.values_list("data__row", flat=True) if row is not None}
    return RecycledIdentifier.objects.exclude(sealed=b"").exclude(pk__in=rows).update(sealed=b"")


HANDLERS: dict[str, Handler] = {Effect.SIGNAL.value: send}
