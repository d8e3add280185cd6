"""Bills of the v5 server: lines of the sandbox's ledger with the codes that OKX documents for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from closeout.venues.okx_server.books import Books, wanted, window
from closeout.venues.okx_server.speaking import Row, said

Params = Mapping[str, str]

# Each transfer of the account's wallets with the place where the money came from or went to. Fiat is funding for OKX;
# money that only gets locked or freed inside one wallet is no bill. A page is cut here: accounts have long histories.
LINES = """
with own as (
    select ledger_id, wallet = 'trading' as trading from sandbox.ledger
    where owner = 'holder' and account_id = %(account)s and wallet <> 'earn'
), sides as (
    select t.transfer_id, t.entry_id, t.asset, -t.amount as amount, o.trading, t.credit_id as other_id
    from own as o join sandbox.transfer as t on t.debit_id = o.ledger_id
    union all
    select t.transfer_id, t.entry_id, t.asset, t.amount, o.trading, t.debit_id
    from own as o join sandbox.transfer as t on t.credit_id = o.ledger_id
), against as (
    select s.*, e.kind, e.posted_at, case
        when c.owner = 'holder' and c.account_id = %(account)s and c.wallet = 'earn' then 'earn'
        when c.owner = 'holder' and c.account_id = %(account)s
            then case when (c.wallet = 'trading') = s.trading then 'inside' else 'own' end
        when c.owner = 'holder' and e.kind <> 'send' then 'family'
        else 'outside' end as place
    from sides as s join sandbox.ledger as c on c.ledger_id = s.other_id join sandbox.entry as e using (entry_id)
    where s.trading = %(trading)s
), bills as (
    select min(transfer_id) as bill_id, entry_id, min(kind) as kind, posted_at, asset, place, sum(amount) as amount
    from against where place <> 'inside' group by entry_id, posted_at, asset, place having sum(amount) <> 0
), summed as (
    select *, sum(amount) over (partition by asset order by bill_id) as balance from bills
)
select * from summed
where (%(after)s::bigint is null or bill_id < %(after)s) and (%(before)s::bigint is null or bill_id > %(before)s)
order by bill_id desc limit %(limit)s
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
TYPE_WORDS: Mapping[str, str] = {
    "1": "Transfer",
    "2": "Trade",
    "8": "Funding fee",
    "22": "Repay",
}
CONTRACT = ("2", "5", "SWAP")  # whatever else posts to the trading account is the result of a position


def _bills(books: Books, params: Params, *, trading: bool, by_id: bool) -> list[tuple[dict[str, Any], Row]]:
    """Return lines and bills, newest first; one page of them where the cursor is the number and nothing is filtered."""
    cut = by_id and "limit" in params and not {"ccy", "type"} & params.keys()
    asked = window(params) if cut else window({})
    lines = books.rows(LINES, {"account": books.account_id, "trading": trading, **asked})
    return [
        (
            line,
            said(
                billId=line["bill_id"], ccy=line["asset"], balChg=line["amount"], bal=line["balance"],
                ts=line["posted_at"], clientId="", notes="",
            ),
        )
        for line in lines
    ]  # fmt: skip


def _funding_type(line: Mapping[str, Any]) -> str:
    pair = {"own": OWN, "earn": EARN, "family": FAMILY}.get(line["place"])
    if pair is not None:
        return pair[line["amount"] < 0]
    return FUNDING_TYPES.get(line["kind"], OTHER_TYPE)


def funding_bills(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/bills`` and ``asset/bills-history``."""
    told = _bills(books, params, trading=False, by_id=params.get("pagingType") == "2")
    rows = [bill | {"type": _funding_type(line)} for line, bill in told]
    return [row for row in wanted(rows, params, "ccy") if params.get("type", "") in ("", row["type"])]


def bill_types(_: Books, __: Params) -> list[Row]:
    """Answer ``account/subtypes``: the types of bills that this exchange writes."""
    return [said(type=code, typeDesc=word, subTypeDetails=[]) for code, word in TYPE_WORDS.items()]


def trading_bills(books: Books, params: Params) -> list[Row]:
    """Answer ``account/bills`` and ``account/bills-archive``: two lines of a trade have one number."""
    rows = []
    for line, bill in _bills(books, params, trading=True, by_id=True):
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
