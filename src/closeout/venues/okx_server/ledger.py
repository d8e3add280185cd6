"""Bills of the v5 server: lines of the sandbox's ledger with the codes that OKX documents for them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from closeout.venues.okx_server.books import Books, wanted
from closeout.venues.okx_server.speaking import Row, said

Params = Mapping[str, str]

# Each line with the place where the money came from or went to. Fiat is funding for OKX; money that only gets locked
# or freed inside one wallet is no bill.
LINES = """
with own as (
    select transfer_id, entry_id, kind, posted_at, asset, amount, wallet = 'trading' as trading
    from sandbox.line where owner = 'holder' and account_id = %(account)s and wallet <> 'earn'
), against as (
    select o.*, case
        when c.owner = 'holder' and c.account_id = %(account)s and c.wallet = 'earn' then 'earn'
        when c.owner = 'holder' and c.account_id = %(account)s
            then case when (c.wallet = 'trading') = o.trading then 'inside' else 'own' end
        when c.owner = 'holder' and o.kind <> 'send' then 'family'
        else 'outside' end as place
    from own as o join sandbox.line as c on c.transfer_id = o.transfer_id and c.amount = -o.amount
)
select min(transfer_id) as bill_id, entry_id, min(kind) as kind, posted_at, asset, place, sum(amount) as amount
from against where trading = %(trading)s and place <> 'inside'
group by entry_id, posted_at, asset, place having sum(amount) <> 0 order by 1
"""
OWN, EARN, FAMILY = ("130", "131"), ("76", "75"), ("21", "20")  # money that comes, money that goes
FUNDING_TYPES: Mapping[str, str] = {
    "deposit": "1",
    "withdraw": "2",
    "withdrawal": "2",
    "withdrawal_dropped": "13",
    "bank_return": "1",
    "movement": "1",
    "convert": "61",
    "redeem": "83",
    "maturity": "83",
    "redemption": "83",
    "reward": "83",
    "loan": "176",
    "repay_loan": "179",
    "rebate": "151",
    "p2p": "117",
    "claim": "72",
    "send": "73",
    "donate": "49",
    "forfeit": "49",
}
OTHER_TYPE = "47"  # a system entry
TRADING_TYPES: Mapping[str, tuple[str, str, str]] = {
    "fill": ("2", "", "SPOT"),
    "funding_fee": ("8", "173", "SWAP"),
    "repay_loan": ("22", "307", ""),
}
CONTRACT = ("2", "5", "SWAP")  # whatever else posts to the trading account is the result of a position


def _bills(books: Books, *, trading: bool) -> list[tuple[dict[str, Any], Row]]:
    with books.connection.cursor() as cursor:
        cursor.execute(LINES, {"account": books.account_id, "trading": trading})
        names = [column.name for column in cursor.description or ()]
        lines = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    running: dict[str, Decimal] = {}
    bills = []
    for line in lines:
        running[line["asset"]] = running.get(line["asset"], Decimal(0)) + line["amount"]
        bill = said(
            billId=line["bill_id"],
            ccy=line["asset"],
            balChg=line["amount"],
            bal=running[line["asset"]],
            ts=line["posted_at"],
            clientId="",
            notes="",
        )
        bills.append((line, bill))
    return bills


def _funding_type(line: Mapping[str, Any]) -> str:
    pair = {"own": OWN, "earn": EARN, "family": FAMILY}.get(line["place"])
    if pair is not None:
        return pair[line["amount"] < 0]
    return FUNDING_TYPES.get(line["kind"], OTHER_TYPE)


def funding_bills(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/bills`` and ``asset/bills-history``."""
    rows = [bill | {"type": _funding_type(line)} for line, bill in _bills(books, trading=False)]
    return [row for row in wanted(rows, params, "ccy") if params.get("type", "") in ("", row["type"])]


def trading_bills(books: Books, params: Params) -> list[Row]:
    """Answer ``account/bills`` and ``account/bills-archive``: two lines of a trade have one number."""
    rows = []
    for line, bill in _bills(books, trading=True):
        gone = line["amount"] < 0
        kind, sub, instrument = TRADING_TYPES.get(line["kind"], CONTRACT)
        if line["place"] != "outside":
            kind, sub, instrument = "1", "12" if gone else "11", ""
        number = str(line["entry_id"]) if kind == "2" else ""
        rows.append(
            bill
            | said(type=kind, subType=sub or ("2" if gone else "1"), instType=instrument, instId="")
            | said(tradeId=number, ordId=number, fee="0", pnl="0", sz="", px="", execType="", to="")
            | {"from": "", "mgnMode": "", "interest": "0", "posBal": "", "posBalChg": ""}
        )
    return wanted(rows, params, "ccy")
