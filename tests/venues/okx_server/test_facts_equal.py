"""R-CHK-20: facts through the v5 API equal the facts by SQL, for everything that the API can show."""

import dataclasses
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.venues.okx_server.conftest import NoPace, Place, declared_good, wall_now

from closeout.facts.schema import RELATIONS, Relation
from closeout.venues.okx.endpoints import post
from closeout.venues.okx.looking import Looked, look
from closeout.venues.okx_server import keys
from closeout.venues.sandbox import world
from closeout.venues.sandbox.building import Room
from closeout.venues.sandbox.cast import CAST

ZERO = Decimal(0)
SHOWN = (
    "balance",
    "open_order",
    "position",
    "loan",
    "earn",
    "sub_account",
    "transfer",
    "api_key",
    "payment_method",
)
OF_SUBS = ("balance", "api_key")  # what the main account's key is told of a sub-account
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
    "api_key": lambda row: number(row.key_id) if row.kind == "bot" else (row.label, row.can_trade),
    "payment_method": lambda row: (row.method_id, row.kind),
}  # fmt: skip
VISIBLE: dict[str, Callable[[Any], bool]] = {
    "position": lambda row: not row.settlement_pending,
    "transfer": lambda row: row.kind != "card" and not row.final,
    "sub_account": lambda row: row.state != "closed",
    "payment_method": lambda row: row.kind == "bank_account",
}


def visible(relation: str, row: Any, *, main: bool) -> bool:
    """Say whether the API shows a row: keys of the main account and cards it never does."""
    if relation == "api_key":
        return bool(row.kind == ("bot" if main else "key"))
    return VISIBLE.get(relation, lambda _: True)(row)


def same(place: Place, seen: Looked, relation: str, account: int) -> None:
    main = account == seen.holder.account_id
    api = [row for row in seen.facts[relation] if row.account_id == account]
    sql = [row for row in by_sql(place, relation, account) if visible(relation, row, main=main)]
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
    for account in seen.account_ids:
        for relation in SHOWN if account == seen.holder.account_id else OF_SUBS:
            same(place, seen, relation, account)
    return [row for rows in seen.facts.values() for row in rows]


def test_everybody_in_the_sandbox(place: Place) -> None:
    for handle in CAST:
        checked(place, handle, place.wire(place.key(handle), pace=NoPace()))


def test_a_withdrawal_is_expected_when_the_exchange_expects_it(place: Place) -> None:
    wire = place.wire(place.key("messy", addresses="127.0.0.1"), pace=NoPace())
    way = next(one for one in place.venue.destinations(place.people["messy"]) if one.asset == "SOL")
    told = {"ccy": "SOL", "amt": "0.5", "dest": "4", "toAddr": way.address, "chain": f"SOL-{way.network}"}
    wire.call(post("asset/withdrawal"), told)
    (now,) = place.connection.execute("select sandbox.now()").fetchone()
    seen = look(wire, now=now, answers=declared_good())
    api = {number(row.transfer_id): row for row in seen.facts["transfer"] if row.kind == "withdrawal"}
    sql = {number(row.transfer_id): row for row in by_sql(place, "transfer", place.people["messy"])}
    assert api
    assert [row.expected_at for row in api.values()] == [
        sql[name].expected_at.replace(microsecond=0) for name in api
    ]


def coins(most: int) -> st.SearchStrategy[str]:
    return st.decimals(min_value="0.0001", max_value=most, places=4).map(str)


Step = Callable[[Room], None]
BOOK = {"BTC-USDT": "60000", "ETH-USDT": "3000", "SOL-USDT": "150"}
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda a, n, w: lambda room: room.put(a, n, w), st.sampled_from(["USDT", "BTC", "SHIB", "LUNC"]),
              coins(1000), st.sampled_from(["funding", "trading"])),
    st.builds(lambda n: lambda room: room.put("EUR", n, "fiat"), st.integers(1, 900).map(str)),
    st.builds(lambda i, n, k: lambda room: room.order(i, "buy", n, BOOK[i], kind=k), st.sampled_from(sorted(BOOK)),
              coins(1), st.sampled_from(["limit", "trigger", "margin"])),
    st.builds(lambda n: lambda room: room.order("BTC-USDT-SWAP", "buy", n, "55000", kind="swap"), coins(1)),
    st.builds(lambda n: lambda room: room.traded("ETH-USDT", "buy", n, "3000"), coins(1)),
    st.builds(lambda k, q: lambda room: room.position(*k, q, "3000", "10"),
              st.sampled_from([("swap", "BTC-USDT-SWAP"), ("margin", "ETH-USDT-MARGIN"),
                               ("futures", "BTC-USDT-FUTURES"),
                               ("option", "BTC-USD-65000-C"), ("copy", "BTC-USDT-SWAP")]), coins(3)),
    st.builds(lambda n: lambda room: room.loan("USDC", n, "USDT", "500"), coins(300)),
    st.builds(lambda p, n: lambda room: room.earn(p, n), st.sampled_from(["Simple Earn USDT", "DeFi USDT"]),
              coins(200)),
    st.builds(lambda n, d, r: lambda room: room.earn("Fixed 30 USDT", n, matures_in=d, auto_renew=r), coins(200),
              st.integers(1, 30), st.booleans()),
    st.builds(lambda n: lambda room: room.bot("grid", "BTC-USDT", "buy", n, "50000"), coins(1)),
    st.builds(lambda n: lambda room: room.negative("USDC", n), coins(1)),
    st.just(lambda room: room.methods("bank_account", "alipay")),
    st.builds(lambda n: lambda room: room.sub("more").put("ETH", n), coins(5)),
    st.builds(lambda n: lambda room: world.deposit(room.connection, room.account_id, asset="ETH", amount=Decimal(n),
                                                   minutes=30), coins(5)),
)  # fmt: skip


def furnished(place: Place, steps: list[Step]) -> int:
    """Open an account with enough money for every step, and furnish it."""
    row = place.connection.execute(
        "insert into sandbox.account (jurisdiction, opened_at) values ('DE', sandbox.now()) "
        "returning account_id, sandbox.now()"
    ).fetchone()
    assert row is not None
    room = Room(place.connection, row[0], row[1])
    room.put("USDT", "9000")
    room.put("USDT", "900000", "trading")
    for step in steps:
        step(room)
    return int(row[0])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(STEPS, max_size=9))
def test_any_account(place: Place, steps: list[Step]) -> None:
    """Property: whatever an account of the sandbox holds, the API tells what the tables hold."""
    account = furnished(place, steps)
    key = keys.issue(place.connection, account, permissions="read_only")
    checked(place, str(account), place.wire(key, pace=NoPace()))
