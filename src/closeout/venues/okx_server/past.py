"""GET operations about what happened, and what everybody may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from closeout.venues.okx_server.books import Books, wanted
from closeout.venues.okx_server.looks import BY_KIND, INST_TYPES
from closeout.venues.okx_server.products import own_number, prefix
from closeout.venues.okx_server.speaking import Refusal, Row, said

Params = Mapping[str, str]
INSTRUMENT_FIELDS = (
    "instType", "instId", "baseCcy", "quoteCcy", "tickSz", "lotSz", "minSz", "state", "listTime", "expTime", "lever",
    "uly", "instFamily", "settleCcy", "ctType", "ctVal", "ctMult", "ctValCcy", "category", "alias", "optType", "stk",
)  # fmt: skip
EXPIRES = "1798675200000"  # of every future and option: 2026-12-31


def fills(books: Books, params: Params) -> list[Row]:
    """Answer ``trade/fills-history``; the type of instrument is required. Raises: Refusal("50014")."""
    kind = _required(params, "instType")
    rows = books.rows(
        "select t.*, i.kind from sandbox.trade as t join sandbox.instrument as i using (instrument) "
        "where t.account_id = %s",
        books.account_id,
    )
    return [
        said(
            instType=kind,
            instId=row["instrument"],
            tradeId=row["trade_id"],
            billId=row["trade_id"],
            ordId=row["order_id"],
            clOrdId="",
            fillPx=row["price"],
            fillSz=row["quantity"],
            side=row["side"],
            posSide="net",
            execType="T",
            feeCcy=row["fee_asset"],
            fee=-row["fee"],
            ts=row["traded_at"],
            fillTime=row["traded_at"],
            tag="",
            subType="1",
        )
        for row in rows
        if BY_KIND[row["kind"]] == kind
    ]


def ended_orders(books: Books, params: Params) -> list[Row]:
    """Answer ``trade/orders-history`` and its archive. Raises: Refusal("50014")."""
    kind = _required(params, "instType")
    rows = books.rows(
        "select * from sandbox.trade_order where account_id = %s and state <> 'open'", books.account_id
    )
    return [
        said(
            instType=kind,
            instId=row["instrument"],
            ordId=row["order_id"],
            clOrdId="",
            tag="",
            side=row["side"],
            ordType="limit",
            tdMode="cash",
            px=row["price"],
            sz=row["quantity"],
            accFillSz=row["filled"],
            avgPx=row["price"] if row["filled"] else "",
            state="canceled" if row["state"] == "cancelled" else "filled",
            cTime=row["placed_at"],
            uTime=row["ended_at"],
            fee="0",
            feeCcy="",
            pnl="0",
            lever="",
            category="normal",
            posSide="net",
            fillPx="",
            fillSz="",
            fillTime="",
            tradeId="",
            source="",
            rebate="0",
            rebateCcy="",
            ccy="",
        )
        for row in rows
        if INST_TYPES.get(row["kind"], "SPOT") == kind
    ]


def _required(params: Params, name: str) -> str:
    if not params.get(name):
        raise Refusal("50014", name)
    return params[name]


def _conversions(books: Books) -> list[dict[str, Any]]:
    return books.rows(
        "select c.*, e.key from sandbox.conversion as c join sandbox.entry as e using (entry_id) "
        "where c.account_id = %s",
        books.account_id,
    )


def conversions(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/convert/history``."""
    rows = [
        said(
            instId=f"{row['from_asset']}-{row['to_asset']}",
            baseCcy=row["from_asset"],
            quoteCcy=row["to_asset"],
            side="sell",
            fillPx=row["price"],
            fillBaseSz=row["amount"],
            fillQuoteSz=row["proceeds"],
            state="fullyFilled",
            tradeId=row["conversion_id"],
            ts=row["converted_at"],
            clTReqId=own_number(books, row["key"]),
        )
        for row in _conversions(books)
    ]
    return [row for row in rows if params.get("clTReqId", "") in ("", row["clTReqId"])]


