"""The journal of clearings in the database: each method is one transaction of a few statements."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from closeout.cases.models import ClearingEvent, ClearingRun, ClearingShown
from closeout.clearing import kept, stored
from closeout.clearing.confirmed import Confirmed
from closeout.clearing.journal import OVER, Entry, Event, Run, RunOver, RunState, key_of, new_run_id
from closeout.clearing.lines import Line
from closeout.venues.base import Receipt

LEASE = timedelta(seconds=30)

OPEN = """
insert into cases_clearingrun
    (run_id, venue, account_id, shown_id, state, rested_round, worker, opened_at)
values (%s, %s, %s, %s, 'working', 0, '', %s)
on conflict (venue, account_id) where not (state in ('cleared', 'replaced', 'rest')) do nothing
"""
CLAIM = """
update cases_clearingrun as r
set worker = %(worker)s, lease_until = %(until)s, wakes_at = null, state = 'working',
    rested_round = case when r.state = 'working' then r.rested_round else coalesce(
        (select max(e.round) from cases_clearingentry as e where e.run_id = r.run_id), 0) end
where r.run_id = %(run)s and not r.state = any(%(over)s)
    and (r.worker in ('', %(worker)s) or r.lease_until is null or r.lease_until < %(now)s)
"""
LOCK = """
update cases_clearingrun set lease_until = case when worker = '' then null else %s::timestamptz end
where run_id = %s returning state
"""
ENTRIES = """
select key, round, line, receipt from cases_clearingentry where run_id = %s order by round, position
"""
STANDING = """
select key, round, line, receipt from cases_clearingentry where run_id = %s and round = %s order by position
"""
RUN = """
select r.run_id, r.account_id, r.state, r.wakes_at, r.rested_round, s.confirmed
from cases_clearingrun as r inner join cases_clearingshown as s on r.shown_id = s.digest
"""
INTEND = """
insert into cases_clearingentry (key, run_id, round, position, line)
select s.body ->> 'key', %(run)s, %(round)s, s.position - 1, s.body -> 'line'
from jsonb_array_elements(%(entries)s::jsonb) with ordinality as s (body, position)
"""
RECORD = """
update cases_clearingentry as e set receipt = s.body
from jsonb_array_elements(%(receipts)s::jsonb) as s (body)
where e.key = s.body ->> 'key' and e.run_id = %(run)s and e.receipt is null
"""
EVENTS = """
insert into cases_clearingevent (run_id, body)
select %(run)s, s.body from jsonb_array_elements(%(bodies)s::jsonb) with ordinality as s (body, position)
order by s.position returning id
"""


def present() -> datetime:
    """Return the real time, aware UTC. Leases are about processes that die, not about the time of cases."""
    return datetime.now(UTC)


class DatabaseJournal:
    """Where runs of one venue are kept; a :class:`closeout.clearing.journal.Journal`."""

    def __init__(self, venue: str, *, clock: Callable[[], datetime] = present) -> None:
        self._venue, self._clock = venue, clock

    def show(self, confirmed: Confirmed) -> None:
        """Remember what was shown, under its digest."""
        ClearingShown.objects.bulk_create(
            [
                ClearingShown(
                    digest=confirmed.digest,
                    venue=self._venue,
                    account_id=confirmed.account_id,
                    confirmed=kept.confirmed(confirmed),
                    shown_at=confirmed.shown_at.replace(tzinfo=UTC),
                )
            ],
            ignore_conflicts=True,
        )

    def shown(self, digest: str) -> Confirmed | None:
        """Return what was shown under ``digest``."""
        row = ClearingShown.objects.filter(digest=digest, venue=self._venue).first()
        return None if row is None else kept.confirmed_of(row.confirmed)

    def unfinished(self, account_id: int) -> Run | None:
        """Return the run of the account that is not over."""
        return self._run(
            "where r.venue = %s and r.account_id = %s and not r.state = any(%s)",
            (self._venue, account_id, sorted(OVER)),
        )

    def _run(self, which: str, values: tuple[Any, ...]) -> Run | None:
        with connection.cursor() as cursor:
            cursor.execute(RUN + which, values)
            row = cursor.fetchone()
        if row is None:
            return None
        run_id, account_id, state, wakes_at, rested_round, confirmed = row
        wakes_at = None if wakes_at is None else wakes_at.replace(tzinfo=None)
        known = kept.confirmed_of(json.loads(confirmed))
        return Run(run_id, account_id, known, RunState(state), wakes_at, rested_round)

    def open(self, confirmed: Confirmed) -> Run:
        """Open a run, or return the account's run that is not over; two at once open one."""
        with connection.cursor() as cursor:
            values = (new_run_id(), self._venue, confirmed.account_id, confirmed.digest, self._clock())
            cursor.execute(OPEN, values)
        run = self.unfinished(confirmed.account_id)
        if run is None:
            raise RunOver(confirmed.digest)
        return run

    def claim(self, run_id: str, *, worker: str) -> Run | None:
        """Take or renew the lease; None while another worker's has not ended."""
        now = self._clock()
        values: dict[str, Any] = {
            "run": run_id, "worker": worker[:64], "now": now, "until": now + LEASE, "over": sorted(OVER),
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, values)
            if cursor.rowcount == 0:
                return None
        return self._run("where r.run_id = %s", (run_id,))

    def entries(self, run_id: str) -> Sequence[Entry]:
        """Return every command of the run in the order in which it was written down."""
        with connection.cursor() as cursor:
            cursor.execute(ENTRIES, (run_id,))
            return [_entry(*row) for row in cursor.fetchall()]

    @transaction.atomic
    def intend(
        self, run_id: str, round_: int, lines: Sequence[Line], events: Sequence[Event]
    ) -> tuple[Sequence[Entry], Sequence[Event]]:
        """Write a round down unless it is there already. Raises: RunOver."""
        with connection.cursor() as cursor:
            if self._lock(cursor, run_id) in OVER:
                raise RunOver(run_id)
            cursor.execute(STANDING, (run_id, round_))
            standing = [_entry(*row) for row in cursor.fetchall()]
            if standing:
                return standing, ()
            entries = [Entry(key_of(run_id, round_, line), round_, line) for line in lines]
            said = [{"key": entry.key, "line": kept.line(entry.line)} for entry in entries]
            values: dict[str, Any] = {"run": run_id, "round": round_, "entries": json.dumps(said)}
            cursor.execute(INTEND, values)
            return entries, _write(cursor, run_id, events)

    @transaction.atomic
    def record(
        self, run_id: str, receipts: Mapping[str, Receipt], events: Sequence[Event]
    ) -> Sequence[Event]:
        """Write receipts down; one that is there already stays as it is."""
        with connection.cursor() as cursor:
            self._lock(cursor, run_id)
            if receipts:
                said = [stored.receipt(receipt) for receipt in receipts.values()]
                cursor.execute(RECORD, {"run": run_id, "receipts": json.dumps(said)})
            return _write(cursor, run_id, events)

    @transaction.atomic
    def rest(self, run_id: str, state: RunState, event: Event, *, wakes_at: datetime | None = None) -> Event:
        """Set how the run stands, release the lease and write the event."""
        with connection.cursor() as cursor:
            standing = self._lock(cursor, run_id)
            cursor.execute(
                "update cases_clearingrun set worker = '', lease_until = null, state = %s, wakes_at = %s "
                "where run_id = %s",
                (
                    standing if standing in OVER else state.value,
                    None if wakes_at is None else wakes_at.replace(tzinfo=UTC),
                    run_id,
                ),
            )
            return _write(cursor, run_id, [event])[0]

    def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        """Return the events whose id is greater than ``after``, in order."""
        rows = ClearingEvent.objects.filter(run=run_id, id__gt=after).order_by("id")
        return [kept.event_of(body, number) for number, body in rows.values_list("id", "body")]

    def _lock(self, cursor: Any, run_id: str) -> str:
        """Lock the run's row, renew its lease, and return its state; events then commit in the order of ids."""
        cursor.execute(LOCK, (self._clock() + LEASE, run_id))
        row = cursor.fetchone()
        return str(row[0]) if row is not None else RunState.REPLACED.value


def run_of(row: ClearingRun) -> Run:
    """Return a row as the core knows it."""
    wakes_at = None if row.wakes_at is None else row.wakes_at.replace(tzinfo=None)
    confirmed = kept.confirmed_of(row.shown.confirmed)
    return Run(row.run_id, row.account_id, confirmed, RunState(row.state), wakes_at, row.rested_round)


def _entry(key: str, round_: int, line: str, receipt: str | None) -> Entry:
    answer = None if receipt is None else stored.receipt_of(json.loads(receipt))
    return Entry(key, round_, kept.line_of(json.loads(line)), answer)


def _write(cursor: Any, run_id: str, events: Sequence[Event]) -> Sequence[Event]:
    if not events:
        return ()
    cursor.execute(EVENTS, {"run": run_id, "bodies": json.dumps([kept.event(event) for event in events])})
    numbers = sorted(number for (number,) in cursor.fetchall())
    return [dataclasses.replace(event, id=number) for event, number in zip(events, numbers, strict=True)]
