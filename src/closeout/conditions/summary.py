"""What a screening found, in numbers: read from the blockers that were written, whichever engine wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from closeout.conditions.catalog import Who, by_code, catalog, data_faults
from closeout.conditions.document import instant
from closeout.facts.duck import bounded
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
    with bounded("120MB") as connection:
        _lists(connection)
        for paths in groups:
            listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
            connection.execute(f"create or replace temp view found as select * from read_parquet([{listed}])")
            totals.update(_counted(connection, as_of))
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
    """Give every code a bit, so that all codes of an account are one number."""
    connection.execute(
        "create temp table known (code varchar, bit hugeint, is_fault boolean, waits_for_somebody boolean)"
    )
    rows = [
        [one.code, 1 << number, bool(one.faults), one.remedy is None and one.who is not Who.HOLDER]
        for number, one in enumerate(by_code().values())
    ]
    connection.executemany("insert into known values (?, ?, ?, ?)", rows)


def _counted(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> Counter[tuple[str, str]]:
    """Count by account once: few combinations of codes are left, and whatever is asked follows from those."""
    moment = f"timestamp '{as_of.isoformat(sep=' ')}'"
    spans = " ".join(f"when last_at <= {moment} + to_days({days}) then '{name}'" for days, name in SPANS)
    totals: Counter[tuple[str, str]] = Counter()
    for code, many in connection.execute("select code, count(*) from found group by code").fetchall():
        totals["blockers", code] += many
    combinations = connection.execute(
        f"""
        select bits, case when undated then '{OPEN}' {spans} else '{LATER}' end as span, count(*)
        from (
            select f.account_id, bit_or(k.bit) as bits,
                bool_or(f.clears_at is null and k.waits_for_somebody and not k.is_fault) as undated,
                max(coalesce(f.clears_at, {moment})) filter (where not k.is_fault) as last_at
            from found as f inner join known as k on k.code = f.code group by f.account_id
        ) as per group by all
        """
    ).fetchall()
    for bits, span, many in combinations:
        codes = [one for number, one in enumerate(by_code().values()) if bits >> number & 1]
        conditions = [one for one in codes if not one.faults]
        found = {("accounts", one.code) for one in codes} | {("who", str(one.who)) for one in codes}
        found |= {("remedy", one.remedy or "none") for one in conditions}
        found.add(("result", "blocked" if conditions else "unknown"))
        if conditions:
            found.add(("earliest", span))
        totals.update(dict.fromkeys(found, many))
    return totals


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
