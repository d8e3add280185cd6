"""A generated population to try screening on: facts of N accounts, the same for the same seed.

The shares are assumed, not measured at any venue; they are written once, in :data:`SHARES`, and shown in
the manual. They give about 7 facts and 2.3 blockers per account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import duckdb

from closeout.facts.duck import bounded
from closeout.facts.folders import replaced
from closeout.facts.schema import RELATIONS, columns

PART = 250_000  # accounts in one part file, and so in one unit of screening
MARKER = "population.json"
FIRST_ID = 1_000_000
STEP = 7  # between two account ids, so that they are not dense

# relation → (share of accounts that have any, rows at most); all assumed
SHARES = MappingProxyType(
    {
        "balance": (0.80, 5),
        "open_order": (0.08, 3),
        "position": (0.04, 2),
        "loan": (0.02, 1),
        "earn": (0.12, 2),
        "p2p_order": (0.05, 2),
        "sub_account": (0.03, 1),
        "payment_method": (0.40, 2),
        "api_key": (0.06, 2),
        "security_event": (0.45, 2),
        "contact": (1.00, 2),
        "dispute": (0.006, 1),
        "hold": (0.004, 1),
        "rebate": (0.10, 1),
        "transfer": (0.15, 2),
    }
)
CONTRADICTORY = 0.0002  # share of balances and security events that contradict themselves; assumed


@dataclass(frozen=True)
class Population:
    """What was asked for; written beside the facts."""

    accounts: int
    seed: int
    as_of: str


def generate(
    folder: Path,
    *,
    accounts: int,
    seed: int,
    as_of: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Population:
    """Write ``<relation>/part-NNNNN.parquet`` for ``accounts`` accounts into ``folder``; whole or not at all.

    Peak memory does not depend on ``accounts``. Raises: FileExistsError when ``folder`` holds something else.
    """
    asked = Population(accounts, seed, as_of.isoformat())
    parts = range(0, accounts, PART)
    with replaced(folder, marker=MARKER) as aside, bounded("1GB") as connection:
        for number, first in enumerate(parts):
            last = min(first + PART, accounts)
            _prepare(connection, first, last, seed, as_of)
            for name in RELATIONS:
                _write(connection, name, aside / name / f"part-{number:05d}.parquet")
            if progress is not None:
                progress(last, accounts)
        (aside / MARKER).write_text(json.dumps(asdict(asked), indent=1) + "\n", encoding="utf-8")
    return asked


def _prepare(
    connection: duckdb.DuckDBPyConnection, first: int, last: int, seed: int, as_of: datetime
) -> None:
    moment = f"timestamp '{as_of.isoformat(sep=' ')}'"
    connection.execute(
        f"""
        create or replace temp macro u(n, salt, k) as (hash(n, salt, k, {seed}) % 1000000) / 1000000.0;
        create or replace temp macro pick(n, salt, k, many) as
            many[1 + (hash(n, salt, k, {seed + 1}) % len(many))::int];
        create or replace temp macro ago(n, salt, k, days) as
            {moment} - to_microseconds((u(n, salt, k) * days * 86400000000)::bigint);
        create or replace temp macro ahead(n, salt, k, days) as
            {moment} + to_microseconds((u(n, salt, k) * days * 86400000000)::bigint);
        create or replace temp table base as
            select n, {FIRST_ID} + n * {STEP} as account_id, u(n, 'sub', 0) < 0.04 and n > 0 as is_sub
            from range({first}, {last}) as r(n)
        """
    )


def _write(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    casts = ", ".join(f"cast({one.name} as {one.type}) as {one.name}" for one in columns(RELATIONS[name]))
    source = " ".join(SELECTS[name].split())
    connection.execute(
        f"copy (select {casts} from ({source}) order by account_id) to '{path}' "
        "(format parquet, compression zstd, row_group_size 122880)"
    )


def _rows(name: str) -> str:
    share, most = SHARES[name]
    return (
        f"(select n, account_id, is_sub, k from base cross join range({most}) as many(k) "
        f"where u(n, '{name}', 0) < {share} and (k = 0 or u(n, '{name}', k) < 0.5))"
    )


NUMBER = "account_id::varchar || '-' || k::varchar"
SMALL = "((hash(n, 'small', k) % 999999999) + 1)::decimal(18,0)::decimal(36,18) * 0.000000000000001"
LARGE = "((hash(n, 'large', k) % 500000000) + 1)::decimal(18,0)::decimal(36,18) * 0.0001"


def _holdings() -> Iterator[tuple[str, str]]:
    """Yield the selects of money, orders, positions."""
    yield (
        "account",
        f"""
        select account_id, case when is_sub then account_id - {STEP} end as parent_id,
        case when u(n, 'state', 0) < 0.01 then 'frozen' else 'open' end as state,
        pick(n, 'law', 0, ['CN', 'HK', 'EU', 'US', 'SG', '']) as jurisdiction,
        ago(n, 'opened', 0, 3000) as opened_at,
        case when u(n, 'posted', 0) < 0.8 then ago(n, 'posted', 1, 400 * u(n, 'posted', 2)) end as posted_at
        from base""",
    )
    yield (
        "balance",
        f"""
        select account_id, pick(n, 'wallet', k, ['funding', 'funding', 'trading', 'earn', 'fiat']) as wallet,
        ['USDT', 'BTC', 'ETH', 'OKB', 'DOGE'][k + 1] as asset,
        case when u(n, 'kind', k) < {CONTRADICTORY} then -{SMALL} when u(n, 'kind', k) < 0.6 then 0
        when u(n, 'kind', k) < 0.82 then {SMALL} else {LARGE} end as available,
        case when u(n, 'locked', k) < 0.06 then {LARGE} else 0 end as locked,
        [0.1, 0.0001, 0.001, 0.01, 5][k + 1] as withdraw_min,
        case when u(n, 'priced', k) < 0.95 then {LARGE} end as value
        from {_rows("balance")}""",
    )
    yield (
        "open_order",
        f"""
        select account_id, {NUMBER} as order_id,
        pick(n, 'kind', k, ['limit', 'limit', 'trigger', 'margin', 'swap', 'option']) as kind,
        pick(n, 'instrument', k, ['BTC-USDT', 'ETH-USDT', 'BTC-USDT-SWAP']) as instrument, 'USDT' as asset,
        {LARGE} as locked, ago(n, 'placed', k, 60) as placed_at from {_rows("open_order")}""",
    )
    yield (
        "position",
        f"""
        select account_id, {NUMBER} as position_id, pick(n, 'kind', k, ['margin', 'swap', 'option']) as kind,
        pick(n, 'instrument', k, ['BTC-USDT-SWAP', 'ETH-USDT-SWAP']) as instrument,
        case when u(n, 'open', k) < 0.9 then {SMALL} else 0 end as quantity,
        u(n, 'open', k) >= 0.85 as settlement_pending,
        case when u(n, 'open', k) >= 0.85 then ahead(n, 'settles', k, 1) end as settles_at, 'USDT' as asset,
        {SMALL} - {SMALL} as unrealised from {_rows("position")}""",
    )


def _products() -> Iterator[tuple[str, str]]:
    """Yield the selects of loans, products, trades between holders."""
    yield (
        "loan",
        f"""
        select account_id, {NUMBER} as loan_id, 'USDT' as asset,
        case when u(n, 'owed', k) < 0.8 then {LARGE} else 0 end as principal,
        case when u(n, 'owed', k) < 0.9 then {SMALL} else 0 end as interest, 'BTC' as collateral_asset,
        {SMALL} as collateral from {_rows("loan")}""",
    )
    yield (
        "earn",
        f"""
        select account_id, {NUMBER} as earn_id,
        pick(n, 'kind', k, ['flexible', 'fixed', 'staking', 'defi', 'launchpool']) as kind,
        pick(n, 'product', k, ['Simple Earn', 'ETH staking', 'SOL staking']) as product, 'ETH' as asset,
        {SMALL} as amount, u(n, 'free', k) < 0.6 as redeemable,
        case when u(n, 'free', k) >= 0.6 then ahead(n, 'matures', k, 120) end as matures_at,
        u(n, 'leaving', k) < 0.05 as redeeming, u(n, 'renews', k) < 0.3 as auto_renew
        from {_rows("earn")}""",
    )
    yield (
        "p2p_order",
        f"""
        select account_id, {NUMBER} as p2p_id,
        pick(n, 'state', k, ['completed', 'completed', 'completed', 'cancelled', 'open', 'paid']) as state,
        case when u(n, 'appeal', k) < 0.05 then 'open' else 'none' end as appeal, 'USDT' as asset,
        {LARGE} as amount, ahead(n, 'expires', k, 0.02) as expires_at from {_rows("p2p_order")}""",
    )
    yield (
        "sub_account",
        f"""
        select account_id, {NUMBER} as sub_account_id, 'sub ' || k::varchar as label,
        pick(n, 'state', k, ['open', 'open', 'closed']) as state, hash(n, 'holdings', k) % 4 as holdings,
        null as closable_at from {_rows("sub_account")}""",
    )


def _person() -> Iterator[tuple[str, str]]:
    """Yield the selects of bindings, security, identity."""
    yield (
        "payment_method",
        f"""
        select account_id, {NUMBER} as method_id,
        pick(n, 'kind', k, ['bank_card', 'alipay', 'wechat_pay', 'bank_account']) as kind,
        '**** ' || (1000 + hash(n, 'label', k) % 9000)::varchar as label from {_rows("payment_method")}""",
    )
    yield (
        "api_key",
        f"""
        select account_id, {NUMBER} as key_id, pick(n, 'kind', k, ['key', 'key', 'grant', 'bot']) as kind,
        'key ' || k::varchar as label, u(n, 'trade', k) < 0.5 as can_trade from {_rows("api_key")}""",
    )
    yield (
        "security_event",
        f"""
        select account_id, {NUMBER} as event_id, pick(n, 'kind', k, ['password_changed', 'phone_changed',
        'email_changed', 'authenticator_changed', 'factor_added', 'key_revoked', 'method_unbound']) as kind,
        case when u(n, 'skew', k) < {CONTRADICTORY} then ahead(n, 'happened', k, 9)
        else ago(n, 'happened', k, 900) end as happened_at from {_rows("security_event")}""",
    )
    yield (
        "identity",
        """
        select account_id, case when u(n, 'kyc', 0) < 0.9 then 'verified' when u(n, 'kyc', 0) < 0.97
        then 'unverified' else 'incomplete' end as state,
        case when u(n, 'valid', 0) < 0.7 then ago(n, 'valid', 1, 300) + to_days(1500) when u(n, 'valid', 0) < 0.75
        then ago(n, 'valid', 1, 300) end as valid_until, true as is_applicant,
        u(n, 'required', 0) < 0.9 as was_required from base where not is_sub""",
    )
    yield (
        "contact",
        f"""
        select account_id, case when k = 0 then 'email' else 'phone' end as kind,
        u(n, 'reachable', k) < 0.97 as reachable from {_rows("contact")} where not is_sub""",
    )


def _rest() -> Iterator[tuple[str, str]]:
    """Yield the selects of disputes, reviews, commissions, transfers."""
    yield (
        "dispute",
        f"""
        select account_id, {NUMBER} as dispute_id,
        pick(n, 'kind', k, ['appeal', 'complaint', 'chargeback', 'claim']) as kind,
        pick(n, 'state', k, ['open', 'closed']) as state from {_rows("dispute")}""",
    )
    yield (
        "hold",
        f"""
        select account_id, {NUMBER} as hold_id, pick(n, 'kind', k, ['judicial', 'compliance']) as kind,
        pick(n, 'scope', k, ['closing', 'erasure', 'both']) as scope,
        ago(n, 'placed', k, 300) - to_days(100) as placed_at,
        case when u(n, 'released', k) < 0.5 then ago(n, 'released', k, 100) end as released_at
        from {_rows("hold")}""",
    )
    yield (
        "rebate",
        f"""
        select account_id, {NUMBER} as rebate_id,
        pick(n, 'kind', k, ['referral', 'referral', 'referral', 'balance', 'contract']) as kind,
        pick(n, 'state', k, ['open', 'closed']) as state, 'USDT' as asset,
        case when u(n, 'unpaid', k) < 0.1 then {SMALL} else 0 end as amount from {_rows("rebate")}""",
    )
    yield (
        "transfer",
        f"""
        select account_id, {NUMBER} as transfer_id,
        pick(n, 'kind', k, ['deposit', 'withdrawal', 'fiat_in', 'fiat_out', 'card']) as kind, 'USDT' as asset,
        {LARGE} as amount, u(n, 'final', k) < 0.9 as final, u(n, 'disputed', k) < 0.01 as disputed,
        ahead(n, 'expected', k, 3) as expected_at from {_rows("transfer")}""",
    )


SELECTS = dict([*_holdings(), *_products(), *_person(), *_rest()])
