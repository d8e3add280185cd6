"""The facts as views: the shared columns and types, reached through an index, with an honest freshness."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.sandbox.conftest import Exchange

from closeout.conditions.check import Result, check
from closeout.facts.schema import RELATIONS, columns
from closeout.policy import Policy
from closeout.venues.base import RECORD_KINDS
from closeout.venues.sandbox import world

TYPES = {
    "bigint": "BIGINT", "character varying": "VARCHAR", "numeric(36,18)": "DECIMAL(36,18)",
    "timestamp without time zone": "TIMESTAMP", "boolean": "BOOLEAN",
}  # fmt: skip
SMALL = {
    "clock",
    "asset",
    "network",
    "product",
    "instrument",
    "source",
}  # a handful of rows, whatever happens


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_view_has_exactly_the_columns_of_its_relation(exchange: Exchange, relation: str) -> None:
    """R-CHK-20, R-OPS-5: names, order and types are those of every other source of facts."""
    found = exchange.connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = ('facts.' || %s)::regclass and attnum > 0 order by attnum",
        (relation,),
    ).fetchall()
    assert [(name, TYPES[kind]) for name, kind in found] == [
        (column.name, column.type) for column in columns(RELATIONS[relation])
    ]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every node of a plan."""
    return [plan, *(inner for child in plan.get("Plans", []) for inner in nodes(child))]


@pytest.mark.parametrize("relation", RELATIONS)
def test_the_account_filter_reaches_an_index(exchange: Exchange, relation: str) -> None:
    """One account costs the same whether the exchange has ten accounts or ten million."""
    with exchange.connection.transaction(force_rollback=True):
        exchange.connection.execute("set local enable_seqscan = off")
        exchange.connection.execute("set local enable_bitmapscan = off")
        text = exchange.one(f"explain (format json) select * from facts.{relation} where account_id = 7")
    plan = (text if isinstance(text, list) else json.loads(text))[0]["Plan"]
    scans = [node for node in nodes(plan) if node.get("Relation Name", "") not in {"", *SMALL}]
    assert scans
    for node in scans:
        condition = str(node.get("Index Cond", ""))
        assert "_id" in condition, (relation, node["Node Type"], node["Relation Name"])


def test_a_source_that_fails_or_is_stale_makes_the_answer_unknown(exchange: Exchange) -> None:
    """R-CHK-17: the operator's fault, never the holder's, and never a way through."""
    room = exchange.room()
    room.row("identity", state="verified")
    for kind in ("email", "phone"):
        room.row("contact", kind=kind, reachable=True)

    def result() -> Result:
        engine = exchange.venue.engine([room.account_id])
        reports = check(engine, Policy(), as_of=exchange.venue.now(), accounts=[room.account_id])
        return reports[room.account_id].result

    assert result() is Result.CLEAR
    for fault in (
        {"state": "failed"},
        {"state": "partial"},
        {"state": "complete", "age": timedelta(hours=2)},
    ):
        world.set_source(exchange.connection, "balance", **fault)  # type: ignore[arg-type]
        assert result() is Result.UNKNOWN
    world.set_source(exchange.connection, "balance", state="complete")
    assert result() is Result.CLEAR


def test_every_kind_of_record_is_streamed(exchange: Exchange) -> None:
    """R-REC-1: all kinds exist, oldest first, and an unknown kind is refused."""
    room = exchange.room()
    room.put("USDT", "1000", "trading")
    room.traded("BTC-USDT", "buy", "0.001", "50000")
    rows = {kind: list(exchange.venue.records(room.account_id, kind)) for kind in RECORD_KINDS}
    assert len(rows["trades"]) == len(rows["orders"]) == len(rows["deposits"]) == 1
    assert sum(row["amount"] for row in rows["ledger"] if row["asset"] == "USDT") == Decimal(950)
    assert [row["transfer_id"] for row in rows["ledger"]] == sorted(
        row["transfer_id"] for row in rows["ledger"]
    )
    for kind in RECORD_KINDS:
        batches = exchange.venue.columns(room.account_id, kind)
        assert [row for batch in batches for row in batch.to_pylist()] == rows[kind], "columns say the same"
    sub = room.sub("one")
    sub.put("BTC", "0.5")
    deposits = [row["account_id"] for row in exchange.venue.records(room.account_id, "deposits")]
    assert deposits == [room.account_id, sub.account_id]  # the sub-accounts' history is the holder's too
    with pytest.raises(ValueError, match="known are"):
        next(exchange.venue.records(room.account_id, "secrets"))


def test_a_half_read_stream_gives_its_connection_back(exchange: Exchange) -> None:
    """A download that the holder breaks off costs the exchange nothing."""
    room = exchange.room()
    for _ in range(3):
        room.put("USDT", "1")
    for _ in range(40):  # more than there are connections
        stream = exchange.venue.records(room.account_id, "ledger")
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert exchange.venue.now()
