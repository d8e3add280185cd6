"""Balances, debts and auto-earn, one pure function per fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from closeout.facts.schema import Balance, Earn, Loan
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import ZERO, Raw, Unreadable, amount, amount_or_none, flag, parts, text

AUTO_OFF = frozenset({"", "unsupported", "off"})
AUTO_ON = frozenset({"pending", "active"})


def minimums(rows: Sequence[Raw]) -> dict[str, Decimal | None]:
    """Read ``asset/currencies``: the smallest withdrawal of each asset over its open chains, or ``None``."""
    found: dict[str, Decimal | None] = {}
    for row in rows:
        asset = text(row, "ccy")
        least = amount_or_none(row, "minWd") if flag(row, "canWd") else None
        known = found.get(asset)
        found[asset] = least if known is None else known if least is None else min(known, least)
    return found


def prices(rows: Sequence[Raw]) -> dict[str, Decimal]:
    """Read ``market/index-tickers`` quoted in USDT: the price of one unit of each asset."""
    found = {"USDT": Decimal(1)}
    for row in rows:
        base, _, quote = text(row, "instId").partition("-")
        price = amount_or_none(row, "idxPx")
        if quote == "USDT" and price is not None:
            found[base] = price
    return found


def _balance(seen: Seen, wallet: str, asset: str, *, available: Decimal, locked: Decimal) -> Balance:
    return Balance(
        account_id=seen.account_id,
        wallet=wallet,
        asset=asset,
        available=available,
        locked=locked,
        withdraw_min=seen.withdraw_min.get(asset),
        value=seen.value(asset, available + locked),
    )


def funding(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
    """Read ``asset/balances`` (or that of a sub-account)."""
    for row in rows:
        total, available = amount(row, "bal"), amount(row, "availBal")
        if total or available:
            yield _balance(seen, "funding", text(row, "ccy"), available=available, locked=total - available)


def trading(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
    """Read ``account/balance``: cash of each asset, signed; equity that is not cash is told elsewhere."""
    for row in details(rows):
        cash = amount(row, "cashBal")
        frozen = amount(row, "frozenBal", "ordFrozen")
        locked = min(frozen, cash) if cash > 0 else ZERO
        if cash or frozen:
            yield _balance(seen, "trading", text(row, "ccy"), available=cash - locked, locked=locked)


def details(rows: Sequence[Raw]) -> list[Raw]:
    """Return the assets of ``account/balance``. Raises: Unreadable if the answer has another shape."""
    return [part for row in rows for part in parts(row, "details")]


def non_tradable(rows: Sequence[Raw], seen: Seen) -> Iterator[Balance]:
    """Read ``asset/non-tradable-assets``: leaves only whole, to an address, with an IP-bound key."""
    for row in rows:
        total = amount(row, "bal")
        if total:
            yield Balance(
                account_id=seen.account_id,
                wallet="non_tradable",
                asset=text(row, "ccy"),
                available=total,
                locked=ZERO,
                value=None,
                withdraw_min=amount_or_none(row, "minWd") if flag(row, "canWd") else None,
            )


def liabilities(rows: Sequence[Raw], seen: Seen) -> Iterator[Loan]:
    """Read the liabilities in ``account/balance``: margin borrowing, manual borrowing, negative cash."""
    for row in details(rows):
        owed, interest = abs(amount(row, "liab", "crossLiab")), abs(amount_or_none(row, "interest") or ZERO)
        if owed or interest:
            yield loan(seen, f"liab-{text(row, 'ccy')}", text(row, "ccy"), owed=owed, interest=interest)


def loan(
    seen: Seen,
    loan_id: str,
    asset: str,
    *,
    owed: Decimal,
    interest: Decimal = ZERO,
    pledge: tuple[str, Decimal] | None = None,
) -> Loan:
    """Build one row of the relation loan."""
    return Loan(
        account_id=seen.account_id,
        loan_id=loan_id,
        asset=asset,
        principal=owed,
        interest=interest,
        collateral_asset=pledge[0] if pledge else None,
        collateral=pledge[1] if pledge else ZERO,
    )


def interest_limits(rows: Sequence[Raw], seen: Seen) -> Iterator[Loan]:
    """Read ``account/interest-limits``: what is borrowed in each asset; the same debt as in the balance."""
    for row in rows:
        for record in parts(row, "records"):
            used, interest = amount_or_none(record, "usedLoan"), amount_or_none(record, "interest")
            if used or interest:
                asset = text(record, "ccy")
                owed, due = abs(used or ZERO), abs(interest or ZERO)
                yield loan(seen, f"liab-{asset}", asset, owed=owed, interest=due)


def auto_earn(rows: Sequence[Raw], seen: Seen) -> Iterator[Earn]:
    """Read auto-earn out of ``account/balance``: assets that are lent or staked by themselves.

    Raises: Unreadable for a status that is not documented: it may mean that money is locked.
    """
    for row in details(rows):
        asset = text(row, "ccy")
        for name, kind in (("autoLendStatus", "lending"), ("autoStakingStatus", "staking")):
            status = text(row, name, "")
            if status in AUTO_OFF:
                continue
            if status not in AUTO_ON:
                raise Unreadable(f"{name} is {status!r}")
            share = amount_or_none(row, "autoLendMtAmt") or amount_or_none(row, "autoLendAmt") or ZERO
            yield Earn(
                account_id=seen.account_id,
                earn_id=f"auto-{kind}-{asset}",
                kind=kind,
                product="auto-earn",
                asset=asset,
                amount=share,
                redeemable=True,
                matures_at=None,
                redeeming=False,
                auto_renew=False,
            )


def extras(rows: Sequence[Raw]) -> Mapping[str, Mapping[str, Decimal]]:
    """Return equity in ``account/balance`` that says orders, bots or copies exist, by asset and field."""
    names = ("ordFrozen", "stgyEq", "fixedBal", "smtSyncEq", "spotCopyTradingEq", "spotIsoBal", "isoEq")
    found: dict[str, dict[str, Decimal]] = {}
    for row in details(rows):
        said = {name: amount_or_none(row, name) or ZERO for name in names}
        if any(said.values()):
            found[text(row, "ccy")] = {name: value for name, value in said.items() if value}
    return found
