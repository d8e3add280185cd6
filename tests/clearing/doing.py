"""What most clearing tests do: show, confirm, run to the end, compare."""

from __future__ import annotations

from decimal import Decimal

from tests.clearing.people import MESSY

from closeout.clearing import run
from closeout.clearing.choices import Choices, suggested
from closeout.clearing.dry_run import DryRun
from closeout.clearing.journal import Event, Journal, Run
from closeout.policy import Policy
from closeout.venues.base import Venue
from closeout.venues.paper import Paper


def show(
    venue: Venue, journal: Journal, *, account_id: int = MESSY, choices: Choices | None = None
) -> DryRun:
    """Show a dry run with the suggested choices."""
    chosen = suggested(venue.destinations(account_id), now=venue.now()) if choices is None else choices
    return run.show(venue, journal, Policy(), account_id, choices=chosen)


def clear(venue: Venue, journal: Journal, shown: DryRun, *, worker: str = "w") -> tuple[Run, list[Event]]:
    """Confirm ``shown`` and run to rest."""
    opened = run.start(venue, journal, Policy(), account_id=shown.account_id, digest=shown.digest)
    events = list(run.proceed(venue, journal, Policy(), opened, worker=worker))
    return opened, events


def holdings(venue: Paper) -> dict[object, object]:
    """Return the venue's whole state in a comparable form; zero wallets are left out."""
    book = venue.book
    return {
        "money": {place: tuple(pair) for place, pair in book.money.items() if any(pair)},
        "rows": {name: sorted(map(repr, rows)) for name, rows in book.rows.items()},
        "sent": sorted(book.sent),
        "outside": {asset: amount for asset, amount in book.outside.items() if amount},
    }


def unbalanced(venue: Paper) -> dict[str, Decimal]:
    """Return the assets whose sum over every ledger is not zero: always none."""
    return {asset: venue.total(asset) for asset in venue.book.terms if venue.total(asset)}
