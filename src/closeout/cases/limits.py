"""Exact rate limits in PostgreSQL: one statement per question, right under any concurrency, kept over restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from closeout.cases import vaults

# Rows are taken in the order of their keys, so that two askers never wait for each other in a ring.
ADMIT = """
with asked as (
    select key, grain, burst
    from unnest(%(keys)s::text[], %(grains)s::interval[], %(bursts)s::interval[]) as s (key, grain, burst)
)
insert into cases_ratelimit as held (key, arrives_at)
select key, %(now)s + grain from asked order by key
on conflict (key) do update set arrives_at = greatest(held.arrives_at, %(now)s) + (excluded.arrives_at - %(now)s)
where greatest(held.arrives_at, %(now)s) + (excluded.arrives_at - %(now)s)
    <= %(now)s + (select burst from asked where asked.key = held.key)
returning key
"""
ARRIVALS = "select key, arrives_at from cases_ratelimit where key = any(%s)"
GIVE_BACK = """
with locked as (
    select h.key, s.grain
    from cases_ratelimit as h
    join unnest(%(keys)s::text[], %(grains)s::interval[]) as s (key, grain) on s.key = h.key
    order by h.key for no key update of h
)
update cases_ratelimit as h set arrives_at = h.arrives_at - locked.grain from locked where h.key = locked.key
"""
FORGET = "delete from cases_ratelimit where arrives_at < %s"
SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True)
class Limit:
    """At most ``count`` per ``per`` for everything that shares ``key``."""

    key: str
    count: int
    per: timedelta
    times: int = 1  # how many are taken at once

    @property
    def grain(self) -> timedelta:
        """What it costs."""
        return self.per * self.times / self.count


def together(limits: Iterable[Limit]) -> Sequence[Limit]:
    """Return ``limits`` with those of one key made one: what is asked at once is taken by one statement.

    Taken one after the other in a transaction, they could be waited for in a ring.
    """
    found: dict[str, Limit] = {}
    for limit in limits:
        before = found.get(limit.key)
        found[limit.key] = limit if before is None else replace(before, times=before.times + limit.times)
    return list(found.values())


def take(limits: Sequence[Limit], *, now: datetime) -> Mapping[str, timedelta]:
    """Take one of each of ``limits``, all or none; return the wait by key of those that refuse, empty if none.

    Generic cell rate algorithm: admits ``count`` at once and then one per ``per / count``; a refused question
    costs nothing. The rows are updated in the caller's transaction.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ADMIT, {
            "keys": [limit.key for limit in limits], "grains": [limit.grain for limit in limits],
            "bursts": [limit.per for limit in limits], "now": now,
        })  # fmt: skip
        admitted = {key for (key,) in cursor.fetchall()}
        refused = [limit for limit in limits if limit.key not in admitted]
        if refused:
            transaction.set_rollback(True)  # what the others gave is given back
    return _waits(refused, now=now) if refused else {}


def _waits(refused: Sequence[Limit], *, now: datetime) -> Mapping[str, timedelta]:
    with connection.cursor() as cursor:
        cursor.execute(ARRIVALS, [[limit.key for limit in refused]])
        arrivals = dict(cursor.fetchall())
    return {
        limit.key: max(arrivals.get(limit.key, now) + limit.grain - limit.per - now, SHORTEST)
        for limit in refused
    }


def give_back(limits: Sequence[Limit]) -> None:
    """Give back what :func:`take` took: the question turned out to be a right one."""
    with connection.cursor() as cursor:
        keys, grains = [limit.key for limit in limits], [limit.grain for limit in limits]
        cursor.execute(GIVE_BACK, {"keys": keys, "grains": grains})


def wait_for(key: str, *, count: int, per: timedelta, now: datetime) -> timedelta:
    """Take one of ``count`` per ``per`` for ``key``; return zero if admitted, else how long to wait."""
    return take([Limit(key, count, per)], now=now).get(key, timedelta(0))


def once(mark: str, *, within: timedelta, now: datetime) -> bool:
    """Say whether ``mark`` is taken for the first time within that span; exactly one of many askers hears yes."""
    return wait_for(f"once:{masked('once', mark)}", count=1, per=within, now=now) == timedelta(0)


def forget(*, before: datetime) -> int:
    """Delete the limits that were full again before then; they would admit as if they had never been asked."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [before])
        return int(cursor.rowcount)


def masked(purpose: str, value: str) -> str:
    """Return what stands for an address or a network in a key: a keyed hash, so that the table holds neither."""
    return vaults.keys().mac(f"limit:{purpose}", value.strip().lower().encode()).hex()[:32]
