"""GET operations about sub-accounts and bots, and about what this exchange does not have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from closeout.venues.okx_server import looks
from closeout.venues.okx_server.books import Books
from closeout.venues.okx_server.speaking import Refusal, Row, said

Params = Mapping[str, str]


def sub_funding(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/subaccount/balances``."""
    return looks.funding(books, params, books.sub(params))


def sub_trading(books: Books, params: Params) -> list[Row]:
    """Answer ``account/subaccount/balances``."""
    return looks.trading(books, {}, books.sub(params))


def grid_bots(books: Books, params: Params) -> list[Row]:
    """Answer ``tradingBot/grid/orders-algo-pending``: every bot of the sandbox is a spot grid."""
    if not params.get("algoOrdType"):
        raise Refusal("50014", "algoOrdType")
    rows = books.rows(
        "select * from sandbox.api_key where account_id = %s and kind = 'bot' and revoked_at is null",
        books.account_id,
    )
    return [
        said(
            algoId=row["key_id"],
            algoOrdType="grid",
            instId=row["instrument"] or "BTC-USDT",
            instType="SPOT",
            state="running",
            investment="",
            totalPnl="0",
            cTime=row["created_at"],
        )
        for row in rows
        if params["algoOrdType"] == "grid"
    ]


def subs(books: Books, _: Params) -> list[Row]:
    """Answer ``users/subaccount/list``."""
    rows = books.rows(
        "select * from sandbox.account where parent_id = %s and state <> 'closed' order by account_id",
        books.account_id,
    )
    return [
        said(
            subAcct=f"sub{row['account_id']}",
            uid=row["account_id"],
            enable=row["state"] == "open",
            type="1",
            label=row["label"],
            mobile="",
            gAuth=False,
            frozenFunc=[],
            canTransOut=True,
            ts=row["opened_at"] + timedelta(milliseconds=place),
        )
        for place, row in enumerate(rows)
    ]


def sub_keys(books: Books, params: Params) -> list[Row]:
    """Answer ``users/subaccount/apikey``."""
    rows = books.rows(
        "select coalesce(k.api_key, a.key_id::text) as name, a.* from sandbox.api_key as a "
        "left join okx_server.key as k using (key_id) "
        "where a.account_id = %s and a.kind = 'key' and a.revoked_at is null",
        books.sub(params),
    )
    return [
        said(
            apiKey=row["name"],
            label=row["label"],
            perm="read_only,trade" if row["can_trade"] else "read_only",
            ip="",
            ts=row["created_at"],
            subAcct=params["subAcct"],
        )
        for row in rows
    ]


def none(_: Books, __: Params) -> list[Row]:
    """Answer for a product that this exchange does not have."""
    return []


def copy_config(_: Books, __: Params) -> list[Row]:
    """Answer ``copytrading/config``: nobody leads here."""
    return [said(uniqueCode="", nickName="", portLink="", details=[said(instType="SWAP", roleType="0")])]


def risk_state(books: Books, _: Params) -> list[Row]:
    """Answer ``account/risk-state``: nothing is ever repaid by force here."""
    return [said(atRisk=False, atRiskIdx=[], atRiskMgn=[], ts=books.now)]


def interest_limits(_: Books, __: Params) -> list[Row]:
    """Answer ``account/interest-limits``: the sandbox lends only flexible loans."""
    return [said(debt="0", interest="0", nextDiscountTime="", nextInterestTime="", loanAlloc="", records=[])]
