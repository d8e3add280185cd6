"""What stops the irreversible: the kill switch, the pause of a campaign, its allowance, a clock that jumps.

Closing and erasing happen only inside a transaction that holds these rows against change. Whoever stops changes a
row, and so waits for what is under way and for nothing else: a batch, well under a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from closeout.cases import audit
from closeout.cases.models import Brake
from closeout.reasons import refuse

JUMP = timedelta(seconds=120)  # a clock that is off by more than this decides nothing that cannot be undone
NOTED_EVERY = timedelta(minutes=1)
STANDS = "select engaged from cases_brake where id = 1 for share"
RUNNING = "select id from cases_campaign where id = any(%s) and state = 'running' for share"
LEASE = """
with room as (
    select id, least(%(most)s, allowance - leased) as granted from cases_campaign
    where id = %(id)s and state = 'running' and leased < allowance for no key update
)
update cases_campaign as c set leased = c.leased + room.granted from room where c.id = room.id
returning room.granted
"""
GIVE_BACK = "update cases_campaign set leased = leased - %s where id = %s"


def engaged() -> bool:
    """Return whether the kill switch is on, held as it is until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(STANDS)
        row = cursor.fetchone()
    return row is None or bool(row[0])


@contextmanager
def permission(campaigns: Collection[int | None]) -> Iterator[frozenset[int | None]]:
    """Hold the switch and ``campaigns`` as they are, and give those of them that may go on; None is a person's case.

    Empty while the switch is on.
    """
    with transaction.atomic():
        if engaged():
            yield frozenset()
            return
        named = sorted({one for one in campaigns if one is not None})
        running: set[int | None] = {None}
        if named:
            with connection.cursor() as cursor:
                cursor.execute(RUNNING, [named])
                running |= {ident for (ident,) in cursor.fetchall()}
        yield frozenset(running)


def lease(campaign: int, *, most: int) -> int:
    """Take up to ``most`` of what the campaign may still close, in the current transaction; return how many."""
    if engaged():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(LEASE, {"id": campaign, "most": most})
        row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def give_back(campaign: int, unused: int) -> None:
    """Return what was leased and not used, in the transaction that leased it."""
    if unused:
        with connection.cursor() as cursor:
            cursor.execute(GIVE_BACK, [unused, campaign])


def standing() -> Brake:
    """Return the switch as it is."""
    return Brake.objects.get(pk=1)


def pull(*, by: str, why: str, now: datetime) -> None:
    """Stop everything that cannot be undone; when this returns, nothing of it happens any more. Idempotent."""
    with transaction.atomic():
        brake = Brake.objects.select_for_update().get(pk=1)
        if brake.engaged:
            return
        brake.engaged, brake.by, brake.why, brake.at, brake.release_by = True, by, why, now, ""
        brake.save(update_fields=["engaged", "by", "why", "at", "release_by"])
        audit.append([audit.Line("brake", "brake:pull", by, {"why": why})], now=now)


def release(*, by: str, now: datetime) -> bool:
    """Let it go on: the second of two people does it; return whether it was the second. Raises: Refused."""
    with transaction.atomic():
        brake = Brake.objects.select_for_update().get(pk=1)
        if not brake.engaged:
            raise refuse("brake_off")
        if not brake.release_by:
            brake.release_by = by
        elif brake.release_by == by:
            raise refuse("same_person")
        else:
            brake.engaged, brake.release_by = False, ""
            brake.seen_at = None
        brake.save(update_fields=["engaged", "release_by", "seen_at"])
        event = "brake:ask_release" if brake.engaged else "brake:release"
        audit.append([audit.Line("brake", event, by)], now=now)
    return not brake.engaged


@dataclass
class ClockWatch:
    """Compares the machine's clock with one that cannot be set, and the clock of cases with what it showed before."""

    present: datetime | None = None
    steady: float = 0.0

    def look(self, *, now: datetime, present: datetime, steady: float) -> bool:
        """Pull the brake if a clock jumped; return whether one did.

        ``now``: of cases, ``present``: of the machine, both aware UTC; ``steady``: seconds of a clock that only runs.
        """
        jumped = False
        if self.present is not None:
            ran = timedelta(seconds=steady - self.steady)
            jumped = abs((present - self.present) - ran) > JUMP
        self.present, self.steady = present, steady
        if jumped or self._went_back(now):
            pull(by="system", why="clock_jump", now=now)
            return True
        return False

    def _went_back(self, now: datetime) -> bool:
        """Compare with what any worker saw, also before a restart; note the time once a minute."""
        seen = standing().seen_at
        if seen is not None and now < seen - JUMP:
            return True
        if seen is None or now >= seen + NOTED_EVERY:
            Brake.objects.filter(pk=1).update(seen_at=now)
        return False
