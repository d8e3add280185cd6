"""Look at an account through its key: ask, translate, compare, and say how complete each relation is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from closeout.facts.schema import Account
from closeout.venues.okx import declared, hidden, links, motion, wallets
from closeout.venues.okx.collecting import Collected, Looked, sources, tables
from closeout.venues.okx.declared import Answer
from closeout.venues.okx.endpoints import get
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.links import Sub
from closeout.venues.okx.reading import (
    CONFIG,
    READINGS,
    SUBS,
    Answers,
    Follow,
    Next,
    Reading,
    ask,
    reading,
    table,
)
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import Raw, Unreadable, moment
from closeout.venues.okx.wire import Wire

__all__ = ["Looked", "look"]

STATUS = "status of "


def look(
    wire: Wire,
    *,
    now: datetime,
    answers: Mapping[str, Answer] | None = None,
    without: frozenset[str] = frozenset(),
) -> Looked:
    """Read everything that the key may read. ``now``: naive UTC. ``without``: names of readings to leave out.

    Raises: Failure only if not even the account itself can be read.
    """
    config = wire.call(get("account/config"))
    try:
        holder = links.holder(config)
    except Unreadable as wrong:
        raise Failure(Kind.SHAPE, "", f"account/config: {wrong}") from None
    answered: Answers = {CONFIG.name: config}
    wanted = [one for one in READINGS if one is not CONFIG and one.name not in without]
    answered |= ask(wire, wanted, FOLLOW)
    seen = Seen(
        account_id=holder.account_id,
        as_of=now,
        parent_id=holder.parent_id,
        withdraw_min=table(answered, "asset/currencies", wallets.minimums, {}),
        prices=table(answered, "market/index-tickers", wallets.prices, {"USDT": Decimal(1)}),
        arrivals=_arrivals(answered, now),
    )
    collected = Collected()
    for one in READINGS:
        collected.take(one, answered.get(one.name, Failure(Kind.OTHER, "", "left out")), seen)
    collected.failures |= {
        name: one for name, one in answered.items() if name.startswith(STATUS) and isinstance(one, Failure)
    }
    _look_at_subs(answered, seen, collected)
    residuals = _look_for_hidden(answered, seen, collected)
    kept = declared.fresh(answers or {}, now=now)
    collected.rows.extend(declared.rows(kept, holder.account_id))
    facts = tables(collected.rows, _last_posting(answered, now))
    return Looked(
        holder,
        now,
        facts,
        sources(collected, residuals, kept, now),
        collected.failures,
        tuple(residuals),
        kept,
    )


def _if_readable(follow: Next) -> Next:
    """Return what to ask after a list, nothing if the list cannot be read: that is judged later."""

    def asked(listed: Sequence[Raw]) -> Sequence[Reading]:
        try:
            return follow(listed)
        except Unreadable:
            return []

    return asked


def _of_subs(listed: Sequence[Raw]) -> list[Reading]:
    """Return what to ask about each listed sub-account. Raises: Unreadable."""
    return [one for sub in links.subs(listed) for one in _sub_readings(sub)]


def _statuses(wanted: Mapping[str, Mapping[str, str]]) -> list[Reading]:
    """Return the questions when each transfer that is on its way is expected."""
    path = "asset/deposit-withdraw-status"
    return [
        reading(path, "", name=f"{STATUS}{number}", params=params, optional=True)
        for number, params in wanted.items()
    ]


def _arrivals(answered: Answers, now: datetime) -> dict[str, datetime]:
    """Return the estimates that lie ahead; one that cannot be read is a failure of its reading and no date."""
    names = [name for name in answered if name.startswith(STATUS)]
    dates = {name.removeprefix(STATUS): table(answered, name, motion.arrival, None) for name in names}
    return {number: at for number, at in dates.items() if at is not None and at > now}


FOLLOW: Follow = {
    SUBS: _if_readable(_of_subs),
    "asset/deposit-history": _if_readable(lambda listed: _statuses(motion.asked_deposits(listed))),
    "asset/withdrawal-history": _if_readable(lambda listed: _statuses(motion.asked_withdrawals(listed))),
}


def _look_at_subs(answered: Answers, seen: Seen, collected: Collected) -> None:
    listed = answered.get(SUBS)
    if not isinstance(listed, list):
        return
    try:
        subs = links.subs(listed)
    except Unreadable as wrong:
        collected.fail(reading(SUBS, "sub_account balance"), Failure(Kind.SHAPE, "", str(wrong)), seen)
        return
    for sub in subs:
        own = dataclasses.replace(seen, account_id=sub.account_id, parent_id=seen.account_id)
        before = len(collected.rows)
        for one in _sub_readings(sub):
            collected.take(one, answered[one.name], own)
        holdings = len(collected.rows) - before
        collected.rows.append(links.sub_account(sub, holdings, seen))
        collected.rows.append(
            Account(
                account_id=sub.account_id,
                parent_id=seen.account_id,
                state="open" if sub.enabled else "frozen",
                jurisdiction="",
                opened_at=moment("0"),
                posted_at=None,
            )
        )


def _sub_readings(sub: Sub) -> list[Reading]:
    who = {"subAcct": sub.name}
    shown = f"sub-account {sub.name}"
    return [
        reading(
            "asset/subaccount/balances",
            "balance sub_account",
            wallets.funding,
            name=f"{shown} funding",
            params=who,
        ),
        reading(
            "account/subaccount/balances",
            "balance loan sub_account",
            wallets.trading,
            wallets.liabilities,
            wallets.auto_earn,
            name=f"{shown} trading",
            params=who,
        ),
        reading(
            "users/subaccount/apikey",
            "api_key sub_account",
            links.sub_keys,
            name=f"{shown} keys",
            optional=True,
            params=who,
        ),
    ]


def _look_for_hidden(answered: Answers, seen: Seen, collected: Collected) -> list[hidden.Residual]:
    residuals: list[hidden.Residual] = []
    bills, balance = answered.get("asset/bills-history"), answered.get("account/balance")
    valuation = answered.get("asset/asset-valuation")
    try:
        if isinstance(bills, list):
            facts, found = hidden.from_bills(bills, seen)
            collected.rows.extend(facts)
            residuals.extend(found)
    except (Unreadable, AttributeError, TypeError) as wrong:
        one = next(each for each in READINGS if each.name == "asset/bills-history")
        collected.fail(one, Failure(Kind.SHAPE, "", f"{one.name}: {wrong}"), seen)
    try:
        if isinstance(balance, list):
            residuals.extend(hidden.from_equity(wallets.extras(balance), collected.rows))
        if isinstance(valuation, list) and "asset/asset-valuation" not in collected.failures:
            residuals.extend(hidden.from_valuation(valuation, collected.rows, seen))
    except (Unreadable, AttributeError, TypeError) as wrong:
        collected.failures["asset/asset-valuation"] = Failure(Kind.SHAPE, "", str(wrong))
    return residuals


def _last_posting(answered: Answers, now: datetime) -> datetime | None:
    latest = [
        stamp
        for name in ("account/bills", "asset/bills-history")
        if isinstance(rows := answered.get(name), list)
        for row in rows[:1]
        if str(stamp := row.get("ts", "")).isdigit()
    ]
    return min(moment(max(latest, key=int)), now) if latest else None
