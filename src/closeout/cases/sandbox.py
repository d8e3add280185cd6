"""What only a demonstration may do: seed people, move the sandbox's clock, read a seeded person's authenticator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from closeout.cases import senders, vaults, venues, verification
from closeout.reasons import refuse
from closeout.venues.sandbox import seed, world

STORY_BEGINS = datetime(
    2026, 1, 5, 8
)  # naive UTC: when the demonstration's clock stands at its first chapter


def prepare(*, at: datetime | None = None) -> bool:
    """Seed the people if there are none; return whether it was done.

    ``at``: where the clock stands still (naive UTC); without it, the clock shows the machine's time and runs.
    """
    venue = venues.sandbox()
    with venue.connection() as connection:
        if connection.execute("select 1 from sandbox.account limit 1").fetchone() is not None:
            return False
        with connection.transaction():
            seed.seed(connection, vaults.vault(), at or datetime.now(UTC).replace(tzinfo=None))
            if at is None:
                world.run_clock(connection)
    return True


def pass_time(span: timedelta) -> datetime:
    """Let ``span`` pass at the exchange and let it do what it does by itself; return its time, naive UTC."""
    venue = venues.sandbox()
    with venue.connection() as connection:
        world.pass_time(connection, span)
    venue.settle()
    return venue.now()


def authenticator(account_id: int) -> str:
    """Return what the seeded person's authenticator app shows now. Raises: Refused (unknown_account)."""
    holder = venues.sandbox().holder(account_id)
    if holder is None or holder.totp_secret is None:
        raise refuse("unknown_account")
    return verification.totp(holder.totp_secret, int(venues.now().timestamp()) // verification.STEP)


def outbox() -> Path:
    """Return where messages of the demonstration are written."""
    return senders.outbox()
