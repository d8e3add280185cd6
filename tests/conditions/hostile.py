"""Hostile facts: random ones for Hypothesis, and the boundary grid, the cross product of boundary values."""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from tests.conditions import world

from closeout.facts.schema import RELATIONS, Relation
from closeout.policy import Policy

ULP = Decimal("0.000000000000000001")
MOST = Decimal("999999999999999999.999999999999999999")
MIN = world.DEFAULTS["balance"]["withdraw_min"]
assert isinstance(MIN, Decimal)
AMOUNTS = [Decimal(0), ULP, -ULP, Decimal("0.00004"), Decimal("-0.00004"), MIN, MIN - ULP, MIN + ULP,
           Decimal(1), MOST, MOST.copy_negate(), Decimal("123456789012345678.901234567890123456")]  # fmt: skip
TEXTS = [
    "",
    " ",
    "completed ",
    "COMPLETED",
    "中文",
    "🧹",
    "it's",
    "a\\nb",
    "%s",
    "--",
    '"x"',
    "null",
    "ß",
    "İ",
]
KINDS: Mapping[tuple[str, str], list[str]] = {
    ("account", "state"): ["open", "frozen", "closed"],
    ("p2p_order", "state"): ["open", "paid", "completed", "cancelled"],
    ("p2p_order", "appeal"): ["none", "open", "closed"],
    ("sub_account", "state"): ["open", "frozen", "closed"],
    ("security_event", "kind"): ["password_changed", "phone_changed", "authenticator_removed",
                                 "factor_added", "key_revoked", "method_unbound"],
    ("identity", "state"): ["verified", "unverified", "incomplete", "rejected"],
    ("contact", "kind"): ["email", "phone"],
    ("dispute", "state"): ["open", "closed"],
    ("hold", "scope"): ["closing", "erasure", "both"],
    ("rebate", "kind"): ["balance", "contract", "referral"],
    ("rebate", "state"): ["open", "closed"],
}  # fmt: skip
MOMENTS = [
    world.NOW,
    datetime(2024, 2, 29, 23, 59, 59, 999999),  # leap day
    datetime(2026, 3, 29, 1, 30),  # summer time begins in Europe
    datetime(2026, 11, 1, 5, 30),  # summer time ends in New York
    datetime(2026, 12, 31, 16, 0),  # the new year in UTC+8
]


def around(now: datetime, policy: Policy) -> list[datetime]:
    """Return the moments at which something changes, and a microsecond to either side."""
    row = policy.row(now)
    cuts = [cut for cut in row.values() if isinstance(cut, datetime)]
    return [cut + timedelta(microseconds=step) for cut in cuts for step in (-1, 0, 1)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[world.Facts, Policy, datetime]:
    """Draw facts of three accounts, a policy and a moment."""
    policy = Policy(
        password_wait_days=draw(st.integers(0, 90)),
        factor_wait_days=draw(st.integers(0, 90)),
        ledger_quiet_minutes=draw(st.integers(0, 1440)),
    )
    now = draw(st.sampled_from(MOMENTS))
    return draw(worlds(policy, now)), policy, now


@st.composite
def worlds(draw: st.DrawFn, policy: Policy, now: datetime) -> world.Facts:
    """Draw facts of three accounts, with times around what ``policy`` says at ``now``."""
    moments = st.sampled_from(around(now, policy)) | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))
    amounts = st.sampled_from(AMOUNTS) | st.integers(-(10**36) + 1, 10**36 - 1).map(_units)
    values: dict[type, st.SearchStrategy[Any]] = {
        Decimal: amounts, datetime: moments, bool: st.booleans(), int: st.integers(-(2**63), 2**63 - 1),
    }  # fmt: skip
    facts: world.Facts = {}
    for name, relation in RELATIONS.items():
        rows = st.builds(relation, **dict(_columns(name, relation, values)))
        facts[name] = draw(st.lists(rows, max_size=2))
        if facts[name] and draw(st.integers(0, 9)) == 0:
            facts[name].append(facts[name][0])  # the same row twice
    return facts


def together(drawn: Sequence[world.Facts]) -> world.Facts:
    """Return many worlds as one, each with accounts of its own: for an engine that is asked once, not often."""
    facts: world.Facts = {name: [] for name in RELATIONS}
    for number, one in enumerate(drawn):
        for name, rows in one.items():
            facts[name] += [
                dataclasses.replace(row, account_id=row.account_id + 2 * number if row.account_id < 3
                                    else row.account_id + number)
                for row in rows
            ]  # fmt: skip
    return facts


