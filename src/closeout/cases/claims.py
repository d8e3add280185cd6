"""After the end: value that arrived late, statements that are still owed, and who may have them (R-CLO-7, R-REC-2).

Two things together prove it: the certificate of closure, which only the former holder was given, and who they are. For
the second keyed hashes are kept, of name and address and of name and document; what the law keeps is not opened for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    if holder.document:
        marks.append(tombstones.Mark("document", tombstones.document(holder.name, holder.document), claims))
    subject = vaults.subject_of(case.venue, case.account_id)
    with transaction.atomic():
        tombstones.keep(_own(), vaults.vault(), subject, marks, closed_at=closed_at)


@dataclass(frozen=True)
class Told:
    """What somebody tells of themselves; the policy says which of address and document is needed."""

    name: str
    email: str = ""
    document: str = ""


def prove(paper: bytes, told: Told, *, now: datetime) -> Case:
    """Return the closed case that the certificate ``paper`` certifies, if what is told is its holder's.

    What was wrong is not told: not whether the certificate is ours, nor what does not fit. ``now``: aware UTC.
    Raises: Refused (claim_unproven, claim_waits).
    """
    said = certificate.verify(paper, vaults.signing(now=now).public())
    number = str((said.statement or {}).get("number", ""))
    return of_number(number if said.valid and said.form in {"pdf", "json"} else "", told, now=now)


def of_number(number: str, told: Told, *, now: datetime) -> Case:
    """Return the closed case of a certificate that was verified, as :func:`prove`; an empty number proves nothing.

    Raises: Refused (claim_unproven, claim_waits).
    """
    case = Case.objects.filter(number=number).first() if number else None
    if case is None:
        raise refuse("claim_unproven")
    wait = limits.wait_for(f"claim:{case.number}", count=TRIES, per=PER, now=now)
    if wait:
        raise refuse("claim_waits", minutes=1 + int(wait.total_seconds() // 60))
    proven = all(_fits(case, kind, told, now=now) for kind in policies.in_force().claim_proof)
    note(case, "claim:prove" if proven else "claim:refuse", {}, now=now)
    if not proven:
        raise refuse("claim_unproven")
    return case


def _fits(case: Case, proof: str, told: Told, *, now: datetime) -> bool:
    kind, value = (
        ("document", tombstones.document(told.name, told.document))
        if proof == "document"
        else ("claimant", tombstones.claimant(told.name, told.email))
    )
    subject = vaults.subject_of(case.venue, case.account_id)
    return tombstones.is_claimant(
        _own(), vaults.vault(), subject, kind=kind, value=value, now=now.replace(tzinfo=None)
    )


def note(case: Case, event: str, details: Mapping[str, object], *, now: datetime) -> None:
    """Write what a claimant did into the audit log."""
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
        note(case, "claim:pay", {"paid": said[:200]}, now=now)
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
