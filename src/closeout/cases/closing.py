"""Closing: the archive is sealed, the venue closes, the certificate is issued; later everything is erased.

Every function here is a handler of effects: called by the worker outside any transaction, with the effect's
own key, as often as it takes. What it found is written by the transaction that completes the effect.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime

from closeout.cases import documents, journal, queries, vaults, venues
from closeout.cases.effects import Claimed, Handler, Outcome
from closeout.cases.models import Case, Message
from closeout.cases.operations import SYSTEM, advance
from closeout.lifecycle import Effect, Event
from closeout.venues.base import Act, Command, Receipt, ReceiptState

AFTER: dict[Act, Event] = {Act.CLOSE: Event.CONFIRM_CLOSED}
REFUSED: dict[Act, Event] = {Act.CLOSE: Event.REOPEN}


def _act(kind: Act, batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Ask each venue to do ``kind`` for the accounts of ``batch``, all of one venue in one call."""
    cases = {case.pk: case for case in queries.cases([effect.case_id for effect in batch])}
    by_venue: dict[str, list[Claimed]] = {}
    for effect in batch:
        by_venue.setdefault(cases[effect.case_id].venue, []).append(effect)
    outcomes = []
    for name, effects in by_venue.items():
        commands = [
            (effect.key, Command(kind=kind, account_id=cases[effect.case_id].account_id))
            for effect in effects
        ]  # fmt: skip
        receipts = venues.venue(name).submit(commands)
        for effect, receipt in zip(effects, receipts, strict=True):
            outcomes.append(_answered(kind, effect, cases[effect.case_id], receipt, now=now))
    return outcomes


def _answered(kind: Act, effect: Claimed, case: Case, receipt: Receipt, *, now: datetime) -> Outcome:
    said = {"state": receipt.state.value, "reason": receipt.reason, "at": receipt.at.isoformat()}
    if receipt.state is ReceiptState.PENDING:
        return Outcome(effect, fault="pending", receipt=said)
    done = receipt.state is ReceiptState.DONE
    event = (AFTER if done else REFUSED).get(kind)
    if event is None:
        return Outcome(effect, fault="" if done else str(receipt.reason), final=not done, receipt=said)
    detail = {} if done else {"reason": receipt.reason}
    follow = functools.partial(advance, [case.pk], event, actor=SYSTEM, now=now, detail=detail)
    return Outcome(effect, receipt=said, then=follow)


def _archive(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Seal the last archive of records, then tell the venue to close. Handler of ``archive.build``."""
    outcomes = []
    for effect, case in _with_cases(batch):
        document = documents.build_archive(case, now=now)
        follow = functools.partial(journal.enqueue, [(case.pk, Effect.CLOSE, {}, now)])
        outcomes.append(Outcome(effect, receipt={"sha256": document.sha256}, then=follow))
    return outcomes


def _certify(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Issue the certificates of closure. Handler of ``certificate.issue``."""
    return [
        Outcome(effect, receipt={"sha256": documents.issue_certificate(case, now=now)})
        for effect, case in _with_cases(batch)
    ]


def _erase_keys(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Destroy the operational keys: nothing that was sealed with them can be read again (R-REC-3)."""
    outcomes = []
    for effect, case in _with_cases(batch):
        subject = vaults.subject_of(case.venue, case.account_id)
        destroyed = vaults.vault().destroy(subject, "operational", now.replace(tzinfo=None))
        Message.objects.filter(case=case).update(sealed=b"")
        follow = functools.partial(advance, [case.pk], Event.CONFIRM_ERASED, actor=SYSTEM, now=now)
        outcomes.append(
            Outcome(effect, receipt={"digest": destroyed.digest, "keys": destroyed.keys}, then=follow)
        )
    return outcomes


def _with_cases(batch: Sequence[Claimed]) -> list[tuple[Claimed, Case]]:
    cases = {case.pk: case for case in queries.cases([effect.case_id for effect in batch])}
    return [(effect, cases[effect.case_id]) for effect in batch]


HANDLERS: dict[str, Handler] = {
    Effect.FREEZE.value: functools.partial(_act, Act.FREEZE),
    Effect.UNFREEZE.value: functools.partial(_act, Act.UNFREEZE),
    Effect.CLOSE.value: functools.partial(_act, Act.CLOSE),
    Effect.ERASE_VENUE.value: functools.partial(_act, Act.ERASE),
    Effect.ARCHIVE.value: _archive,
    Effect.CERTIFY.value: _certify,
    Effect.ERASE_KEYS.value: _erase_keys,
}
