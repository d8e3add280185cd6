"""What an investigation of hidden assets or unfinished business found (R-SUP-3). It blocks until it is resolved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.db import transaction

from closeout.cases import audit, policies, queries, staff, vaults
from closeout.cases.models import Case, Finding, StaffSession, VenueInquiry
from closeout.cases.permissions import Right
from closeout.reasons import refuse

KINDS = ("hidden_asset", "open_business", "nothing")
CLASS, CONTEXT = "operational", "finding.sealed"
TEXT_MAX = 2000
LEDGER = """
select b.account_id, b.asset, sum(b.available) as available, sum(b.locked) as locked
from balance as b
cross join policy as p
group by b.account_id, b.asset
"""
EXPLAINED = {
    "orders": "select o.account_id, o.asset, o.locked from open_order as o cross join policy as p",
    "earn": "select e.account_id, e.asset, e.amount from earn as e cross join policy as p",
    "collateral": "select l.account_id, l.collateral_asset, l.collateral from loan as l cross join policy as p"
    " where l.collateral_asset is not null",
    "p2p": "select o.account_id, o.asset, o.amount from p2p_order as o cross join policy as p"
    " where o.state in ('open', 'paid')",
}
MOVING = "select t.account_id, t.asset, t.amount from transfer as t cross join policy as p where not t.final"


POSITIONS = "select q.account_id, q.asset, q.position_id from position as q cross join policy as p"


@dataclass(frozen=True)
class Line:
    """One asset: what the ledger says, what each product explains of what is locked, and what nothing explains."""

    asset: str
    available: Decimal
    locked: Decimal
    parts: tuple[tuple[str, Decimal], ...]
    moving: Decimal
    residual: Decimal
    positions: int  # open ones in this asset: their margin is locked too, and facts do not itemise it


def reconciliation(case: Case, *, now: datetime) -> Sequence[Line]:
    """Return, asset by asset, what explains the ledger of the account, and the rest."""
    engine, row = queries.engine(), policies.in_force().row(now.replace(tzinfo=None))

    def read(sql: str) -> Sequence[Sequence[object]]:
        return engine.rows(sql, policy=row, accounts=[case.account_id])

    ledger = {str(asset): (Decimal(str(free)), Decimal(str(held))) for _, asset, free, held in read(LEDGER)}
    parts: dict[str, dict[str, Decimal]] = {}
    for name, sql in EXPLAINED.items():
        for _, asset, amount in read(sql):
            known = parts.setdefault(str(asset), {})
            known[name] = known.get(name, Decimal(0)) + Decimal(str(amount))
    moving: dict[str, Decimal] = {}
    for _, asset, amount in read(MOVING):
        moving[str(asset)] = moving.get(str(asset), Decimal(0)) + Decimal(str(amount))
    margins = [str(asset) for _, asset, _ in read(POSITIONS)]
    nothing = (Decimal(0), Decimal(0))
    return [
        _line(
            asset,
            ledger.get(asset, nothing),
            parts.get(asset, {}),
            moving.get(asset, Decimal(0)),
            margins.count(asset),
        )
        for asset in sorted(ledger.keys() | parts.keys() | moving.keys())
    ]


def _line(
    asset: str, held: tuple[Decimal, Decimal], parts: dict[str, Decimal], moving: Decimal, positions: int
) -> Line:
    available, locked = held
    explained = sum(parts.values(), Decimal(0))
    named = tuple(sorted(parts.items()))
    return Line(asset, available, locked, named, moving, locked - explained, positions)


def record(
    session: StaffSession,
    case: Case,
    *,
    kind: str,
    text: str,
    asset: str = "",
    amount: str = "",
    inquiry: int = 0,
    now: datetime,
) -> Finding:
    """Record what was found; unless it is nothing, the case waits as in any manual review until it is resolved.

    ``inquiry``: the answer of the venue that it rests on. Raises: Refused (no_right, own_account, finding_kind,
    message_empty, message_too_long, inquiry_unanswered).
    """
    if kind not in KINDS:
        raise refuse("finding_kind")
    if not text.strip():
        raise refuse("message_empty")
    if len(text) > TEXT_MAX:
        raise refuse("message_too_long", most=TEXT_MAX)
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.RECORD_FINDING, case)
        subject = vaults.subject_of(case.venue, case.account_id)
        words = json.dumps({"text": text.strip()}, ensure_ascii=False).encode()
        found = Finding.objects.create(
            case=case, kind=kind, asset=asset.strip()[:32], amount=_amount(amount), recorded_by=session.staff,
            recorded_at=now, sealed=vaults.vault().seal(subject, CLASS, words, context=CONTEXT),
            resolved_at=now if kind == "nothing" else None, inquiry=_answered(case, inquiry) if inquiry else None,
        )  # fmt: skip
        details = {
            "finding": found.pk,
            "kind": kind,
            "evidence": found.inquiry.sha256 if found.inquiry else "",
        }
        audit.append(
            [audit.Line(case.number, "finding:record", str(staff.actor(session.staff)), details)], now=now
        )
    return found


def _amount(said: str) -> Decimal | None:
    try:
        value = Decimal(said.replace(",", "")) if said.strip() else None
    except InvalidOperation as wrong:
        raise refuse("finding_kind") from wrong
    return value if value is None or value.is_finite() else None


def _answered(case: Case, ident: int) -> VenueInquiry:
    found = VenueInquiry.objects.filter(pk=ident, case=case, answered_at__isnull=False).first()
    if found is None:
        raise refuse("inquiry_unanswered")
    return found


def resolve(session: StaffSession, case: Case, ident: int, *, now: datetime) -> None:
    """Note that what was found is settled; the case goes on by itself.

    A hidden asset is settled when its ledger explains everything again, or by an answer of the venue that came after
    the finding. Raises: Refused (no_right, own_account, nothing_to_decide, finding_unproven).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.RECORD_FINDING, case)
        found = Finding.objects.filter(pk=ident, case=case, resolved_at=None).first()
        if found is None:
            raise refuse("nothing_to_decide")
        answers = VenueInquiry.objects.filter(case=case, asset=found.asset, answered_at__gt=found.recorded_at)
        proof = answers.order_by("-id").first() if found.asset else None
        if found.kind == "hidden_asset" and proof is None and _unexplained(case, found.asset, now=now):
            raise refuse("finding_unproven")
        found.resolved_at, found.resolved_by, found.cleared_by = now, session.staff, proof
        found.save(update_fields=["resolved_at", "resolved_by", "cleared_by"])
        details = {"finding": ident, "evidence": proof.sha256 if proof else ""}
        audit.append(
            [audit.Line(case.number, "finding:resolve", str(staff.actor(session.staff)), details)], now=now
        )


def _unexplained(case: Case, asset: str, *, now: datetime) -> bool:
    return any(line.residual and line.asset == asset for line in reconciliation(case, now=now))


def text_of(found: Finding) -> str:
    """Return what was found, in words; empty after erasure."""
    if not found.sealed:
        return ""
    subject = vaults.subject_of(found.case.venue, found.case.account_id)
    words = json.loads(vaults.vault().open(subject, CLASS, bytes(found.sealed), context=CONTEXT))
    return str(words["text"])
