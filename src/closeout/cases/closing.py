"""Closing: the archive is sealed, the venue closes, the certificate is issued; later everything is erased.

Every function here is a handler of effects: called by the worker with the effect's own
key, as often as it takes. What it found is written by the transaction that completes the effect; for what cannot be
undone that is the transaction in which it is done.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from closeout.cases import brakes, claims, documents, erasures, queries, retained, vaults, venues
from closeout.cases.effects import Claimed, Handler, Outcome
from closeout.cases.models import Case, Document
from closeout.failpoints import failpoint
from closeout.lifecycle import Effect, Event, State
from closeout.venues.base import Act, Command, Receipt, ReceiptState

log = logging.getLogger(__name__)

AFTER: dict[Act, Event] = {Act.CLOSE: Event.CONFIRM_CLOSED}
REFUSED: dict[Act, Event] = {Act.CLOSE: Event.REOPEN}
IRREVERSIBLE = frozenset({Effect.CLOSE.value, Effect.ERASE_VENUE.value, Effect.ERASE_KEYS.value})
AGAIN = timedelta(
    days=1
)  # until the venue is asked anew whether it may erase; an old key keeps its old answer


def _act(kind: Act, batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Ask each venue to do ``kind`` for the accounts of ``batch``, all of one venue in one call."""
    return _submitted(kind, _with_cases(batch), now=now)


