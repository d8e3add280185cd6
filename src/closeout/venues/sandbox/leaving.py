"""Money that leaves the account: withdrawing, sending, donating, giving up, writing off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from closeout.venues.base import Command, Quote, ReceiptState, Rejected
from closeout.venues.sandbox.ledger import Cursor, Place, Work, floor, limit, one, times
from closeout.venues.sandbox.wallets import available, positive

FORFEIT_VALUE_MAX = Decimal(5)  # USDT at once, and the most that any policy allows
WRITE_OFF_VALUE_MAX = Decimal(5)
WINDOW = timedelta(hours=24)
# One way of one asset: whether the holder has proven the address, and what the limit of 24 hours leaves of it.
WAY = """
select
    n.withdraw_min, n.fee, n.minutes, n.address_pattern, n.memo_required, a.scale,
    case when n.network = 'bank' then exists (
        select 1 from sandbox.payment_method as m where m.account_id = %(account)s and m.asset = n.asset
            and m.method_id::varchar = %(address)s and m.kind = 'bank_account' and m.unbound_at is null
    ) else exists (
        select 1 from sandbox.address as k where k.account_id = %(account)s and k.asset = n.asset
            and k.network = n.network and k.address = %(address)s and k.memo = %(memo)s
            and k.verified_at <= sandbox.now()
    ) end,
    a.withdrawn_daily_max - coalesce(used.amount, 0), used.first_at
