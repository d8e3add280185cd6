"""Questions to the venue in an investigation: what its own ledger says of one asset (R-SUP-3).

The facts say how much is held and which products explain it; the ledger says where the rest lies. The answer is kept
sealed with its digest, so that a finding rests on evidence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from closeout.cases import audit, journal, queries, staff, vaults, venues
from closeout.cases.effects import Claimed, Handler, Outcome
from closeout.cases.models import Case, StaffSession, VenueInquiry
from closeout.cases.permissions import Right
from closeout.lifecycle import Effect
from closeout.reasons import refuse
from closeout.records.vault import KeyDestroyed

CLASS, CONTEXT = "operational", "venueinquiry.sealed"


@dataclass(frozen=True)
class Place:
    """Where the venue's ledger holds some of the asset, and how much."""

    wallet: str
    bucket: str
    amount: Decimal


def ask(session: StaffSession, case: Case, asset: str, *, now: datetime) -> VenueInquiry:
    """Ask the venue about one asset of the account; a worker brings the answer.

    Raises: Refused (no_right, own_account, asset_missing, inquiry_open).
    """
    with transaction.atomic():
        (case,) = queries.lock([case.pk], wait=True)
        staff.demand(session.staff, Right.RECORD_FINDING, case)
        if not 1 <= len(asset.strip()) <= 32:
            raise refuse("asset_missing")
        try:
            with transaction.atomic():
                asked = VenueInquiry.objects.create(
                    case=case, asset=asset.strip(), asked_by=session.staff, asked_at=now
                )
        except IntegrityError as twice:
            raise refuse("inquiry_open") from twice
        journal.enqueue([(case.pk, Effect.INQUIRE, {"inquiry": asked.pk}, now)], lane=journal.AWAITED)
        line = audit.Line(case.number, "inquiry:ask", str(staff.actor(session.staff)), {"inquiry": asked.pk})
        audit.append([line], now=now)
    return asked


def of(case: Case) -> Sequence[VenueInquiry]:
    """Return what the venue was asked about ``case``, the newest first."""
    return list(VenueInquiry.objects.filter(case=case).select_related("case", "asked_by").order_by("-id"))


def answer_of(asked: VenueInquiry) -> Sequence[Place]:
    """Return where the venue's ledger holds the asset; empty before the answer and after erasure."""
    if not asked.sealed:
        return ()
    subject = vaults.subject_of(asked.case.venue, asked.case.account_id)
    said = json.loads(vaults.vault().open(subject, CLASS, bytes(asked.sealed), context=CONTEXT))
    return [Place(wallet, bucket, Decimal(amount)) for wallet, bucket, amount in said]


def _inquire(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Read the venue's ledger for each question and keep the answer. Handler of ``venue.inquire``."""
    outcomes = []
    for effect in batch:
        asked = VenueInquiry.objects.select_related("case").get(pk=effect.data["inquiry"])
        try:
            places = _ledger(
                venues.venue(asked.case.venue).records(asked.case.account_id, "ledger"), asked.asset
            )
            digest = _keep(asked, places, now=now)
        except KeyDestroyed:
            outcomes.append(Outcome(effect, fault="erased", final=True))
            continue
        outcomes.append(Outcome(effect, receipt={"sha256": digest}))
    return outcomes


def _ledger(lines: Any, asset: str) -> list[tuple[str, str, str]]:
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        if line["asset"] == asset:
            place = (str(line["wallet"]), str(line["bucket"]))
            sums[place] = sums.get(place, Decimal(0)) + Decimal(line["amount"])
    return [(wallet, bucket, str(amount)) for (wallet, bucket), amount in sorted(sums.items()) if amount]


def _keep(asked: VenueInquiry, places: Sequence[tuple[str, str, str]], *, now: datetime) -> str:
    text = json.dumps(places).encode()
    digest = hashlib.sha256(text).hexdigest()
    subject = vaults.subject_of(asked.case.venue, asked.case.account_id)
    sealed = vaults.vault().seal(subject, CLASS, text, context=CONTEXT)
    with transaction.atomic():
        fresh = VenueInquiry.objects.filter(pk=asked.pk, answered_at=None)
        if fresh.update(answered_at=now, sealed=sealed, sha256=digest):
            details = {"inquiry": asked.pk, "sha256": digest}
            audit.append([audit.Line(asked.case.number, "inquiry:answer", "venue", details)], now=now)
    return digest


HANDLERS: Mapping[str, Handler] = {Effect.INQUIRE.value: _inquire}