def _act_for_good(kind: Act, batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Ask for what cannot be undone, unless something stops it."""
    with _free(batch) as (able, stopped):
        return [*stopped, *_submitted(kind, able, now=now)]


@contextmanager
def _free(batch: Sequence[Claimed]) -> Iterator[tuple[list[tuple[Claimed, Case]], list[Outcome]]]:
    """Give those of ``batch`` that may be done now although it cannot be undone, and what stopped the others.

    A hold on the case, the kill switch and the pause of a campaign stop it (R-SUP-8, R-OPS-3). Until it is done all of
    them are kept as they are: whoever stops it waits for what is under way, and nothing happens behind a hold.
    """
    campaigns = {case.campaign_id for _, case in _with_cases(batch)}
    with brakes.permission(campaigns) as allowed:
        cases = {case.pk: case for case in queries.lock([effect.case_id for effect in batch], wait=True)}
        able, stopped = [], []
        for effect in batch:
            case = cases[effect.case_id]
            if case.held:
                stopped.append(Outcome(effect, fault="held"))
            elif case.campaign_id not in allowed:
                stopped.append(Outcome(effect, fault="braked"))
            else:
                able.append((effect, case))
        yield able, stopped


def _submitted(kind: Act, able: Sequence[tuple[Claimed, Case]], *, now: datetime) -> list[Outcome]:
    outcomes: list[Outcome] = []
    by_venue: dict[str, list[tuple[Claimed, Case]]] = {}
    for effect, case in able:
        by_venue.setdefault(case.venue, []).append((effect, case))
    for name, asked in by_venue.items():
        commands = [
            (effect.key, Command(kind=kind, account_id=case.account_id)) for effect, case in asked
        ]  # fmt: skip
        receipts = venues.venue(name).submit(commands)
        outcomes += [
            _answered(kind, effect, receipt, now=now)
            for (effect, _), receipt in zip(asked, receipts, strict=True)
        ]  # fmt: skip
    return outcomes


def _answered(kind: Act, effect: Claimed, receipt: Receipt, *, now: datetime) -> Outcome:
    said = {"state": receipt.state.value, "reason": receipt.reason, "at": receipt.at.isoformat()}
    if receipt.state is ReceiptState.PENDING:
        return Outcome(effect, fault="pending", receipt=said)
    done = receipt.state is ReceiptState.DONE
    if kind is Act.ERASE:
        follow = (Effect.ERASE_KEYS, now) if done else (Effect.ERASE_VENUE, now + AGAIN)
        return Outcome(effect, receipt=said, follow=(follow,))
    event = (AFTER if done else REFUSED).get(kind)
    if event is None:
        return Outcome(effect, fault="" if done else str(receipt.reason), final=not done, receipt=said)
    return Outcome(effect, receipt=said, event=event, detail={} if done else {"reason": receipt.reason})


def _archive(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Seal the last archive of records, then tell the venue to close. Handler of ``archive.build``.

    An archive that an interrupted attempt has sealed already is the last one: nothing moved since. That of an
    ordered case is sealed before the venue erases, not before it closes.
    """
    return _built(batch, now, follow=(Effect.CLOSE,))


def _records(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Seal an archive that the holder has asked for. Handler of ``records.build``."""
    return _built(batch, now, follow=())


def _built(batch: Sequence[Claimed], now: datetime, *, follow: tuple[Effect, ...]) -> Sequence[Outcome]:
    outcomes = []
    for effect, case in _with_cases(batch):
        try:
            document = _sealed(effect, case, now)
        except OSError as wrong:
            log.warning("the archive of %s waits for the disk: %s", case.number, wrong.strerror)
            outcomes.append(Outcome(effect, fault="disk"))
        else:
            then = follow
            if follow and case.state == State.ERASURE:
                claims.remember(case, now=now)
                retained.keep(case, now=now)  # its certificate may never have been asked for
                then = (Effect.ERASE_VENUE,)
            receipt = {"sha256": document.sha256}
            outcomes.append(Outcome(effect, receipt=receipt, follow=tuple((one, now) for one in then)))
    return outcomes


def _sealed(effect: Claimed, case: Case, now: datetime) -> Document:
    """Return the archive of ``case``, built since it was asked for."""
    said = effect.data.get("asked_at")
    asked_at = None if said is None else datetime.fromisoformat(str(said))

    def tell(kinds: int, _of: int, rows: int) -> None:
        documents.note_progress(effect.id, kinds=kinds, rows=rows)

    found = documents.sealed_since(case, asked_at)
    return found or documents.build_archive(case, now=now, asked_at=asked_at, progress=tell)


def _certify(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Issue the certificates of closure. Handler of ``certificate.issue``."""
    return [
        Outcome(effect, receipt={"sha256": documents.issue_certificate(case, now=now)})
        for effect, case in _with_cases(batch)
    ]


def _erase_keys(batch: Sequence[Claimed], now: datetime) -> Sequence[Outcome]:
    """Destroy the operational keys: nothing that was sealed with them can be read again (R-REC-3)."""
    naive = now.replace(tzinfo=None)
    with _free(batch) as (able, stopped):
        subjects = [vaults.subject_of(case.venue, case.account_id) for _, case in able]
        receipts = vaults.vault().destroy_all(subjects, "operational", naive)
        failpoint("vault.destroyed")
        erasures.complete(receipts, now=naive)
    return stopped + [
        Outcome(effect, receipt={"digest": gone.digest, "keys": gone.keys}, event=Event.CONFIRM_ERASED)
        for (effect, _), gone in zip(able, receipts, strict=True)
    ]


def _with_cases(batch: Sequence[Claimed]) -> list[tuple[Claimed, Case]]:
    cases = {case.pk: case for case in queries.cases([effect.case_id for effect in batch])}
    return [(effect, cases[effect.case_id]) for effect in batch]


HANDLERS: dict[str, Handler] = {
    Effect.FREEZE.value: functools.partial(_act, Act.FREEZE),
    Effect.UNFREEZE.value: functools.partial(_act, Act.UNFREEZE),
    Effect.CLOSE.value: functools.partial(_act_for_good, Act.CLOSE),
    Effect.ERASE_VENUE.value: functools.partial(_act_for_good, Act.ERASE),
    Effect.ARCHIVE.value: _archive,
    Effect.RECORDS.value: _records,
    Effect.CERTIFY.value: _certify,
    Effect.ERASE_KEYS.value: _erase_keys,
}