from sandbox.network as n inner join sandbox.asset as a on n.asset = a.asset
cross join lateral (
    select sum(v.amount + v.fee) as amount, min(v.started_at) as first_at from sandbox.movement as v
    where v.account_id = %(account)s and v.asset = n.asset and v.kind in ('withdrawal', 'fiat_out')
        and v.state in ('pending', 'final') and v.started_at > %(since)s
) as used
where n.asset = %(asset)s and n.network = %(network)s
"""


@dataclass(frozen=True)
class Way:
    """The way that a withdrawal takes: fee, minimum, time, and what may still leave today."""

    network: str
    address: str
    memo: str | None
    minimum: Decimal
    fee: Decimal
    final_at: datetime
    most: Decimal | None  # what may leave now; None: no limit
    more_at: datetime | None
    scale: int
    refused: str | None


def way_of(cursor: Cursor, command: Command, now: datetime) -> Way:
    """Look up the way of a withdrawal, with the reason if it is closed. Raises: Rejected."""
    network, address = command.params.get("network", ""), command.params.get("address", "")
    memo = command.params.get("memo") or None
    cursor.execute(
        WAY,
        {"account": command.account_id, "asset": command.asset, "network": network, "address": address,
         "memo": memo or "", "since": now - WINDOW},
    )  # fmt: skip
    row = cursor.fetchone()
    if row is None:
        raise Rejected("wrong_network")
    minimum, fee, minutes, pattern, memo_required, scale, verified, left, first_at = row
    refused = None
    if re.fullmatch(pattern.strip("^$"), address) is None:
        refused = "wrong_network"
    elif memo_required and memo is None:
        refused = "memo_missing"
    elif not verified:
        refused = "address_not_verified"
    elif fee > (limit(command, "fee_most") or fee):
        refused = "fee"
    more_at = None if left is None else (first_at or now) + WINDOW
    return Way(
        network, address, memo, minimum, fee, now + timedelta(minutes=minutes), left, more_at, scale, refused
    )


def withdraw(work: Work, command: Command) -> None:
    """Send money out; the amount includes the fee. Without an amount: all, or as much as may leave today.

    Raises: Rejected("wrong_network", "memo_missing", "address_not_verified", "fee", "daily_limit", "minimum",
    "insufficient", "too_precise").
    """
    way = way_of(work.cursor, command, work.now)
    if way.refused is not None:
        raise Rejected(way.refused)
    if way.most is not None and (way.most <= 0 or (command.amount or 0) > way.most):
        raise Rejected("daily_limit")
    funding = Place(work.account_id, "funding", command.asset or "")
    outgoing = funding.house("outgoing")
    wanted = way.most if command.amount is None else positive(command.amount)
    taken = work.sweep(funding, outgoing, wanted if wanted is None else exactly(wanted, way.scale))
    if command.amount is not None and taken < command.amount:
        raise Rejected("insufficient")
    if taken < way.minimum or taken <= way.fee:
        raise Rejected("minimum")
    work.cursor.execute(
        "insert into sandbox.movement (account_id, kind, asset, amount, fee, network, address, memo, entry_id, "
        "started_at, expected_at, key) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning movement_id",
        (work.account_id, "fiat_out" if way.network == "bank" else "withdrawal", command.asset, taken - way.fee,
         way.fee, way.network, way.address, way.memo, work.entry_id, work.now, way.final_at, work.key),
    )  # fmt: skip
    work.notes["transfer"] = str(one(work.cursor)[0])
    work.notes["final_at"] = way.final_at.isoformat()
    work.state = ReceiptState.PENDING


def exactly(amount: Decimal, scale: int) -> Decimal:
    """Return ``amount``. Raises: Rejected("too_precise") if it has more decimals than the asset."""
    if floor(amount, scale) != amount:
        raise Rejected("too_precise")
    return amount


def quote_withdraw(cursor: Cursor, command: Command, now: datetime) -> Quote:
    """Say fee, what arrives, when it is final, and what a daily limit leaves for now."""
    way = way_of(cursor, command, now)
    wanted = command.amount if command.amount is not None else available(cursor, command)
    refused = way.refused
    limited = way.most is not None and wanted > way.most
    if (
        refused is None
        and way.most is not None
        and (way.most <= 0 or (limited and command.amount is not None))
    ):
        refused = "daily_limit"
    elif refused is None and (wanted < way.minimum or wanted <= way.fee):
        refused = "minimum"
    elif refused is None and floor(wanted, way.scale) != wanted:
        refused = "too_precise"
    taken = min(wanted, way.most) if way.most is not None else wanted
    return Quote(
        command, refused is None, refused, proceeds=max(taken - way.fee, Decimal(0)), proceeds_asset=command.asset,
        fee=way.fee, fee_asset=command.asset, done_at=way.final_at, most=max(way.most, Decimal(0)) if limited and
        way.most is not None else None, more_at=way.more_at if limited else None,
    )  # fmt: skip


def give(work: Work, command: Command, to: Place) -> Decimal:
    """Move the amount, or all that is available, from funding to ``to``. Raises: Rejected."""
    source = Place(work.account_id, command.params.get("wallet", "funding"), to.asset)
    if command.amount is None:
        return work.sweep(source, to)
    work.move(source, to, positive(command.amount))
    return command.amount


def send(work: Work, command: Command) -> None:
    """Give money to another holder. Raises: Rejected("not_found" for a closed, unknown or own account)."""
    to_account = receiver(work.cursor, command)
    give(work, command, Place(to_account, "funding", asset_of(work.cursor, command)))


def receiver(cursor: Cursor, command: Command) -> int:
    """Return the account that may receive a gift. Raises: Rejected("not_found")."""
    text = command.params.get("to_account", "")
    cursor.execute(
        "select account_id from sandbox.account where account_id = %s and account_id <> %s and parent_id is null "
        "and state <> 'closed'",
        (int(text) if text.isascii() and text.isdigit() else 0, command.account_id),
    )
    return int(one(cursor)[0])


def asset_of(cursor: Cursor, command: Command) -> str:
    """Return the asset of ``command``. Raises: Rejected("not_found") if there is no such asset."""
    cursor.execute("select asset from sandbox.asset where asset = %s", (command.asset,))
    return str(one(cursor)[0])


def donate(work: Work, command: Command) -> None:
    """Give money to the charity that the operator names. Raises: Rejected."""
    give(work, command, Place(work.account_id, "donations", asset_of(work.cursor, command), owner="house"))


def forfeit(work: Work, command: Command) -> None:
    """Book money as unclaimed property; what has no price may go whole, what has one only within the limit.

    Raises: Rejected("over_limit", "not_found", "insufficient").
    """
    asset = asset_of(work.cursor, command)
    given = give(work, command, Place(work.account_id, "unclaimed", asset, owner="house"))
    if (worth(work.cursor, asset, given) or 0) > FORFEIT_VALUE_MAX:
        raise Rejected("over_limit")


def worth(cursor: Cursor, asset: str, amount: Decimal) -> Decimal | None:
    """Return the value in USDT; none if nobody quotes a price."""
    cursor.execute("select price from sandbox.asset where asset = %s", (asset,))
    price = one(cursor)[0]
    return None if price is None else times(amount, price)


def quote_gift(cursor: Cursor, command: Command) -> Quote:
    """Say whether sending, donating or giving up is possible; they cost nothing."""
    asset = asset_of(cursor, command)
    amount = command.amount if command.amount is not None else available(cursor, command)
    refused = None if amount > 0 else "minimum"
    if command.kind == "send":
        receiver(cursor, command)
    if command.kind == "forfeit" and (worth(cursor, asset, amount) or 0) > FORFEIT_VALUE_MAX:
        refused = "over_limit"
    return Quote(command, refused is None, refused, proceeds=Decimal(0), proceeds_asset=asset, fee=Decimal(0))


def write_off(work: Work, command: Command) -> None:
    """Let the operator take over a negative balance, whole or in part; never more than is negative.

    Raises: Rejected("over_limit", "not_found").
    """
    asset = asset_of(work.cursor, command)
    place = Place(work.account_id, command.params.get("wallet", "funding"), asset)
    work.cursor.execute(
        "select -balance from sandbox.ledger where owner = %s and account_id = %s and wallet = %s and bucket = %s "
        "and asset = %s for update",
        place.key(),
    )
    negative = one(work.cursor)[0]
    amount = positive(command.amount if command.amount is not None else negative)
    if amount > negative or (worth(work.cursor, asset, amount) or 0) > WRITE_OFF_VALUE_MAX:
        raise Rejected("over_limit")
    work.move(place.house("write_off"), place, amount)
    work.notes["reason"] = command.params.get("reason", "")
