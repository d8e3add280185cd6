"""The invariants have teeth: each planted violation is found by the rule that is about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import psycopg
import pytest
from tests.venues.sandbox.conftest import Exchange, PlainSealer

from closeout.venues.base import Act, Command, Remedy
from closeout.venues.sandbox import invariants, seed
from closeout.venues.sandbox.venue import SandboxVenue

VIOLATIONS = {
    1: "update sandbox.ledger set balance = balance + 1 where ledger_id = (select max(ledger_id) from sandbox.ledger)",
    2: "update sandbox.transfer set amount = amount * 2 where transfer_id = 1",
    3: "update sandbox.ledger set overdraft = true where owner = 'holder' and wallet = 'funding'",
    4: "drop index sandbox.entry_key; update sandbox.entry set key = 'twice' where entry_id <= 2",
    5: "update sandbox.account set state = 'closed', closing_entry_id = 0, closed_at = '2020-01-01' "
    "where handle = 'dust'",
    6: "update sandbox.account set state = 'closed', closing_entry_id = 1, closed_at = '2020-01-01' "
    "where handle = 'subaccounts'",
    7: "insert into sandbox.movement (account_id, kind, asset, amount) select account_id, 'withdrawal', 'BTC', 1 "
    "from sandbox.account where handle = 'clean'",
    8: "insert into sandbox.receipt (key, digest, account_id, kind, command, state, moved) "
    "values ('lost', '', 1, 'send', '{}', 'done', '[[\"funding\", \"USDT\", \"-1\"]]')",
    9: "update sandbox.account set closed_at = '2020-01-01', state = 'closed', closing_entry_id = 10000000 "
    "where handle = 'invest'",
    10: "update sandbox.conversion set residue = 1",
    11: "update sandbox.entry set posted_at = '2030-01-01', origin = 'holder' "
    "where account_id = (select account_id from sandbox.account where handle = 'loan')",
    12: "update sandbox.ledger set balance = 0 where owner = 'house' and wallet = 'custody' and asset = 'BTC'",
    13: "update sandbox.trade_order set locked = locked + 1 where state = 'open'",
}


@pytest.fixture
def damaged(database: str) -> Iterator[Exchange]:
    """A seeded exchange with a conversion and a frozen account, whose guards are asleep."""
    with (
        SandboxVenue(database, sealer=PlainSealer()) as venue,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        people = seed.seed(connection, PlainSealer(), datetime(2026, 5, 4, 8))
        exchange = Exchange(database, venue, connection)
        convert = Command(
            kind=Remedy.CONVERT, account_id=people["dust"], asset="DOGE", params={"to_asset": "USDT"}
        )
        assert exchange.do(convert).reason is None
        assert exchange.act(Act.FREEZE, people["loan"]).reason is None
        assert invariants.broken(connection) == []
        for table in ("ledger", "transfer", "entry", "account"):
            connection.execute(f"alter table sandbox.{table} disable trigger user")
        connection.execute("alter table sandbox.ledger drop constraint no_overdraft")
        yield exchange


def test_every_rule_finds_what_breaks_it(damaged: Exchange) -> None:
    """Security chapter 2: twelve invariants and one more, none of them blind."""
    assert len(VIOLATIONS) == len(invariants.RULES)
    for number, violation in VIOLATIONS.items():
        with damaged.connection.transaction(force_rollback=True):
            damaged.connection.execute(violation)
            found = {int(line.split(" ", 1)[0]) for line in invariants.broken(damaged.connection)}
            assert number in found, violation
    assert invariants.broken(damaged.connection) == []


@pytest.mark.parametrize(
    ("guard", "rules"),
    [
        ("alter table sandbox.ledger drop constraint no_overdraft", {3}),
        ("drop trigger applied on sandbox.transfer", {2}),
        ("drop trigger closed_is_empty on sandbox.account", {6}),
    ],
)
def test_without_a_guard_the_damage_shows(database: str, guard: str, rules: set[int]) -> None:
    """Each guard of the database is needed: without it, ordinary commands break a rule that is found."""
    with (
        SandboxVenue(database, sealer=PlainSealer()) as venue,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        people = seed.seed(connection, PlainSealer(), datetime(2026, 5, 4, 8))
        exchange = Exchange(database, venue, connection)
        connection.execute(guard)
        gift = {"asset": "USDT", "amount": Decimal(10**6), "params": {"to_account": str(people["clean"])}}
        exchange.act(Remedy.SEND, people["invest"], **gift)
        with contextlib.suppress(psycopg.DatabaseError):  # the guards that are still there refuse
            connection.execute("select sandbox.post_closing(sandbox.begin_closing(%s))", (people["invest"],))
        found = {int(line.split(" ", 1)[0]) for line in invariants.broken(connection)}
    assert rules <= found
