"""Look at a Binance account through its key: ask, translate, compare, and say how complete each relation is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from closeout.facts.schema import Account, Balance, Earn, Relation, SubAccount
from closeout.venues.binance import wallets
from closeout.venues.binance.declared import QUESTIONS
from closeout.venues.binance.errors import BinanceFailure
from closeout.venues.binance.reading import (
    ACCOUNT,
    CONFIG,
    FIXED,
    PRICES,
    RESTRICTIONS,
    STATUS,
    SUBS,
    WALLETS,
    Asked,
    asked,
    c2c,
    unstaking,
)
from closeout.venues.okx import declared
from closeout.venues.okx.collecting import Collected, Looked, sources, tables
from closeout.venues.okx.declared import Answer
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.hidden import TOLERANCE_SHARE, TOLERANCE_USDT, Residual
from closeout.venues.okx.reading import Answers, ask, table
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import EPOCH, Raw, Unreadable, amount, flag, number, text
from closeout.venues.okx.wire import Wire

# Each wallet of asset/wallet/balance: our wallets that explain it, and what stays open if they do not.
PLACES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Spot": (("spot", "ipoing", "storage"), "balance"),
    "Funding": (("funding",), "balance"),
    "Cross Margin": (("margin",), "balance"),
    "Isolated Margin": (("isolated",), "balance"),
    "USDⓈ-M Futures": (("usd_futures",), "balance"),
    "COIN-M Futures": (("coin_futures",), "balance"),
    "Earn": (("earn",), "earn"),
    "Options": ((), "position"),
    "Trading Bots": ((), "api_key"),
    "Copy Trading": ((), "position"),
}


def look(wire: Wire, *, now: datetime, answers: Mapping[str, Answer] | None = None) -> Looked:
    """Read everything that the key may read. ``now``: naive UTC.

    Raises: Failure only if not even the account itself can be read.
    """
    account, restrictions = wire.call(ACCOUNT.endpoint), wire.call(RESTRICTIONS.endpoint)
    try:
        holder = wallets.holder(account, restrictions)
    except Unreadable as wrong:
        raise BinanceFailure(Kind.SHAPE, "", f"account: {wrong}") from None
    wanted = (*FIXED, *unstaking(now), *c2c(now))
    answered: Answers = {ACCOUNT.name: account}
    answered |= ask(wire, [one for one in wanted if one is not ACCOUNT])
    seen = Seen(
        account_id=holder.account_id, as_of=now, withdraw_min=table(answered, CONFIG.name, wallets.minimums, {}),
        prices=table(answered, PRICES.name, wallets.prices, {"USDT": Decimal(1)}),
    )  # fmt: skip
    collected = Collected("binance", failure=BinanceFailure)
    closed = _never_opened(answered)
    for one in wanted:
        answer = answered[one.name]
        if isinstance(answer, Failure) and answer.kind is Kind.KEY and one.wallet in closed:
            answer = []  # a wallet that was never opened answers as if the key could not
        if one.optional and answer == []:
            collected.good.update(one.feeds)
            continue
        collected.take(one, answer, seen)
    _look_at_subs(wire, answered, seen, collected)
    residuals = _unexplained(answered, seen, collected)
    kept = declared.fresh(answers or {}, now=now)
    collected.rows.extend(declared.rows(kept, holder.account_id))
    return Looked(
        holder, now, tables(collected.rows, _last_posting(collected.rows)),
        sources(collected, residuals, kept, now, questions=QUESTIONS), collected.failures, tuple(residuals), kept,
        QUESTIONS, "Binance",
    )  # fmt: skip


def _last_posting(rows: Sequence[Relation]) -> datetime | None:
    return next((row.posted_at for row in rows if isinstance(row, Account)), None)


def _never_opened(answered: Answers) -> frozenset[str]:
    """Return the wallets of which Binance says that they are not activated."""
    said = answered.get(WALLETS.name)
    if not isinstance(said, list):
        return frozenset()
    try:
        return frozenset(text(row, "walletName") for row in said if not flag(row, "activate", default=True))
    except Unreadable:
        return frozenset()


def _look_at_subs(wire: Wire, answered: Answers, seen: Seen, collected: Collected) -> None:
    listed, states = answered.get(SUBS.name), answered.get(STATUS.name)
    if not isinstance(listed, list) or not listed:
        return
    try:
        enabled = {text(row, "email"): row for row in states} if isinstance(states, list) else {}
        wanted = {
            number(row, "subUserId"): _of_sub(text(row, "email"), enabled.get(text(row, "email")))
            for row in listed
        }
    except Unreadable as wrong:
        collected.fail(SUBS, BinanceFailure(Kind.SHAPE, "", f"{SUBS.name}: {wrong}"), seen)
        return
    said = ask(wire, [one for each in wanted.values() for one in each])
    for row in listed:
        own = dataclasses.replace(seen, account_id=number(row, "subUserId"), parent_id=seen.account_id)
        before = len(collected.rows)
        for one in wanted[own.account_id]:
            collected.take(one, said[one.name], own)
        holdings = len(collected.rows) - before
        state = "frozen" if flag(row, "isFreeze") else "open"
        collected.rows.append(SubAccount(
            account_id=seen.account_id, sub_account_id=str(own.account_id), label=text(row, "email"), state=state,
            holdings=holdings, closable_at=None,
        ))  # fmt: skip
        collected.rows.append(Account(
            account_id=own.account_id, parent_id=seen.account_id, state=state, jurisdiction="", opened_at=EPOCH,
            posted_at=None,
        ))  # fmt: skip


def _of_sub(email: str, state: Raw | None) -> list[Asked]:
    """Return what to ask about one sub-account: futures and margin where they are open, or nobody knows."""
    who = {"email": email}
    found = [asked("sapiV4", "sub-account/assets", "balance sub_account", wallets.funding, name=f"sub {email} spot",
                   params=who)]  # fmt: skip
    if state is None or flag(state, "isFutureEnabled"):
        found.append(asked("sapiV2", "sub-account/futures/account", "balance sub_account", _sub_futures,
                           name=f"sub {email} futures", params=who | {"futuresType": "1"}))  # fmt: skip
    if state is None or flag(state, "isMarginEnabled"):
        found.append(asked("sapi", "sub-account/margin/account", "balance loan sub_account", _sub_margin,
                           name=f"sub {email} margin", params=who))  # fmt: skip
    return found


def _sub_futures(rows: Sequence[Raw], seen: Seen) -> list[Balance]:
    said = wallets.one(rows).get("futureAccountResp")
    if not isinstance(said, dict):
        raise Unreadable("field futureAccountResp is not an object")
    return list(wallets.futures("usd_futures")([said], seen))


def _sub_margin(rows: Sequence[Raw], seen: Seen) -> list[Relation]:
    return list(wallets.margin([{"userAssets": list(rows)}], seen))


def _unexplained(answered: Answers, seen: Seen, collected: Collected) -> list[Residual]:
    """Compare Binance's own value of each wallet with what the lists explain."""
    said = answered.get(WALLETS.name)
    if not isinstance(said, list):
        return []
    residuals = []
    try:
        for row in said:
            place, total = text(row, "walletName"), amount(row, "balance")
            ours, relation = PLACES.get(place, ((), "balance"))
            gap = total - _explained(ours, collected.rows, seen)
            if gap > max(TOLERANCE_USDT, total * TOLERANCE_SHARE):
                residuals.append(Residual(
                    relation, "USDT", gap, f"Binance values the wallet {place} higher than the lists explain",
                    f"钱包 {place} 的估值高于列表所能解释的金额", (row,), leaves_open=True,
                ))  # fmt: skip
    except Unreadable as wrong:
        collected.fail(WALLETS, BinanceFailure(Kind.SHAPE, "", f"{WALLETS.name}: {wrong}"), seen)
    return residuals


def _explained(ours: Sequence[str], rows: Sequence[Relation], seen: Seen) -> Decimal:
    total = Decimal(0)
    for row in rows:
        if row.account_id != seen.account_id:
            continue
        if isinstance(row, Balance) and row.wallet.partition(" ")[0] in ours:
            total += row.value or 0
        elif isinstance(row, Earn) and "earn" in ours:
            total += seen.value(row.asset, row.amount) or 0
    return total
