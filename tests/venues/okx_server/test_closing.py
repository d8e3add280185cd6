"""R-CLR-1..5, R-REC-1 over the v5 server: check, clear, check, export, with a key and nothing else."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.venues.okx_server.conftest import NoPace, Place, declared_good

from closeout.clearing import run
from closeout.clearing.choices import Choices
from closeout.clearing.journal import MemoryJournal
from closeout.conditions.check import Report, Result, check
from closeout.policy import Policy
from closeout.records import export
from closeout.records.signing import KeyStore
from closeout.records.tax import events
from closeout.venues import commands
from closeout.venues.base import Destination, ReceiptState, Unreachable
from closeout.venues.okx import history
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.venue import OkxVenue
from closeout.venues.okx_server import keys
from closeout.venues.sandbox import world

SHOWN_BY_API = (
    "balances_zero", "no_dust", "balances_unlocked", "no_open_orders", "no_positions", "no_loans", "no_collateral",
    "earn_redeemable", "earn_locked", "earn_no_renewal", "nothing_in_flight", "sub_accounts_closed",
)  # fmt: skip


@pytest.fixture
def venue(place: Place) -> Iterator[OkxVenue]:
    book = place.venue.destinations(place.people["messy"])
    opened = OkxVenue(
        place.wire(place.key("messy"), pace=NoPace()), answers=declared_good(), destinations=book
    )
    yield opened
    opened.close()


def report(venue: OkxVenue, account: int) -> Report:
    venue.look(again=True)
    return check(venue.engine([account]), Policy(), as_of=venue.now(), accounts=[account])[account]


def clear(venue: OkxVenue, account: int, destinations: tuple[Destination, ...]) -> None:
    journal = MemoryJournal()
    venue.look(again=True)
    choices = Choices(destinations=destinations, sell_rest=bool(destinations))
    shown = run.show(venue, journal, Policy(), account, choices=choices)
    if shown.offers:
        started = run.start(venue, journal, Policy(), account_id=account, digest=shown.digest)
        assert list(run.proceed(venue, journal, Policy(), started, worker="test"))


def tap_in_the_app(place: Place, account: int) -> None:
    """Do what no API offers: switch a renewal off, close sub-accounts, unlink what is linked."""
    ask = place.connection.execute
    todo = [
        commands.stop_renewal(account, str(number))
        for (number,) in ask(
            "select earn_id from sandbox.earn where account_id = %s and auto_renew and state = 'active'",
            (account,),
        )
    ]
    todo += [
        commands.close_sub_account(account, str(number))
        for (number,) in ask(
            "select account_id from sandbox.account where parent_id = %s and state = 'open'", (account,)
        )
    ]
    todo += [
        commands.unbind(account, str(number))
        for (number,) in ask(
            "select method_id from sandbox.payment_method where account_id = %s and unbound_at is null",
            (account,),
        )
    ]
    receipts = place.venue.submit(
        [(f"app-{place.venue.now()}-{i}", command) for i, command in enumerate(todo)]
    )
    assert not [one for one in receipts if one.state is ReceiptState.REJECTED and one.reason != "not_empty"]


def test_a_messy_account_ends_clear_and_in_an_archive_that_verifies(
    place: Place, venue: OkxVenue, tmp_path: Path
) -> None:
    account = place.people["messy"]
    first = report(venue, account)
    assert first.result is Result.BLOCKED
    destinations = tuple(place.venue.destinations(account))
    for sub in (number for number in venue.look().account_ids if number != account):
        key = keys.issue(place.connection, sub, permissions="read_only,trade")
        inside = OkxVenue(place.wire(key, pace=NoPace()), answers=declared_good())
        clear(inside, sub, ())  # what only a key of the sub-account may do: its orders and products
    for _ in range(3):
        clear(venue, account, destinations)
        tap_in_the_app(place, account)
        world.pass_time(place.connection, timedelta(days=15))
        place.venue.settle()
    last = {finding.condition.code: finding for finding in report(venue, account).findings}
    assert {code: last[code].blockers for code in SHOWN_BY_API if last[code].result is not Result.CLEAR} == {}
    assert last["no_api_keys"].result is Result.CLEAR  # the key that looks is named beside the report
    sums = history.sums(iter(list(venue.records(account, "ledger"))))
    assert {asset: total for asset, total in sums.items() if total} == {}
    made = export.build(
        lambda kind: venue.records(account, kind), tuple(history.SHELVES), tmp_path / "okx.zip",
        account=str(account), made_at=datetime(2026, 4, 20),
        keys=KeyStore(tmp_path / "keys").prepare(datetime(2026, 4, 20, tzinfo=UTC)),
    )  # fmt: skip
    assert export.verify(made.path)
    assert all(Decimal(total) == 0 for _, total in made.ledger_sums)
    assert made.rows["ledger"] > 40
    told = tax_events(made.path, tmp_path)
    assert all(total == 0 for total in events.balances(told).values())
    kinds = Counter(one.kind for one in told)
    assert (
        kinds[events.Kind.TRADE]
        == place.connection.execute(
            "select (select count(*) from sandbox.conversion where account_id = %(a)s) + "
            "(select count(distinct e.entry_id) from sandbox.entry as e where account_id = %(a)s and kind = 'fill')",
            {"a": account},
        ).fetchone()[0]
    )
    assert [one for one in told if one.kind in (events.Kind.REVIEW_IN, events.Kind.REVIEW_OUT)] == []


def tax_events(archive: Path, folder: Path) -> list[events.Event]:
    """Read the ledger of an archive as tax events; its import files must be there and must hold each of them."""
    with zipfile.ZipFile(archive) as opened:
        opened.extract("parquet/ledger.parquet", folder)
        assert len(opened.read("statement.pdf")) > 10_000
        imported = opened.read("tax/cointracking.csv").decode().splitlines()
    told = list(events.from_legs(events.legs(folder / "parquet" / "ledger.parquet", None)))
    assert len(imported) == len(told) + 1
    return told


def test_a_read_only_key_moves_nothing(place: Place) -> None:
    account = place.people["dust"]
    reader = OkxVenue(
        place.wire(place.key("dust", permissions="read_only"), pace=NoPace()), answers=declared_good()
    )
    command = commands.convert(account, asset="XRP", amount=None, to_asset="USDT")
    (quoted,) = reader.quote([command])
    assert (quoted.possible, quoted.reason) == (False, "key_permission")
    (receipt,) = reader.submit([("k", command)])
    assert (receipt.state, receipt.reason) == (ReceiptState.REJECTED, "key_permission")


def test_what_only_the_app_can_do_is_said_so(place: Place, venue: OkxVenue) -> None:
    account = place.people["messy"]
    for command, place_in_app in (
        (commands.revoke_key(account, "declared-other_keys"), "app_keys"),
        (commands.close_sub_account(account, "100003"), "app_sub_accounts"),
        (commands.unbind(account, "200004"), "app_cards"),
        (commands.stop_renewal(account, "fixed-500002"), "app_renewal"),
    ):
        (quoted,) = venue.quote([command])
        assert (quoted.possible, quoted.reason) == (False, place_in_app)


def test_a_key_of_a_sub_account_is_deleted_and_never_shown(place: Place) -> None:
    """R-CHK-10: facts and plans know a key by a digest; deleting it needs a key that is bound to an address."""
    sub = place.connection.execute(
        "select min(account_id) from sandbox.account where parent_id = %s", (place.people["messy"],)
    ).fetchone()[0]
    made = keys.issue(place.connection, sub, permissions="read_only,trade")
    for addresses, state in (("", ReceiptState.REJECTED), ("127.0.0.1", ReceiptState.DONE)):
        wire = place.wire(place.key("messy", addresses=addresses), pace=NoPace())
        asking = OkxVenue(wire, answers=declared_good())
        (shown,) = [row for row in asking.look().facts["api_key"] if row.account_id == sub]
        assert made.api_key not in repr(asking.look().facts)
        (receipt,) = asking.submit([("k", commands.revoke_key(sub, shown.key_id))])
        assert receipt.state is state
        asking.close()
    assert keys.find(place.connection, made.api_key).revoked


class Losing:
    """A line that does what it is told and then loses the answer, once per operation that is named."""

    def __init__(self, wire: object, *lost: str) -> None:
        self.wire, self.lost = wire, set(lost)
        self.clock_off_ms = 0

    def call(self, endpoint: object, params: object = None) -> list[object]:
        """Call, and lose the answer. Raises: Failure."""
        rows = self.wire.call(endpoint, params)  # type: ignore[attr-defined]
        if endpoint.path in self.lost:  # type: ignore[attr-defined]
            self.lost.discard(endpoint.path)  # type: ignore[attr-defined]
            raise Failure(Kind.OUTCOME_UNKNOWN, "50004")
        return list(rows)


@pytest.mark.parametrize(
    "path",
    [
        "asset/transfer",
        "asset/convert/trade",
        "asset/withdrawal",
        "trade/easy-convert",
        "finance/savings/purchase-redempt",
        "trade/cancel-batch-orders",
    ],
)
def test_a_lost_answer_is_looked_up_and_nothing_moves_twice(place: Place, path: str) -> None:
    """R-CLR-4: the answer to each kind of write is lost once; the same key does not do it again."""
    account = place.people["messy"]
    wire = place.wire(place.key("messy"), pace=NoPace())
    shaky = OkxVenue(Losing(wire, path), answers=declared_good())  # type: ignore[arg-type]
    to = next(one for one in place.venue.destinations(account) if one.asset == "SOL")
    usdt = Decimal(100)
    command = {
        "asset/transfer": commands.gather(account, asset="USDT", wallet="trading", amount=usdt),
        "asset/convert/trade": commands.convert(account, asset="ETH", amount=Decimal("0.5"), to_asset="USDT"),
        "trade/easy-convert": commands.convert(account, asset="ADA", amount=None, to_asset="USDT"),
        "asset/withdrawal": commands.withdraw(account, to=to, amount=Decimal(2)),
        "finance/savings/purchase-redempt": commands.redeem(account, "savings-USDT", asset="USDT"),
        "trade/cancel-batch-orders": commands.cancel_orders(account, ["700004"]),
    }[path]
    with pytest.raises(Unreachable):
        shaky.submit([("one", command)])
    held = place.connection.execute(
        "select * from facts.balance where account_id = %s order by 2, 3", (account,)
    ).fetchall()
    (receipt,) = shaky.submit([("one", command)])
    assert receipt.state in (ReceiptState.DONE, ReceiptState.PENDING)
    after = place.connection.execute(
        "select * from facts.balance where account_id = %s order by 2, 3", (account,)
    ).fetchall()
    assert after == held
    assert shaky.receipts(["one"])["one"] == receipt


def test_a_confirmed_key_answers_for_ever(place: Place, tmp_path: Path) -> None:
    """R-CLR-4: receipts survive the process."""
    account = place.people["messy"]
    wire = place.wire(place.key("messy"), pace=NoPace())
    command = commands.gather(account, asset="USDT", wallet="trading", amount=Decimal(1))
    first = OkxVenue(wire, answers=declared_good(), receipts_path=tmp_path / "r.sqlite")
    (receipt,) = first.submit([("k", command)])
    first.close()
    second = OkxVenue(wire, answers=declared_good(), receipts_path=tmp_path / "r.sqlite")
    assert second.submit([("k", command)]) == [receipt]
    assert (tmp_path / "r.sqlite").stat().st_mode & 0o077 == 0
    second.close()
