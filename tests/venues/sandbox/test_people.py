"""The seeded people: made once, generated, sealed, and gone without a trace when they are erased."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from tests.venues.sandbox.conftest import Exchange, PlainSealer

from closeout.clearing import run
from closeout.clearing.choices import suggested
from closeout.clearing.journal import MemoryJournal
from closeout.conditions.check import Report, Result, check
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.base import Act, Command
from closeout.venues.sandbox import invariants, seed, world
from closeout.venues.sandbox.cast import CAST
from closeout.venues.sandbox.venue import SandboxVenue

NOW = datetime(2026, 5, 4, 8)
BLOCKED_BY = {
    "clean": set(), "waiting": {"earn_locked", "security_password_quiet"}, "frozen": {"no_holds"},
    "dust": {"no_dust"}, "orders": {"no_open_orders"}, "positions": {"no_positions"},
    "loan": {"no_loans", "no_collateral"}, "earn": {"earn_redeemable", "earn_no_renewal"}, "staking": {"earn_locked"},
    "p2p": {"no_p2p_orders", "no_p2p_appeals", "no_disputes"}, "subaccounts": {"sub_accounts_closed"},
    "cards": {"no_payment_methods"}, "keys": {"no_api_keys", "no_open_orders"},
    "security": {"security_password_quiet", "security_factors_quiet"}, "kyc": {"identity_verified"},
    "rebate": {"no_rebates"}, "inflight": {"nothing_in_flight"}, "authenticator": set(), "negative": set(),
    "dispute": {"no_disputes"}, "contact": {"contacts_reachable"}, "limited": {"balances_zero"},
    "slippage": {"no_positions"}, "invest": {"balances_zero"},
}  # fmt: skip


@pytest.fixture
def seeded(database: str) -> Iterator[Exchange]:
    """An exchange of its own with everybody in it."""
    with (
        SandboxVenue(database, sealer=PlainSealer()) as venue,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        seed.seed(connection, PlainSealer(), NOW)
        yield Exchange(database, venue, connection)
        assert invariants.broken(connection) == []


def reports(exchange: Exchange, accounts: list[int]) -> dict[int, Report]:
    engine = exchange.venue.engine(accounts)
    return dict(check(engine, Policy(), as_of=exchange.venue.now(), accounts=accounts))


def test_everybody_has_the_blockers_they_are_there_for(seeded: Exchange) -> None:
    """R-CHK-1 to R-CHK-16: at least one person for each kind of blocker, one clean, one with nearly all."""
    people = {person.handle: person for person in seeded.venue.people()}
    assert list(people) == list(CAST)
    found = reports(seeded, [person.account_id for person in people.values()])
    codes = {handle: {b.code for b in found[person.account_id].blockers} for handle, person in people.items()}
    for handle, expected in BLOCKED_BY.items():
        assert expected <= codes[handle], handle
        assert expected or not codes[handle], handle
    assert len(codes["messy"]) >= 15
    assert found[people["clean"].account_id].result is Result.CLEAR
    assert found[people["negative"].account_id].result is Result.UNKNOWN  # the operator's fault, hard case 4
    assert {person.language for person in people.values()} == {"en", "zh"}
    assert all(person.about["en"] and person.about["zh"] for person in people.values())


def test_seeding_again_changes_nothing(seeded: Exchange) -> None:
    """Idempotent, also when the clock has gone on; a closed person comes back only on request, with a new account."""
    first = seed.seed(seeded.connection, PlainSealer(), NOW + timedelta(days=99))
    assert seeded.venue.now() == NOW
    lines = seeded.one("select count(*) from sandbox.transfer")
    assert seed.seed(seeded.connection, PlainSealer(), NOW) == first
    assert seeded.one("select count(*) from sandbox.transfer") == lines
    clean = first["clean"]
    assert seeded.act(Act.CLOSE, clean).reason is None
    assert seed.seed(seeded.connection, PlainSealer(), NOW)["clean"] == clean
    renewed = seed.seed(seeded.connection, PlainSealer(), NOW, renew=["clean"])["clean"]
    assert renewed > clean
    holders = [seeded.venue.holder(account) for account in (clean, renewed)]
    assert holders[0] is not None
    assert holders[1] is not None
    assert holders[0].email != holders[1].email


def everything(connection: psycopg.Connection[object]) -> str:
    """Return all that the exchange stores, as text."""
    tables = connection.execute(
        "select tablename from pg_tables where schemaname = 'sandbox' order by 1"
    ).fetchall()
    return "\n".join(
        str(connection.execute(f"select * from sandbox.{table}").fetchall())
        for (table,) in tables  # type: ignore[misc]
    )


def test_personal_data_is_never_stored_in_clear(seeded: Exchange) -> None:
    """R-REC-3: names, contacts and secrets are in the database as sealed bytes only."""
    stored = everything(seeded.connection)
    for person in seeded.venue.people():
        holder = seeded.venue.holder(person.account_id)
        assert holder is not None
        assert holder.totp_secret is not None
        for secret in (holder.name, holder.email, holder.phone, holder.totp_secret.hex()):
            assert secret
            assert secret not in stored
    security = next(person for person in seeded.venue.people() if person.handle == "security")
    holder = seeded.venue.holder(security.account_id)
    assert holder is not None
    assert [kind for kind, _ in holder.replaced] == ["email"]


def test_a_second_exchange_seeds_the_same_people(seeded: Exchange) -> None:
    """Generated from the handle, not drawn: the same names, contacts and secrets everywhere."""
    for handle in CAST:
        language = "zh" if list(CAST).index(handle) % 2 else "en"
        made = seed.private_of(handle, language, 1, NOW)
        account = next(person.account_id for person in seeded.venue.people() if person.handle == handle)
        holder = seeded.venue.holder(account)
        assert holder is not None
        assert (holder.name, holder.email, holder.totp_secret) == (made.name, made.email, made.totp_secret)
        assert holder.email is not None
        assert holder.email.endswith("@example.org")  # reserved for examples


def clear(exchange: Exchange, account: int, journal: MemoryJournal) -> None:
    """One click: everything that can be cleared now."""
    shown = run.show(
        exchange.venue, journal, Policy(), account,
        choices=suggested(exchange.venue.destinations(account), now=exchange.venue.now()),
    )  # fmt: skip
    opened = run.start(exchange.venue, journal, Policy(), account_id=account, digest=shown.digest)
    list(run.proceed(exchange.venue, journal, Policy(), opened, worker="w"))


def test_the_messy_person_gets_from_blocked_to_erased_by_clicking_and_waiting(seeded: Exchange) -> None:
    """R-CLR-1, R-CLO-6, R-REC-3: within a few days, every coin left, and nothing personal left behind."""
    account = next(person.account_id for person in seeded.venue.people() if person.handle == "messy")
    journal, looks = MemoryJournal(), 0
    while blockers := reports(seeded, [account])[account].blockers:
        looks += 1
        assert looks < 30, blockers
        with contextlib.suppress(Refused):  # nothing to clear, only to wait for
            clear(seeded, account, journal)
        waits = [b.clears_at for b in reports(seeded, [account])[account].blockers if b.clears_at]
        if waits:
            world.set_clock(seeded.connection, min(waits))
            seeded.venue.settle()
        assert invariants.broken(seeded.connection) == []
    assert seeded.venue.now() < NOW + timedelta(days=5)
    holder = seeded.venue.holder(account)
    assert holder is not None
    destinations = [to.address for to in seeded.venue.destinations(account)]
    rows = seeded.connection.execute(
        "select account_id from sandbox.account where %s in (account_id, parent_id)", (account,)
    ).fetchall()
    family = [number for (number,) in rows]
    for kind in (Act.FREEZE, Act.CLOSE, Act.ERASE):
        assert seeded.do(Command(kind=kind, account_id=account)).reason is None
    assert seeded.venue.holder(account) is None
    stored = everything(seeded.connection)
    assert not [address for address in destinations if address in stored]
    for table in ("person", "contact", "payment_method", "api_key", "address", "login", "message", "session"):
        left = f"select count(*) from sandbox.{table} where account_id = any(%s)"
        assert seeded.one(left, family) == 0
    others = [p.account_id for p in seeded.venue.people()]
    assert len(others) == len(CAST) - 1
    assert seeded.venue.holder(others[0]) is not None


def test_holder_is_not_told_without_the_vault(database: str) -> None:
    """A sandbox that was opened without a sealer refuses rather than guesses."""
    with SandboxVenue(database) as venue, pytest.raises(ValueError, match="vault"):
        venue.holder(1)
