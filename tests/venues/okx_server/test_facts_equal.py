"""R-CHK-20: facts through the v5 API equal the facts by SQL, for everything that the API can show."""

import dataclasses
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.venues.okx_server.conftest import NoPace, Place, declared_good, wall_now

from closeout.facts.schema import RELATIONS, Relation
from closeout.venues.okx.looking import Looked, look
from closeout.venues.sandbox import trading, world
from closeout.venues.sandbox.cast import CAST

ZERO = Decimal(0)
SHOWN = ("balance", "open_order", "position", "loan", "earn", "sub_account", "transfer")
CHAIN = {"lending": "defi", "launchpool": "defi"}


def by_sql(place: Place, relation: str, account: int) -> list[Any]:
    names = ", ".join(spec.name for spec in dataclasses.fields(RELATIONS[relation]))
    rows = place.connection.execute(
        f"select {names} from facts.{relation} where account_id = %s", (account,)
    ).fetchall()
    return [RELATIONS[relation](*row) for row in rows]


def number(item: str) -> str:
    return item.rpartition("-")[2]


def balances(rows: Iterable[Any], *, wallets: dict[str, str]) -> dict[tuple[str, str], tuple[Decimal, ...]]:
    found: dict[tuple[str, str], tuple[Decimal, ...]] = {}
    for row in rows:
        if row.wallet in wallets:
            place = (wallets[row.wallet], row.asset)
            before = found.get(place, (ZERO, ZERO, ZERO))
            found[place] = (before[0] + row.available, before[1] + row.locked, row.withdraw_min or ZERO)
    return {place: sums for place, sums in found.items() if any(sums[:2])}


def earn(rows: Iterable[Any]) -> list[Any]:
    flexible: dict[str, Decimal] = {}
    others = []
    for row in rows:
        if row.kind == "flexible":
            flexible[row.asset] = flexible.get(row.asset, ZERO) + row.amount
        elif row.kind in ("fixed", "structured"):  # the API shows no early way out
            others.append((row.kind, number(row.earn_id), row.asset, row.amount, row.matures_at))
        else:
            kind = CHAIN.get(row.kind, row.kind)
            others.append((kind, number(row.earn_id), row.asset, row.amount, row.redeemable, row.redeeming))
    return [sorted(flexible.items()), sorted(others, key=str)]


COMPARED: dict[str, Callable[[Any], Any]] = {
    "open_order": lambda row: (
        number(row.order_id), row.instrument, row.placed_at,
        (row.asset, row.locked) if row.kind == "limit" else row.kind,
    ),
    "position": lambda row: (number(row.position_id), row.kind, row.instrument, row.quantity, row.unrealised),
    "loan": lambda row: (
        number(row.loan_id), row.asset, row.principal + row.interest, row.collateral_asset, row.collateral
    ),
    "sub_account": lambda row: (row.sub_account_id, row.state),
    "transfer": lambda row: (number(row.transfer_id), row.kind, row.asset, row.amount, row.final),
}  # fmt: skip
VISIBLE: dict[str, Callable[[Any], bool]] = {
    "position": lambda row: not row.settlement_pending,
    "transfer": lambda row: row.kind != "card" and not row.final,
    "sub_account": lambda row: row.state != "closed",
}


def same(place: Place, seen: Looked, relation: str) -> None:
    account = seen.holder.account_id
    api = [row for row in seen.facts[relation] if row.account_id == account]
    sql = [row for row in by_sql(place, relation, account) if VISIBLE.get(relation, lambda _: True)(row)]
    if relation == "balance":
        ours = balances(api, wallets={"funding": "funding", "trading": "trading"})
        theirs = balances(sql, wallets={"funding": "funding", "fiat": "funding", "trading": "trading"})
        assert ours == theirs
    elif relation == "earn":
        assert earn(api) == earn(sql)
    else:
        key = COMPARED[relation]
        assert sorted(map(key, api), key=str) == sorted(map(key, sql), key=str)


def checked(place: Place, handle: str, wire: Any) -> list[Relation]:
    seen = look(wire, now=wall_now(), answers=declared_good())
    assert not seen.failures, handle
    for relation in SHOWN:
        same(place, seen, relation)
    return [row for rows in seen.facts.values() for row in rows]


def test_everybody_in_the_sandbox(place: Place) -> None:
    for handle in CAST:
        checked(place, handle, place.wire(place.key(handle), pace=NoPace()))


@pytest.fixture
def busy(place: Place) -> tuple[Place, Any]:
    return place, place.wire(place.key("clean"), pace=NoPace())


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_account(busy: tuple[Place, Any], data: st.DataObject) -> None:
    """Deposits, moves between wallets and orders in any order: after each, the API tells what the tables hold."""
    place, wire = busy
    account = place.people["clean"]
    asset = data.draw(st.sampled_from(["USDT", "BTC", "SHIB", "LUNC", "GHOST"]))
    amount = data.draw(st.decimals(min_value="0.01", max_value="1000", places=2))
    world.deposit(
        place.connection, account, asset=asset, amount=amount, minutes=data.draw(st.sampled_from([0, 30]))
    )
    place.venue.settle()
    if data.draw(st.booleans()):
        held = by_sql(place, "balance", account)
        for row in held:
            if row.wallet == "funding" and row.available > 0 and row.asset in ("USDT", "BTC"):
                world.move(
                    place.connection,
                    account,
                    asset=row.asset,
                    amount=row.available,
                    wallet="funding",
                    to_wallet="trading",
                )
    side = data.draw(st.sampled_from(["buy", "sell"]))
    trading_now = {
        row.asset: row.available for row in by_sql(place, "balance", account) if row.wallet == "trading"
    }
    needs = "USDT" if side == "buy" else "BTC"
    if trading_now.get(needs, ZERO) >= 1:
        price = Decimal(100) if side == "buy" else Decimal(90000)
        quantity = Decimal("0.01") if side == "buy" else Decimal("0.5")
        world.place_order(place.connection, account, trading.Order("BTC-USDT", side, quantity, price))
    checked(place, "clean", wire)
