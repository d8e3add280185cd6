"""Clearings as the doors use them: show, confirm, drive, follow. The journal is the database."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from closeout.cases import audit, policies, venues
from closeout.cases.clearing_journal import DatabaseJournal, present, run_of
from closeout.cases.models import ClearingRun, ClearingShown
from closeout.clearing import run
from closeout.clearing import write_off as writing
from closeout.clearing.choices import Choices, suggested
from closeout.clearing.dry_run import DryRun
from closeout.clearing.journal import OVER, Event, Run, RunOver, RunState
from closeout.clearing.run import NoProgress, Outcome
from closeout.venues.base import Receipt, Unreachable

log = logging.getLogger(__name__)

RUNS = 20  # driven in one turn of the worker


def show(account_id: int, *, venue: str = venues.SANDBOX, choices: Choices | None = None) -> DryRun:
    """Make a dry run and remember it under its digest; without choices, with the suggested ones.

    Raises: Unreachable; Refused("unknown_account", and what is wrong with the choices).
    """
    place = venues.venue(venue)
    chosen = suggested(place.destinations(account_id), now=place.now()) if choices is None else choices
    return run.show(place, DatabaseJournal(venue), policies.in_force(), account_id, choices=chosen)


def start(account_id: int, *, digest: str, actor: str = "holder", venue: str = venues.SANDBOX) -> Run:
    """Open the run that the confirmation ``digest`` allows; a worker drives it, or :func:`proceed` does.

    A double click returns the same run. Raises: Refused, PlanChanged, Unreachable.
    """
    opened = run.start(
        venues.venue(venue), DatabaseJournal(venue), policies.in_force(), account_id=account_id, digest=digest
    )
    audit.append(
        [audit.Line(f"clearing:{opened.run_id}", "clearing:confirmed", actor, {"digest": digest})],
        now=venues.now(),
    )
    return opened


def proceed(opened: Run, *, venue: str = venues.SANDBOX, worker: str | None = None) -> Iterator[Event]:
    """Drive ``opened`` until it comes to rest; yield each step. Raises: Unreachable, NoProgress, RunOver."""
    name = worker or f"{socket.gethostname()}:{os.getpid()}"
    yield from run.proceed(
        venues.venue(venue), DatabaseJournal(venue), policies.in_force(), opened, worker=name
    )


def standing(account_id: int, *, venue: str = venues.SANDBOX) -> Run | None:
    """Return the account's run that is not over, else its newest one, else None."""
    rows = ClearingRun.objects.filter(venue=venue, account_id=account_id).select_related("shown")
    row = rows.exclude(state__in=OVER).first() or rows.order_by("-opened_at").first()
    return None if row is None else run_of(row)


def outcome(opened: Run, *, venue: str = venues.SANDBOX) -> Outcome:
    """Say how ``opened`` stands, by one more look. Raises: Unreachable."""
    return run.outcome(venues.venue(venue), DatabaseJournal(venue), policies.in_force(), opened)


def events(run_id: str, *, after: int = 0, venue: str = venues.SANDBOX) -> Sequence[Event]:
    """Return what happened after the event ``after``: a stream sends it and goes on from its last id."""
    return DatabaseJournal(venue).events(run_id, after=after)


def write_off(
    account_id: int, *, wallet: str, asset: str, reason: str, actor: str, venue: str = venues.SANDBOX
) -> Receipt:
    """Let the operator take over a negative fraction; audited. ``actor``: who of the operator, never the holder.

    Raises: Refused, Unreachable.
    """
    receipt = writing.write_off(
        venues.venue(venue), policies.in_force(), account_id, wallet=wallet, asset=asset, reason=reason
    )
    details = {"asset": asset, "wallet": wallet, "state": receipt.state.value, "key": receipt.key}
    audit.append(
        [audit.Line(f"account:{account_id}", "clearing:written_off", actor, details)], now=venues.now()
    )
    return receipt


def erase(account_id: int, *, venue: str) -> None:
    """Delete every clearing of the account: addresses and choices are personal, the venue keeps the receipts.

    Idempotent; in the current transaction if there is one.
    """
    with transaction.atomic():
        ClearingRun.objects.filter(venue=venue, account_id=account_id).delete()
        ClearingShown.objects.filter(venue=venue, account_id=account_id).delete()


def turn(*, now: datetime, worker: str | None = None) -> int:
    """Drive runs that nobody drives: confirmed on a page, left behind by a crash, or due after a wait.

    Returns how many were driven. Idempotent; any number of workers may turn. ``now``: aware UTC, the time of
    cases; leases go by the real time.
    """
    free = Q(worker="") | Q(lease_until__lt=present())
    due = Q(state=RunState.WORKING) | Q(state=RunState.WAITING, wakes_at__lte=now)
    rows = ClearingRun.objects.filter(free & due).select_related("shown").order_by("opened_at")[:RUNS]
    driven = 0
    for row in list(rows):
        try:
            for _ in proceed(run_of(row), venue=row.venue, worker=worker):
                pass
            driven += 1
        except (Unreachable, NoProgress, RunOver) as stopped:
            log.warning("clearing %s rests: %s", row.run_id, type(stopped).__name__)
    return driven
