"""Ways out for dust, and what comes back: each exit has a line of consent of its own; money returned leaves again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.clearing import sandbox_people
from tests.clearing.doing import clear, holdings, show
from tests.clearing.people import AT, MESSY, OTHER

from closeout.clearing import run
from closeout.clearing.choices import Choices, Consent, Way, suggested
from closeout.clearing.journal import MemoryJournal, RunState
from closeout.clearing.stages import Stage
from closeout.clearing.words import REASONS, reason
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.base import Command, Remedy
from closeout.venues.paper import Paper
from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import Room
from closeout.venues.sandbox.venue import SandboxVenue


@pytest.mark.parametrize(("way", "to_account"), [(Way.SEND, OTHER), (Way.DONATE, None), (Way.FORFEIT, None)])
def test_each_exit_takes_only_what_its_own_line_names(
    venue: Paper, journal: MemoryJournal, way: Way, to_account: int | None
) -> None:
    """R-CLR-6: one asset leaves by the way that was named; the other, unnamed, stays where it is."""
    venue.deposit(MESSY, "funding", "LUNC", Decimal(0))
    line = Consent(asset="GHOST", way=way, amount_max=Decimal(5), to_account=to_account)
    chosen = Choices(destinations=tuple(venue.destinations(MESSY)), consents=(line,))
    shown = show(venue, journal, choices=chosen)
    exits = [offer.line for offer in shown.offers if offer.line.stage is Stage.EXITS]
    assert [(one.command.kind, one.command.asset, one.command.amount) for one in exits] == [
        (way.value, "GHOST", Decimal(5))
    ]
    clear(venue, journal, shown)
    assert venue.book.available(MESSY, "funding", "GHOST") == 0
    assert venue.book.available(MESSY, "funding", "LUNC") == 40, "no consent, no exit"
    if way is Way.SEND:
        assert venue.book.available(OTHER, "funding", "GHOST") == 5
    if way is Way.FORFEIT:
        assert venue.book.unclaimed["GHOST"] == 5


@pytest.mark.parametrize("much", ["1e-19", "NaN", "Infinity", "-1", "0", "1e20"])
def test_amounts_that_no_ledger_holds_are_refused(venue: Paper, journal: MemoryJournal, much: str) -> None:
    """Issue 4, bad input: refused with a sentence in both languages, and nothing moved."""
    line = Consent(asset="GHOST", way=Way.FORFEIT, amount_max=Decimal(much))
    before = holdings(venue)
    with pytest.raises(Refused, match="too_precise") as refused:
        show(venue, journal, choices=Choices(consents=(line,)))
    assert all(refused.value.sentences(language)[0] for language in ("en", "zh"))
    assert holdings(venue) == before


def test_a_confirmation_expires(venue: Paper, journal: MemoryJournal) -> None:
    """R-CLR-3: what was shown long ago is shown again, and can be confirmed as it is then."""
    shown, before = show(venue, journal), holdings(venue)
    venue.clock.pass_time(run.CONFIRMABLE + timedelta(seconds=1))
    with pytest.raises(run.PlanChanged, match="plan_expired") as refused:
        run.start(venue, journal, Policy(), account_id=MESSY, digest=shown.digest)
    assert all(refused.value.sentences(language)[0] for language in ("en", "zh"))
    assert holdings(venue) == before
    assert refused.value.shown.shown_at > AT
    clear(venue, journal, refused.value.shown)


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    """R-CLR-5, issue 4: whatever is refused says why."""
    for code in REASONS:
        assert len({reason(code, language) for language in ("en", "zh")}) == 2, code


def test_amounts_that_differ_in_their_last_digit_are_different_commands() -> None:
    """R-CLR-4: a digest never rounds: two commands under one key would be one."""
    amounts = [Decimal(f"123456789012345678.12345678901234567{n}") for n in range(10)]
    digests = {
        Command(kind=Remedy.DONATE, account_id=1, asset="WEI", amount=much).digest() for much in amounts
    }
    assert len(digests) == 10


def test_sums_keep_every_digit(venue: Paper, journal: MemoryJournal) -> None:
    """R-CHK-1: what two wallets hold together leaves to the last of 36 digits."""
    from tests.clearing.test_dry_run import ADDRESSES

    from closeout.venues.base import Destination
    from closeout.venues.paper_book import Terms

    assert ADDRESSES
    venue.book.terms["WEI"] = Terms(price=Decimal("0.000001"), withdraw_min=Decimal(1), scale=18)
    venue.book.addresses[MESSY].append(Destination("WEI", "ERC20", "wei-holder"))
    venue.deposit(MESSY, "funding", "WEI", Decimal("123456789012345678.000000000000000001"))
    venue.deposit(MESSY, "trading", "WEI", Decimal("0.000000000000000001"))
    clear(venue, journal, show(venue, journal))
    left = [amount for _, asset, _, amount in venue.book.sent if asset == "WEI"]
    assert left == [Decimal("123456789012345678.000000000000000002")]


@pytest.fixture
def exchange(database: str) -> Iterator[SandboxVenue]:
    """The sandbox exchange."""
    with SandboxVenue(database) as venue:
        yield venue


def furnish(room: Room) -> None:
    """USDT, and euros with the bank account that they leave to."""
    room.put("USDT", "900")
    room.put("EUR", "500")
    room.methods("bank_account")
    room.addresses()


def test_what_a_chain_drops_or_a_bank_returns_leaves_again(exchange: SandboxVenue) -> None:
    """Hard case 13: the money comes back, the run takes it up again under the same confirmation, to the same place."""
    journal, account = MemoryJournal(), sandbox_people.open_account(exchange, furnish)
    choices = suggested(exchange.destinations(account), now=exchange.now())
    shown = run.show(exchange, journal, Policy(), account, choices=choices)
    opened = run.start(exchange, journal, Policy(), account_id=account, digest=shown.digest)
    list(run.proceed(exchange, journal, Policy(), opened, worker="w"))
    sent = movements(exchange, account)
    assert {kind for _, kind, _, _ in sent} == {"withdrawal", "fiat_out"}
    with exchange.connection() as connection:
        world.drop_withdrawal(connection, next(number for number, kind, *_ in sent if kind == "withdrawal"))
        world.pass_time(connection, timedelta(days=3))
    exchange.settle()
    with exchange.connection() as connection:
        world.bank_return(
            connection, account, next(number for number, kind, *_ in sent if kind == "fiat_out")
        )
    standing = journal.unfinished(account)
    assert standing is not None, "money on its way keeps the run open"
    list(run.proceed(exchange, journal, Policy(), standing, worker="w"))
    again = movements(exchange, account)
    assert len(again) == 4
    assert {(kind, address) for _, kind, address, _ in again} == {
        (kind, address) for _, kind, address, _ in sent
    }
    assert {state for number, *_, state in again if number in {number for number, *_ in sent}} == {
        "undone",
        "returned",
    }


def movements(venue: SandboxVenue, account: int) -> list[tuple[int, str, str, str]]:
    """Return what left, in order."""
    with venue.connection() as connection:
        return connection.execute(
            "select movement_id, kind, address, state from sandbox.movement where account_id = %s "
            "and kind in ('withdrawal', 'fiat_out') order by 1", (account,),
        ).fetchall()  # fmt: skip


def test_a_daily_limit_slices_a_withdrawal_over_days(exchange: SandboxVenue) -> None:
    """Issue 4, withdrawals: the dry run names what leaves on which day, and that is what then happens."""
    journal, account = MemoryJournal(), sandbox_people.open_account(exchange, furnish)
    with exchange.connection() as connection:
        connection.execute("update sandbox.asset set withdrawn_daily_max = 400 where asset = 'USDT'")
    choices = suggested(exchange.destinations(account), now=exchange.now())
    shown = run.show(exchange, journal, Policy(), account, choices=choices)
    assert [(part.asset, part.amount) for part in shown.slices] == [
        ("USDT", Decimal(400)),
        ("USDT", Decimal(100)),
    ]
    assert shown.slices[1].at - shown.slices[0].at == timedelta(days=1)
    opened = run.start(exchange, journal, Policy(), account_id=account, digest=shown.digest)
    list(run.proceed(exchange, journal, Policy(), opened, worker="w"))
    for _ in range(2):
        with exchange.connection() as connection:
            world.pass_time(connection, timedelta(days=1, minutes=1))
        exchange.settle()
        standing = journal.unfinished(account)
        assert standing is not None
        assert standing.state is RunState.WAITING
        list(run.proceed(exchange, journal, Policy(), standing, worker="w"))
    with exchange.connection() as connection:
        rows = connection.execute(
            "select amount + fee from sandbox.movement where account_id = %s and asset = 'USDT' "
            "and kind = 'withdrawal' order by 1 desc", (account,),
        ).fetchall()  # fmt: skip
    assert [much for (much,) in rows] == [Decimal(400), Decimal(400), Decimal(100)]


def test_progress_is_seen_inside_a_large_batch(exchange: SandboxVenue) -> None:
    """R-CLR-5, issue 4: of thirty commands in one call the first are told while the last are not yet done."""

    def furnish(room: Room) -> None:
        for number in range(30):
            room.key("key", f"tool {number}")

    journal, account = MemoryJournal(), sandbox_people.open_account(exchange, furnish)
    shown = run.show(exchange, journal, Policy(), account, choices=Choices())
    opened = run.start(exchange, journal, Policy(), account_id=account, digest=shown.digest)
    told = []
    for event in run.proceed(exchange, journal, Policy(), opened, worker="w"):
        if event.kind == "done":
            with exchange.connection() as connection:
                written = connection.execute(
                    "select count(*) from sandbox.receipt where account_id = %s", (account,)
                ).fetchone()
            assert written is not None
            told.append((event.done, event.total, written[0]))
    assert [done for done, _, _ in told] == list(range(1, 31))
    assert {total for _, total, _ in told} == {30}
    assert all(done <= written <= done + 9 for done, _, written in told)
    assert exchange.calls.submit == 1
