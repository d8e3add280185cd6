"""Numbers about closing: how many, how long, what stood in the way. Holds are no part of any of them (R-SUP-8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import connection

STATES = "select state, count(*) from cases_case where venue = %s group by state"
DAYS = """
select kind, day, count(*) from (
    select 'opened' as kind, (opened_at at time zone 'UTC')::date as day from cases_case
    where venue = %(venue)s and opened_at >= %(since)s
    union all
    select case e.event when 'withdraw' then 'withdrawn' else 'closed' end, (e.at at time zone 'UTC')::date
    from cases_caseevent as e join cases_case as c on c.id = e.case_id
    where c.venue = %(venue)s and e.event in ('withdraw', 'confirm_closed') and e.at >= %(since)s
) as happened group by kind, day
"""
STAGES = """
select stage, extract(epoch from percentile_cont(0.5) within group (order by took)) from (
    select e.from_state as stage, e.at - coalesce(
        (select max(b.at) from cases_caseevent as b where b.case_id = e.case_id and b.revision < e.revision
            and b.to_state <> b.from_state), c.opened_at
    ) as took
    from cases_caseevent as e join cases_case as c on c.id = e.case_id
    where c.venue = %(venue)s and e.from_state <> e.to_state and e.at >= %(since)s
) as left_ group by stage
"""
BLOCKERS = """
select code, count(*) from cases_caseevent as e join cases_case as c on c.id = e.case_id
cross join jsonb_array_elements_text(e.detail -> 'conditions') as said (code)
where c.venue = %(venue)s and e.event in ('interrupt', 'reopen', 'schedule') and e.at >= %(since)s
    and jsonb_typeof(e.detail -> 'conditions') = 'array'
group by code order by count(*) desc, code limit 10
"""
SINCE = timedelta(days=30)


def _rows(sql: str, values: object) -> Sequence[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)  # type: ignore[arg-type]
        return list(cursor.fetchall())


def by_state(venue: str) -> dict[str, int]:
    """Return how many cases stand in each state."""
    return {str(state): int(str(count)) for state, count in _rows(STATES, [venue])}


def by_day(venue: str, *, now: datetime) -> dict[tuple[str, date], int]:
    """Return how many cases were opened, closed and withdrawn on each of the last 30 days (UTC)."""
    found = _rows(DAYS, {"venue": venue, "since": now - SINCE})
    return {(str(kind), day): int(str(count)) for kind, day, count in found if isinstance(day, date)}


def by_stage(venue: str, *, now: datetime) -> list[tuple[str, timedelta]]:
    """Return the median time that cases stood in each stage which they left in the last 30 days."""
    found = _rows(STAGES, {"venue": venue, "since": now - SINCE})
    return sorted((str(stage), timedelta(seconds=float(str(seconds)))) for stage, seconds in found)


def blockers(venue: str, *, now: datetime) -> list[tuple[str, int]]:
    """Return which conditions stopped running cases most in the last 30 days, the most frequent first."""
    found = _rows(BLOCKERS, {"venue": venue, "since": now - SINCE})
    return [(str(code), int(str(count))) for code, count in found]
