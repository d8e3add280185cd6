"""What a screening found, in numbers: read from the blockers that were written, whichever engine wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from closeout.conditions.catalog import by_code, catalog, data_faults
from closeout.conditions.document import instant
from closeout.facts.schema import RELATIONS
from closeout.policy import Policy

SCHEMA = "closeout.screen/1"
# How long until the last wait with a date is over. "open": somebody must act whose time nobody knows.
SPANS = ((0, "at_once"), (7, "7_days"), (30, "30_days"), (60, "60_days"), (90, "90_days"))
LATER, OPEN = "later", "open"


def summarise(
    groups: Iterable[Sequence[Path]],
    *,
    accounts: int,
    as_of: datetime,
    policy: Policy,
    relations: Iterable[str],
) -> dict[str, Any]:
    """Return the document ``closeout.screen/1``.

    ``groups``: files of blockers; all rows of an account lie in one group. ``relations``: what was fetched.
    """
    missing = [name for name in RELATIONS if name not in set(relations)]
    totals: Counter[tuple[str, str]] = Counter()
    with duckdb.connect(config={"memory_limit": "160MB", "threads": 2}) as connection:
        _lists(connection)
        for paths in groups:
            listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
            connection.execute(f"create or replace temp view found as select * from read_parquet([{listed}])")
            for kind, name, count in _counted(connection, as_of):
                totals[kind, name] += count
    blocked, doubted = totals["result", "blocked"], totals["result", "unknown"]
    unknown = accounts - blocked if missing else doubted
    return {
        "schema": SCHEMA,
        "as_of": instant(as_of),
        "policy_version": policy.version,
        "accounts": accounts,
        "clear": accounts - blocked - unknown,
        "blocked": blocked,
        "unknown": unknown,
        "missing": missing,
        "conditions": _listed(totals, [one.code for one in catalog()]),
        "data_faults": _listed(totals, [one.code for one in data_faults()]),
        "remedies": _named(totals, "remedy"),
        "who": _named(totals, "who"),
        "earliest": [
            {"within": name, "accounts": totals["earliest", name]}
            for name in (*(name for _, name in SPANS), LATER, OPEN)
        ],
    }


def _lists(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create temp table known (code varchar, is_fault boolean, remedy varchar, who varchar)"
    )
    connection.executemany(
        "insert into known values (?, ?, ?, ?)",
        [[one.code, bool(one.faults), one.remedy or "none", str(one.who)] for one in by_code().values()],
    )


def _counted(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> list[tuple[str, str, int]]:
    moment = f"timestamp '{as_of.isoformat(sep=' ')}'"
    spans = " ".join(f"when last_at <= {moment} + to_days({days}) then '{name}'" for days, name in SPANS)
    connection.execute(
        """
        create or replace temp table per as
        select f.account_id, f.code, any_value(k.is_fault) as is_fault, any_value(k.remedy) as remedy,
            any_value(k.who) as who, count(*) as many, max(f.clears_at) as clears_at,
            bool_or(f.clears_at is null and k.remedy = 'none' and k.who <> 'holder') as undated
        from found as f inner join known as k on k.code = f.code group by f.account_id, f.code
        """
    )
    return connection.execute(
        f"""
        select 'accounts', code, count(*) from per group by code
        union all select 'blockers', code, sum(many) from per group by code
        union all select 'remedy', remedy, count(distinct account_id) from per where not is_fault group by remedy
        union all select 'who', who, count(distinct account_id) from per group by who
        union all select 'result', case when all_faults then 'unknown' else 'blocked' end, count(*)
            from (select account_id, bool_and(is_fault) as all_faults from per group by account_id) group by all
        union all select 'earliest', case when undated then '{OPEN}' {spans} else '{LATER}' end, count(*)
            from (select account_id, bool_or(undated) as undated, max(coalesce(clears_at, {moment})) as last_at
                from per where not is_fault group by account_id) group by all
        """
    ).fetchall()


def _listed(totals: Mapping[tuple[str, str], int], codes: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "title": dict(by_code()[code].met),
            "accounts": totals["accounts", code],
            "blockers": int(totals["blockers", code]),
        }
        for code in codes
    ]


def _named(totals: Mapping[tuple[str, str], int], kind: str) -> dict[str, int]:
    return {name: count for (of, name), count in sorted(totals.items()) if of == kind}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes between two summaries of the same facts, by condition."""
    was = {one["code"]: one for one in before["conditions"]}
    return {
        "policy_version": after["policy_version"],
        **{key: after[key] - before[key] for key in ("clear", "blocked", "unknown")},
        "conditions": [
            {
                "code": one["code"],
                "accounts": one["accounts"] - was[one["code"]]["accounts"],
                "blockers": one["blockers"] - was[one["code"]]["blockers"],
            }
            for one in after["conditions"]
            if one["blockers"] != was[one["code"]]["blockers"]
        ],
    }
