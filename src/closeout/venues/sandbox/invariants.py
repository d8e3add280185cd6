"""What must hold of the ledger at every commit: twelve rules and one more, each a query that finds what breaks it.

Run after every test, and every hour in operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

RULES: Mapping[str, str] = {
    "1 debits and credits of an asset are equal": """
        select asset, sum(amount) from sandbox.line group by asset having sum(amount) <> 0
        union all select asset, balances from sandbox.asset_sum where balances <> 0
    """,
    "2 a balance is the replay of its transfers": """
        select l.ledger_id, l.balance from sandbox.ledger as l where l.balance <> (
            select coalesce(sum(case when t.credit_id = l.ledger_id then t.amount else -t.amount end), 0)
            from sandbox.transfer as t where l.ledger_id in (t.debit_id, t.credit_id))
    """,
    "3 nothing is overdrawn without the flag, and few may have the flag": """
        select ledger_id, balance from sandbox.ledger where balance < 0 and not overdraft
        union all select ledger_id, balance from sandbox.ledger
        where overdraft and not (owner = 'holder' and wallet = 'trading' and bucket = 'available')
        and not (owner = 'house' and wallet in (
            'custody', 'conversion', 'market', 'lending', 'rewards', 'rebates', 'write_off', 'bank_returns'))
    """,
    "4 one entry per key": """
        select key, count(*) from sandbox.entry where key is not null group by key having count(*) > 1
    """,
    "5 nothing is posted to a closed account": """
        select a.account_id, e.entry_id from sandbox.account as a
        join sandbox.ledger as l on l.account_id = a.account_id and l.owner = 'holder'
        join sandbox.transfer as t on l.ledger_id in (t.debit_id, t.credit_id)
        join sandbox.entry as e on e.entry_id = t.entry_id
        where a.state = 'closed' and e.entry_id > a.closing_entry_id
    """,
    "6 closed means zero everywhere, sub-accounts and what is pending included": """
        select a.account_id, l.balance from sandbox.account as a join sandbox.ledger as l using (account_id)
        where a.state = 'closed' and l.owner = 'holder' and l.balance <> 0
        union all select s.parent_id, s.account_id from sandbox.account as s
        join sandbox.account as m on m.account_id = s.parent_id where m.state = 'closed' and s.state <> 'closed'
        union all select a.account_id, m.movement_id from sandbox.account as a
        join sandbox.movement as m using (account_id)
        where a.state = 'closed' and m.state = 'pending' and m.kind in ('withdrawal', 'fiat_out')
    """,
    "7 what is on its way out is exactly what the pending withdrawals say, and each resolves once": """
        select coalesce(l.account_id, m.account_id), coalesce(l.balance, 0) - coalesce(m.amount, 0)
        from (select account_id, asset, sum(balance) as balance from sandbox.ledger
              where owner = 'house' and wallet = 'outgoing' group by 1, 2) as l
        full join (select account_id, asset, sum(amount + fee) as amount from sandbox.movement
                   where state = 'pending' and kind in ('withdrawal', 'fiat_out') group by 1, 2) as m
        on m.account_id = l.account_id and m.asset = l.asset
        where coalesce(l.balance, 0) <> coalesce(m.amount, 0)
        union all select account_id, movement_id from sandbox.movement as m
        where kind in ('withdrawal', 'fiat_out') and (state = 'undone')
        <> exists (select 1 from sandbox.entry as e where e.reverses = m.entry_id)
    """,
    "8 every effect has one entry, and every entry with a key one effect": """
        select r.key, r.state from sandbox.receipt as r left join sandbox.entry as e on e.key = r.key
        where (r.moved <> '[]' and e.entry_id is null) or (r.state = 'rejected' and e.entry_id is not null)
        or r.state = 'working'
        union all select e.key, e.kind from sandbox.entry as e left join sandbox.receipt as r on r.key = e.key
        where e.key is not null and (r.key is null or r.state not in ('done', 'pending'))
    """,
    "9 nothing moves after the closing": """
        select a.account_id, e.entry_id from sandbox.account as a
        join sandbox.line as e on e.account_id = a.account_id and e.owner = 'holder'
        where e.posted_at > a.closed_at
    """,
    "10 a conversion leaves less than one smallest unit, with the house": """
        select c.conversion_id, c.residue from sandbox.conversion as c join sandbox.asset as a on a.asset = c.to_asset
        where c.residue < 0 or c.residue >= power(10::numeric, -a.scale)
    """,
    "11 a frozen account moves nothing by its holder's own doing": """
        select a.account_id, e.entry_id from sandbox.account as a
        join sandbox.entry as e on e.account_id = a.account_id and e.origin = 'holder'
        where a.state = 'frozen' and e.posted_at > (
            select max(r.at) from sandbox.receipt as r
            where r.account_id = a.account_id and r.kind = 'freeze' and r.state = 'done')
    """,
    "12 holders, suspense and house together are what lies in custody": """
        select asset, sum(balance) filter (where wallet <> 'custody' or owner <> 'house') as held
        from sandbox.ledger group by asset
        having sum(balance) filter (where wallet <> 'custody' or owner <> 'house')
        <> -coalesce(sum(balance) filter (where wallet = 'custody' and owner = 'house'), 0)
    """,
    "13 what is locked is what orders, positions, products, loans and C2C orders hold": """
        select coalesce(l.account_id, h.account_id), coalesce(l.balance, 0) - coalesce(h.held, 0)
        from (select account_id, asset, wallet, bucket, balance from sandbox.ledger
              where owner = 'holder' and bucket <> 'available' and balance <> 0) as l
        full join (select account_id, asset, wallet, bucket, sum(amount) as held from (
            select account_id, asset, 'trading' as wallet, 'locked' as bucket, locked as amount
            from sandbox.trade_order where state = 'open'
            union all select account_id, asset, 'trading', 'locked', margin from sandbox.position
            where state <> 'settled'
            union all select account_id, asset, 'earn', 'locked', amount from sandbox.earn where state <> 'paid'
            union all select account_id, asset, 'funding', 'locked', amount from sandbox.p2p_order
            where side = 'sell' and state in ('open', 'paid')
            union all select account_id, collateral_asset, collateral_wallet, 'collateral', collateral
            from sandbox.loan where state = 'open' and collateral > 0
        ) as each group by 1, 2, 3, 4) as h
        on (h.account_id, h.asset, h.wallet, h.bucket) = (l.account_id, l.asset, l.wallet, l.bucket)
        where coalesce(l.balance, 0) <> coalesce(h.held, 0)
    """,
}


def broken(connection: psycopg.Connection[Any]) -> Sequence[str]:
    """Return each rule that does not hold, with the first rows that break it; empty when all is well.

    One statement for all rules, so that they are judged at the same commit. Cost: reads the whole ledger.
    """
    parts = [
        f"select {number} as rule, array_agg(found::text) filter (where n <= 5) as first from "
        f"(select found, row_number() over () as n from ({sql}) as found (a, b)) as each having count(*) > 0"
        for number, sql in enumerate(RULES.values())
    ]
    names = list(RULES)
    rows = connection.execute(" union all ".join(parts)).fetchall()
    return [f"{names[number]}: {', '.join(first)}" for number, first in sorted(rows)]
