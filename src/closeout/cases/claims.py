"""After the end: value that arrived late, statements that are still owed, and who may have them (R-CLO-7, R-REC-2).

Two things together prove it: the certificate of closure, which only the former holder was given, and who they are. For
the second a keyed hash of name and address is kept, and nothing else; what the law keeps is not opened for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from django.db import connection, transaction

from closeout.cases import audit, limits, policies, retained, vaults, venues
from closeout.cases.models import Case
from closeout.reasons import refuse
from closeout.records import certificate, tombstones

TRIES, PER = 5, timedelta(hours=1)  # of proving one certificate


def _own() -> Any:
    connection.ensure_connection()
    return cast(Any, connection.connection)


def remember(case: Case, *, now: datetime) -> None:
    """Keep keyed hashes of what identifies the holder of ``case``. Idempotent.

    Contacts until the end of the observation; name and address together while late value can be claimed.
    """
    holder = venues.venue(case.venue).holder(case.account_id)
    if holder is None:
        return
    policy = policies.of_version(case.policy_id)
    closed_at = (case.closed_at or now).replace(tzinfo=None)
    contacts = closed_at + timedelta(days=policy.observation_days)
    claims = retained.years_later(closed_at, policy.retention_years)
    marks = [
        tombstones.Mark("email", holder.email or "", contacts),
        tombstones.Mark("phone", holder.phone or "", contacts),
        tombstones.Mark("claimant", tombstones.claimant(holder.name, holder.email or ""), claims),
    ]
    subject = vaults.subject_of(case.venue, case.account_id)
    with transaction.atomic():
        tombstones.keep(_own(), vaults.vault(), subject, marks, closed_at=closed_at)


def prove(document: bytes, *, name: str, email: str, now: datetime) -> Case:
    """Return the closed case that ``document`` certifies, if name and address are its holder's. ``now``: aware UTC.

    What was wrong is not told: not whether the certificate is ours, nor which of the two does not fit. Raises: Refused
    (claim_unproven, claim_waits).
    """
    said = certificate.verify(document, vaults.signing(now=now).public())
    number = str((said.statement or {}).get("number", ""))
    case = Case.objects.filter(number=number).first() if said.valid and said.form in {"pdf", "json"} else None
    if case is None:
        raise refuse("claim_unproven")
    wait = limits.wait_for(f"claim:{case.number}", count=TRIES, per=PER, now=now)
    if wait:
        raise refuse("claim_waits", minutes=1 + int(wait.total_seconds() // 60))
    subject = vaults.subject_of(case.venue, case.account_id)
    naive = now.replace(tzinfo=None)
    proven = tombstones.is_claimant(_own(), vaults.vault(), subject, name=name, email=email, now=naive)
    _note(case, "claim:prove" if proven else "claim:refuse", {}, now=now)
    if not proven:
        raise refuse("claim_unproven")
    return case


def _note(case: Case, event: str, details: Mapping[str, object], *, now: datetime) -> None:
    with transaction.atomic():
        audit.append([audit.Line(case.number, event, "holder", details)], now=now)


def waiting(case: Case) -> Mapping[str, Decimal]:
    """Return what arrived for the account after it was closed and was not claimed, by asset."""
    return venues.sandbox().suspense(case.account_id)


def pay(case: Case, *, now: datetime) -> Mapping[str, Decimal]:
    """Pay out what waits for a proven claimant; return it. Twice pays once."""
    paid = venues.sandbox().pay_suspense(case.account_id)
    if paid:
        said = "|".join(f"{asset}={amount:f}" for asset, amount in sorted(paid.items()))
        _note(case, "claim:pay", {"paid": said[:200]}, now=now)
    return paid


def usable_from(kind: str, value: str, *, same_person: bool, now: datetime) -> datetime | None:
    """Return when an e-mail address or a phone number may be used for a new account; none for now (R-CLO-7)."""
    wait = timedelta(days=policies.in_force().identifier_reuse_days)
    return tombstones.usable_from(
        _own(), vaults.vault(), kind, value, wait=wait, same_person=same_person, now=now.replace(tzinfo=None)
    )


def purge(*, now: datetime) -> int:
    """Delete tombstones whose date has come; return how many."""
    return tombstones.purge(_own(), now.replace(tzinfo=None))