def easy_conversions(books: Books, _: Params) -> list[Row]:
    """Answer ``trade/easy-convert-history``."""
    return [
        said(
            fromCcy=row["from_asset"],
            toCcy=row["to_asset"],
            fillFromSz=row["amount"],
            fillToSz=row["proceeds"],
            status="filled",
            acct="6",
            uTime=row["converted_at"],
        )
        for row in _conversions(books)
        if "-easy-" in (row["key"] or "")
    ]


def transfer_state(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/transfer-state``. Raises: Refusal("58129") for a transfer that does not exist."""
    number = params.get("clientId") or params.get("transId") or ""
    rows = books.rows(
        "select command, state from sandbox.receipt where key = %s and account_id in (select account_id from "
        "sandbox.account where account_id = %s or parent_id = %s)",
        prefix(books.account_id) + number,
        books.account_id,
        books.account_id,
    )
    if not rows:
        raise Refusal("58129")
    state = "failed" if rows[0]["state"] == "rejected" else "success"
    command = rows[0]["command"]
    return [
        said(
            transId=number,
            clientId=number,
            ccy=command["asset"],
            amt=command["amount"],
            state=state,
            type="0",
            subAcct="",
            instId="",
            toInstId="",
            to="6",
            **{"from": ""},
        )
    ]


def currencies(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/currencies``: one row for each network, and one for an asset that has none."""
    rows = books.rows(
        "select a.asset, a.name, a.delisted, n.network, n.withdraw_min, n.fee, n.memo_required, a.scale "
        "from sandbox.asset as a left join sandbox.network as n using (asset) order by a.asset, n.network"
    )
    return [
        said(
            ccy=row["asset"],
            name=row["name"],
            chain=f"{row['asset']}-{row['network'] or row['asset']}",
            canDep=row["network"] is not None,
            canWd=row["network"] is not None,
            canInternal=True,
            minWd=row["withdraw_min"] or "0",
            maxWd="1000000000",
            minFee=row["fee"] or "0",
            maxFee=row["fee"] or "0",
            fee=row["fee"] or "0",
            wdTickSz=row["scale"],
            mainNet=True,
            needTag=bool(row["memo_required"]),
            minDep="0",
            logoLink="",
            ctAddr="",
            wdQuota="",
            usedWdQuota="",
            depEstOpenTime="",
            wdEstOpenTime="",
        )
        for row in wanted(rows, params)
    ]


def server_time(books: Books, _: Params) -> list[Row]:
    """Answer ``public/time``: what signatures go by."""
    return [said(ts=books.clock)]


def instruments(books: Books, params: Params) -> list[Row]:
    """Answer ``public/instruments``. Raises: Refusal("50014")."""
    kind = _required(params, "instType")
    rows = books.rows("select * from sandbox.instrument order by instrument")
    found = [_instrument(row, kind) for row in rows if BY_KIND[row["kind"]] == kind]
    return [row for row in found if params.get("uly", "") in ("", row["uly"])]


def _instrument(row: Mapping[str, Any], kind: str) -> Row:
    one = dict.fromkeys(INSTRUMENT_FIELDS, "") | {
        "instType": kind,
        "instId": row["instrument"],
        "tickSz": "0.01",
        "lotSz": "0.00000001",
        "minSz": "0.00000001",
        "state": "live",
        "lever": "10",
        "category": "1",
    }
    if kind in ("SPOT", "MARGIN"):
        return one | {"baseCcy": row["base"], "quoteCcy": row["quote"]}
    pair = f"{row['base']}-USD" if kind == "OPTION" else f"{row['base']}-{row['quote']}"
    one |= {
        "uly": pair,
        "instFamily": pair,
        "settleCcy": row["quote"],
        "ctType": "linear",
        "ctVal": "1",
        "ctMult": "1",
    }
    one |= {"ctValCcy": row["base"], "expTime": "" if kind == "SWAP" else EXPIRES}
    if kind == "OPTION":
        one |= {"stk": row["instrument"].split("-")[2], "optType": row["instrument"].split("-")[3]}
    return one


def index_tickers(books: Books, _: Params) -> list[Row]:
    """Answer ``market/index-tickers`` in USDT."""
    rows = books.rows("select asset, price from sandbox.asset where price is not null and asset <> 'USDT'")
    return [said(instId=f"{row['asset']}-USDT", idxPx=row["price"], ts=books.now) for row in rows]