def _units(units: int) -> Decimal:
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**18)
    return Decimal(f"{sign}{whole}.{part:018d}")


def _columns(
    name: str, relation: type[Relation], values: Mapping[type, st.SearchStrategy[Any]]
) -> Iterator[tuple[str, st.SearchStrategy[Any]]]:
    hints = typing.get_type_hints(relation)
    for spec in dataclasses.fields(relation):
        if spec.name == "account_id":
            yield spec.name, st.sampled_from([1, 2, 2**62])
            continue
        kind = next(one for one in (str, bool, int, Decimal, datetime) if one in _kinds(hints[spec.name]))
        texts = st.sampled_from([*KINDS.get((name, spec.name), []), *TEXTS])
        chosen = texts if kind is str else values[kind]
        yield spec.name, st.one_of(chosen, chosen, chosen, st.none())


def _kinds(hint: Any) -> set[Any]:
    return {hint, *typing.get_args(hint)}


GRID: Mapping[str, tuple[str, ...]] = {  # relation → the columns that decide something
    "account": ("state", "parent_id", "posted_at"),
    "balance": ("available", "locked", "withdraw_min"),
    "open_order": ("locked",),
    "position": ("quantity", "settlement_pending", "settles_at"),
    "loan": ("principal", "interest", "collateral", "collateral_asset"),
    "earn": ("amount", "redeemable", "redeeming", "auto_renew", "matures_at"),
    "p2p_order": ("state", "appeal", "expires_at"),
    "sub_account": ("state", "closable_at"),
    "payment_method": ("kind",),
    "api_key": ("kind",),
    "security_event": ("kind", "happened_at"),
    "identity": ("state", "valid_until", "is_applicant", "was_required"),
    "contact": ("kind", "reachable"),
    "dispute": ("state",),
    "hold": ("scope", "placed_at", "released_at"),
    "rebate": ("kind", "state", "amount", "asset"),
    "transfer": ("final", "disputed", "expected_at"),
}


def grid(policy: Policy, now: datetime = world.NOW) -> world.Facts:
    """Return one account for each combination of boundary values of each relation, and what joins them."""
    facts: world.Facts = {name: [] for name in RELATIONS}
    number = 0
    for name, names in GRID.items():
        for combination in itertools.product(*(_boundary(name, column, policy, now) for column in names)):
            number += 1
            given = world.clean(number)
            given[name] = [world.row(name, number, **dict(zip(names, combination, strict=True)))]
            _extend(facts, given)
    for extra in _joined():
        number += 1
        given = world.clean(number)
        for name, rows in extra.items():
            given[name] = [world.row(name, number, **values) for values in rows]
        _extend(facts, given)
    return facts


def _extend(facts: world.Facts, given: world.Facts) -> None:
    for name, rows in given.items():
        facts[name] += rows


def _boundary(name: str, column: str, policy: Policy, now: datetime) -> list[Any]:
    hint = _kinds(typing.get_type_hints(RELATIONS[name])[column])
    if Decimal in hint:
        least = [MIN, MIN - ULP] if name == "balance" and column == "available" else []
        return [None, Decimal(0), ULP, -ULP, *least, *([MIN] if column == "withdraw_min" else [])]
    if datetime in hint:
        return [None, *(around(now, policy) if (name, column) in TIMED else [now, now + timedelta(1)])]
    if bool in hint:
        return [None, True, False]
    if int in hint:
        return [None, 99]
    return [None, *KINDS.get((name, column), ["BTC"]), "", "?"]


TIMED = {("account", "posted_at"), ("security_event", "happened_at"), ("identity", "valid_until"),
         ("hold", "released_at")}  # fmt: skip


def _joined() -> Iterator[dict[str, list[dict[str, Any]]]]:
    """What a row alone cannot show: debts beside balances, no identity or two, no contact or three."""
    debts = [None, Decimal(0), ULP, -ULP]
    for available, principal, interest in itertools.product([-ULP, Decimal(0), ULP], debts, debts):
        loan = {"principal": principal, "interest": interest}
        yield {"balance": [{"available": available}], "loan": [loan]}
        yield {"balance": [{"available": available}], "loan": [{}, {"loan_id": "l2", **loan}]}
    for parent_id in (None, 99):
        account = [{"parent_id": parent_id}]
        for many in range(3):
            yield {"account": account, "identity": [{} for _ in range(many)]}
            contacts = [{"reachable": False, "kind": kind} for kind in ("email", "phone")[:many]]
            yield {"account": account, "contact": contacts}
