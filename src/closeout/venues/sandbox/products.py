"""Earn products and loans: redeeming, renewing, rewarding, maturing, repaying."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from closeout.venues.base import Command, Quote, ReceiptState, Rejected
from closeout.venues.sandbox.ledger import (
    Cursor,
    Place,
    Work,
    ceiling,
    floor,
    limit,
    numbers,
    one,
    single,
    times,
)  # fmt: skip


@dataclass(frozen=True)
class Redemption:
    """What redeeming a product means now."""

    earn_id: int
    asset: str
    amount: Decimal
    penalty: Decimal
    pays_at: datetime
    refused: str | None


def redemption_of(cursor: Cursor, command: Command, now: datetime) -> Redemption:
    """Look at the product of ``command``. Raises: Rejected("not_found") also if it is on its way already."""
    cursor.execute(
        "select e.earn_id, e.asset, e.amount, e.matures_at, p.early, p.penalty_rate, p.unbonding_minutes, a.scale "
        "from sandbox.earn as e join sandbox.product as p using (product) join sandbox.asset as a on a.asset = e.asset "
        "where e.account_id = %s and e.earn_id = %s and e.state = 'active'",
        (command.account_id, single(command)),
    )
    number, asset, amount, matures_at, early, rate, minutes, scale = one(cursor)
    mature = matures_at is not None and matures_at <= now
    penalty = Decimal(0) if mature or matures_at is None else ceiling(times(amount, rate), scale)
    allowed = limit(command, "penalty_most")
    refused = None
    if not mature and not early:
        refused = "no_early_redemption"
    elif penalty > (allowed or 0):
        refused = "penalty"
    return Redemption(number, asset, amount, penalty, now + timedelta(minutes=minutes), refused)


def redeem(work: Work, command: Command) -> None:
    """Redeem one product whole, with the rewards of whole days, to funding; PENDING where it unbonds first.

    Raises: Rejected("not_found", "no_early_redemption", "penalty").
    """
    what = redemption_of(work.cursor, command, work.now)
    if what.refused is not None:
        raise Rejected(what.refused)
    funding = Place(work.account_id, "funding", what.asset)
    reward(work, what.earn_id, funding)
    invested = Place(work.account_id, "earn", what.asset, "locked")
    if what.penalty:
        work.move(invested, invested.house("penalties"), what.penalty)
        work.cursor.execute(
            "update sandbox.earn set amount = amount - %s where earn_id = %s", (what.penalty, what.earn_id)
        )
        work.notes["penalty"] = f"{what.penalty:f}"
    if what.pays_at > work.now:
        work.cursor.execute(
            "update sandbox.earn set state = 'redeeming', redeem_at = %s, auto_renew = false where earn_id = %s",
            (what.pays_at, what.earn_id),
        )
        work.state = ReceiptState.PENDING
        work.notes["pays_at"] = what.pays_at.isoformat()
    else:
        pay_out(work, what.earn_id)


def quote_redeem(cursor: Cursor, command: Command, now: datetime) -> Quote:
    """Say what redeeming would bring, and what an early redemption costs."""
    what = redemption_of(cursor, command, now)
    possible = what.refused is None
    return Quote(
        command, possible, what.refused, proceeds=what.amount - what.penalty, proceeds_asset=what.asset,
        penalty=what.penalty, done_at=what.pays_at if what.pays_at > now else None, proceeds_wallet="funding",
    )  # fmt: skip


def pay_out(work: Work, earn_id: int) -> None:
    """Pay a product out to funding, if that has not happened yet."""
    work.cursor.execute(
        "update sandbox.earn set state = 'paid', paid_at = %s, auto_renew = false "
        "where earn_id = %s and state <> 'paid' returning asset, amount",
        (work.now, earn_id),
    )
    row = work.cursor.fetchone()
    if row is not None:
        asset, amount = row
        work.move(
            Place(work.account_id, "earn", asset, "locked"), Place(work.account_id, "funding", asset), amount
        )


def reward(work: Work, earn_id: int, to: Place) -> Decimal:
    """Post the rewards of the whole days since the last reward to ``to``; return how much that was."""
    work.cursor.execute(
        "update sandbox.earn as e set rewarded_at = e.rewarded_at + due.days * interval '1 day' "
        "from (select earn_id, floor(extract(epoch from least(%s, coalesce(matures_at, %s)) - rewarded_at) / 86400) "
        "as days from sandbox.earn where earn_id = %s for update) as due "
        "join sandbox.earn as was on was.earn_id = due.earn_id "
        "join sandbox.product as p on p.product = was.product "
        "join sandbox.asset as a on a.asset = was.asset "
        "where e.earn_id = due.earn_id and due.days >= 1 and e.state = 'active' "
        "returning due.days, e.amount, p.daily_rate, a.scale",
        (work.now, work.now, earn_id),
    )
    row = work.cursor.fetchone()
    if row is None:
        return Decimal(0)
    whole_days, amount, rate, scale = row
    earned = floor(times(times(amount, rate), whole_days), scale)
    work.move(to.house("rewards"), to, earned)
    return earned


def mature(work: Work, earn_id: int) -> None:
    """Let a product mature: pay the rewards of its term, then pay out or start again.

    Products with a term earn at its end, the others every day.
    """
    work.cursor.execute(
        "select e.asset, e.auto_renew, p.term_days from sandbox.earn as e join sandbox.product as p using (product) "
        "where e.earn_id = %s and e.state = 'active' and e.matures_at <= %s for update of e",
        (earn_id, work.now),
    )
    row = work.cursor.fetchone()
    if row is None:
        return
    asset, renew, term_days = row
    reward(work, earn_id, Place(work.account_id, "earn" if renew else "funding", asset))
    if not renew:
        pay_out(work, earn_id)
        return
    work.cursor.execute(
        "update sandbox.earn set matures_at = matures_at + ceil(extract(epoch from %s - matures_at "
        "+ interval '1 second') / (86400 * %s)) * %s * interval '1 day', rewarded_at = matures_at where earn_id = %s",
        (work.now, term_days, term_days, earn_id),
    )


def stop_renewal(work: Work, command: Command) -> None:
    """Switch the automatic renewal of products off. Raises: Rejected("not_found")."""
    wanted = numbers(command.items)
    work.cursor.execute(
        "update sandbox.earn set auto_renew = false where account_id = %s and earn_id = any(%s) returning earn_id",
        (work.account_id, wanted),
    )
    if len(work.cursor.fetchall()) != len(set(wanted)):
        raise Rejected("not_found")


def owed_of(cursor: Cursor, command: Command) -> tuple[int, str, Decimal, Decimal, str | None, Decimal, str]:
    """Return number, asset, principal, interest, collateral asset, amount and wallet of the loan of ``command``.

    Raises: Rejected("not_found") also if it is repaid already.
    """
    cursor.execute(
        "select l.loan_id, l.asset, l.principal, sandbox.interest(l), l.collateral_asset, l.collateral, "
        "l.collateral_wallet from sandbox.loan as l "
        "where l.account_id = %s and l.loan_id = %s and l.state = 'open'",
        (command.account_id, single(command)),
    )
    number, asset, principal, interest, collateral_asset, collateral, wallet = one(cursor)
    return number, asset, principal, interest, collateral_asset, collateral, wallet


def repay(work: Work, command: Command) -> None:
    """Repay principal and interest to the second, from funding and then trading; free the collateral.

    Raises: Rejected("not_found", "over_limit" if more is owed than ``amount`` allows, "insufficient").
    """
    number, asset, principal, interest, collateral_asset, collateral, wallet = owed_of(work.cursor, command)
    if command.amount is not None and principal + interest > command.amount:
        raise Rejected("over_limit")
    for ledger, owed in (("interest", interest), ("lending", principal)):
        left = owed
        for paying in ("funding", "trading"):
            place = Place(work.account_id, paying, asset)
            left -= work.sweep(place, place.house(ledger), left) if left else Decimal(0)
        if left:
            raise Rejected("insufficient")
    if collateral_asset is not None:
        pledged = Place(work.account_id, wallet, collateral_asset, "collateral")
        work.move(pledged, Place(work.account_id, "funding", collateral_asset), collateral)
    work.cursor.execute(
        "update sandbox.loan set state = 'repaid', repaid_at = %s, principal = 0, collateral = 0, interest_paid = %s "
        "where loan_id = %s",
        (work.now, interest, number),
    )
    work.notes["principal"], work.notes["interest"] = f"{principal:f}", f"{interest:f}"


def quote_repay(cursor: Cursor, command: Command) -> Quote:
    """Say what is owed at this moment; the interest goes on until the command runs."""
    _, asset, principal, interest, collateral_asset, collateral, _ = owed_of(cursor, command)
    over = command.amount is not None and principal + interest > command.amount
    return Quote(
        command, not over, "over_limit" if over else None, fee=interest, fee_asset=asset,
        proceeds=collateral if collateral_asset else None, proceeds_asset=collateral_asset, proceeds_wallet="funding",
    )  # fmt: skip
