"""People for the sandbox exchange, furnished in a test's own database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from closeout.venues.sandbox.building import Room
from closeout.venues.sandbox.venue import SandboxVenue

LONG = timedelta(days=700)


def open_account(venue: SandboxVenue, furnish: Callable[[Room], None]) -> int:
    """Open an account of a verified, reachable person and furnish it; return its number."""
    with venue.connection() as connection, connection.transaction():
        row = connection.execute(
            "insert into sandbox.account (jurisdiction, opened_at) values ('DE', sandbox.now() - %s) "
            "returning account_id, sandbox.now()",
            (LONG,),
        ).fetchone()
        assert row is not None
        room = Room(connection, row[0], row[1])
        room.row(
            "identity", state="verified", valid_until=room.later(days=900), verified_at=room.ago(days=600)
        )
        for kind in ("email", "phone"):
            room.row("contact", kind=kind, reachable=True, confirmed_at=room.ago(days=100))
        furnish(room)
    return int(row[0])


def furnished(venue: SandboxVenue) -> int:
    """Return an account with money in several wallets, an address book and a payment method."""
    return open_account(venue, furnish)


def furnish(room: Room) -> None:
    """Put money into several wallets, fill the address book, bind a payment method."""
    room.put("USDT", "900")
    room.put("BTC", "0.5", "trading")
    room.put("DOGE", "30")
    room.methods("bank_card")
    room.addresses()
