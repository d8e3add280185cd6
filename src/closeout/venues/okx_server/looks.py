"""GET operations about what the account holds now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from closeout.venues.okx_server.books import Books, total, wanted
from closeout.venues.okx_server.speaking import Refusal, Row, said

Params = Mapping[str, str]
Look = Callable[[Books, Params], list[Row]]
INST_TYPES = {"limit": "SPOT", "margin": "MARGIN", "swap": "SWAP", "futures": "FUTURES", "option": "OPTION"}
BY_KIND = {"spot": "SPOT", "margin": "MARGIN", "swap": "SWAP", "futures": "FUTURES", "option": "OPTION"}
DUST_USD = 10
CONVERT_TARGETS = ["USDT", "USDC", "OKB", "BTC", "ETH"]


def config(books: Books, _: Params) -> list[Row]:
    """Answer ``account/config``."""
    (account,) = books.rows(
        "select a.account_id, a.parent_id, i.state as identity from sandbox.account as a "
        "left join sandbox.identity as i on i.account_id = coalesce(a.parent_id, a.account_id) "
        "where a.account_id = %s",
        books.account_id,
    )
    level = {"verified": "3", "incomplete": "1", "rejected": "1"}.get(account["identity"], "0")
    return [
        said(
            uid=account["account_id"],
            mainUid=account["parent_id"] or account["account_id"],
            acctLv="2",
            posMode="net_mode",
            autoLoan=False,
            kycLv=level,
            label=books.key.label,
            perm=",".join(books.key.permissions),
            ip=",".join(books.key.addresses),
            roleType="0",
            spotRoleType="0",
            type="0" if not account["parent_id"] else "1",
            opAuth="0",
            level="Lv1",
            traderInsts=[],
            spotTraderInsts=[],
            enableSpotBorrow=False,
        )
    ]


def funding(books: Books, params: Params, account_id: int | None = None) -> list[Row]:
    """Answer ``asset/balances``."""
    rows = wanted(books.balances(account_id or books.account_id, trading=False), params)
    return [
        said(
            ccy=row["asset"],
            bal=row["available"] + row["locked"],
            availBal=row["available"],
            frozenBal=row["locked"],
        )
        for row in rows
    ]


def trading(books: Books, params: Params, account_id: int | None = None) -> list[Row]:
    """Answer ``account/balance``."""
    account = account_id or books.account_id
    rows = wanted(books.balances(account, trading=True), params)
    locked = {
        row["asset"]: row["locked"]
        for row in books.rows(
            "select asset, sum(locked) as locked from facts.open_order where account_id = %s group by asset",
            account,
        )
    }
    details = [_detail(row, locked.get(row["asset"], 0)) for row in rows]
    return [
        said(
            uTime=books.now,
            totalEq=total(rows),
            isoEq="0",
            adjEq="",
            availEq="",
            ordFroz="",
            imr="",
            mmr="",
            mgnRatio="",
            notionalUsd="",
            borrowFroz="",
            upl="",
            details=details,
        )
    ]


def movable(books: Books, params: Params) -> list[Row]:
    """Answer ``account/max-withdrawal``: what is available in the trading account."""
    rows = wanted(books.balances(books.account_id, trading=True), params)
    return [
        said(ccy=row["asset"], maxWd=max(row["available"], 0), maxWdEx=max(row["available"], 0))
        for row in rows
    ]


def _detail(row: Mapping[str, Any], in_orders: object) -> Row:
    whole = row["available"] + row["locked"]
    return said(
        ccy=row["asset"],
        cashBal=whole,
        eq=whole,
        availBal=row["available"],
        availEq=row["available"],
        frozenBal=row["locked"],
        ordFrozen=in_orders,
        eqUsd=row["value"],
        disEq=row["value"],
        liab="",
        crossLiab="",
        isoLiab="",
        interest="",
        upl="0",
        uplLiab="",
        isoUpl="0",
        isoEq="0",
        stgyEq="0",
        fixedBal="0",
        smtSyncEq="0",
        spotCopyTradingEq="0",
        spotInUseAmt="",
        twap="0",
        maxLoan="",
        mgnRatio="",
        notionalLever="0",
        borrowFroz="",
        rewardBal="0",
        autoLendStatus="unsupported",
        autoLendMtAmt="0",
        uTime="",
    )


def valuation(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/asset-valuation`` in USDT or BTC."""
    (price,) = books.rows("select price from sandbox.asset where asset = %s", params.get("ccy") or "BTC") or [
        {"price": 1}
    ]
    earn = books.rows(
        "select value from facts.balance where account_id = %s and wallet = 'earn'", books.account_id
    )
    parts = {
        "funding": total(books.balances(books.account_id, trading=False)) / price["price"],
        "trading": total(books.balances(books.account_id, trading=True)) / price["price"],
        "earn": total(earn) / price["price"],
    }
    details = said(**{name: round(value, 8) for name, value in parts.items()}, classic="0")
    return [said(totalBal=round(sum(parts.values()), 8), ts=books.now, details=details)]


def positions(books: Books, params: Params) -> list[Row]:
    """Answer ``account/positions``: the open ones except copies."""
    return [
        _position(row, books) for row in _positions(books) if row["kind"] != "copy" and _typed(row, params)
    ]


def copies(books: Books, params: Params) -> list[Row]:
    """Answer ``copytrading/current-subpositions``: those that are copied; nobody leads here."""
    if params.get("subPosType", "lead") != "copy":
        return []
    return [
        said(
            instId=row["instrument"],
            subPosId=row["position_id"],
            subPos=abs(row["quantity"]),
            ccy=row["asset"],
            posSide="long" if row["quantity"] > 0 else "short",
            upl=row["unrealised"],
            mgnMode="cross",
            openTime=row["opened_at"],
            openAvgPx=row["entry_price"],
            uniqueCode="SANDBOX",
            instType="SWAP",
        )
        for row in _positions(books)
        if row["kind"] == "copy"
    ]


def _positions(books: Books) -> list[dict[str, Any]]:
    return books.rows(
        "select p.*, i.mark, (i.mark - p.entry_price) * p.quantity as unrealised from sandbox.position as p "
        "join sandbox.instrument as i using (instrument) where p.account_id = %s and p.state = 'open' "
        "order by p.position_id",
        books.account_id,
    )


def _typed(row: Mapping[str, Any], params: Params) -> bool:
    return params.get("instType", "") in ("", INST_TYPES.get(row["kind"], "SWAP"))


def _position(row: Mapping[str, Any], books: Books) -> Row:
    return said(
        instType=INST_TYPES.get(row["kind"], "SWAP"),
        instId=row["instrument"],
        posId=row["position_id"],
        posSide="net",
        pos=row["quantity"],
        posCcy="",
        availPos=row["quantity"],
        mgnMode="cross",
        ccy=row["asset"],
        upl=row["unrealised"],
        uplRatio="",
        liab="",
        liabCcy="",
        interest="",
        margin=row["margin"],
        markPx=row["mark"],
        avgPx=row["entry_price"],
        lever="10",
        cTime=row["opened_at"],
        uTime=books.now,
        adl="1",
        imr="",
        mmr="",
        mgnRatio="",
        notionalUsd="",
        last=row["mark"],
        liqPx="",
        tradeId="",
    )


def orders(books: Books, params: Params) -> list[Row]:
    """Answer ``trade/orders-pending``: everything in the book, without algo, spread and block orders."""
    return [
        said(
            instType=INST_TYPES[row["kind"]],
            instId=row["instrument"],
            ordId=row["order_id"],
            clOrdId="",
            tag="",
            side=row["side"],
            ordType="limit",
            tdMode="cash",
            posSide="",
            px=row["price"],
            sz=row["quantity"],
            accFillSz=row["filled"],
            avgPx="",
            state="live" if not row["filled"] else "partially_filled",
            ccy="",
            lever="",
            fee="",
            feeCcy="",
            pnl="0",
            fillPx="",
            fillSz="",
            fillTime="",
            tradeId="",
            source="",
            category="normal",
            cTime=row["placed_at"],
            uTime=row["placed_at"],
            tgtCcy="",
            rebate="",
            rebateCcy="",
            reduceOnly="false",
        )
        for row in _orders(books, *INST_TYPES)
        if _typed(row, params) and params.get("instId", "") in ("", row["instrument"])
    ]


def _orders(books: Books, *kinds: str) -> list[dict[str, Any]]:
    return books.rows(
        "select * from sandbox.trade_order where account_id = %s and state = 'open' and kind = any(%s)",
        books.account_id,
        list(kinds),
    )


def algo_orders(books: Books, params: Params) -> list[Row]:
    """Answer ``trade/orders-algo-pending``; the type is required. Raises: Refusal("50014")."""
    if not params.get("ordType"):
        raise Refusal("50014", "ordType")
    if params["ordType"] != "trigger":
        return []
    return [
        said(
            instType="SPOT",
            instId=row["instrument"],
            algoId=row["order_id"],
            ordType="trigger",
            side=row["side"],
            sz=row["quantity"],
            triggerPx=row["price"],
            ordPx="-1",
            state="live",
            cTime=row["placed_at"],
            ccy="",
            tdMode="cash",
            posSide="",
            tag="",
            actualSz="",
            actualPx="",
            actualSide="",
            ordId="",
            uTime=row["placed_at"],
        )
        for row in _orders(books, "trigger")
    ]


def spread_orders(books: Books, _: Params) -> list[Row]:
    """Answer ``sprd/orders-pending``."""
    return [
        said(
            sprdId=row["instrument"],
            ordId=row["order_id"],
            px=row["price"],
            sz=row["quantity"],
            side=row["side"],
            state="live",
            ordType="limit",
            cTime=row["placed_at"],
        )
        for row in _orders(books, "spread")
    ]


def rfqs(books: Books, _: Params) -> list[Row]:
    """Answer ``rfq/rfqs``."""
    return [
        said(
            rfqId=row["order_id"], clRfqId=row["instrument"], state="active", cTime=row["placed_at"], legs=[]
        )
        for row in _orders(books, "block")
    ]


def dust(books: Books, params: Params) -> list[Row]:
    """Answer ``trade/easy-convert-currency-list``: balances under ten dollars that have a price."""
    rows = books.rows(
        "select b.asset, b.available, a.price from facts.balance as b join sandbox.asset as a using (asset) "
        "where b.account_id = %s and b.wallet = %s and b.available >= a.convert_min and b.available > 0 "
        "and a.convertible and not a.delisted and a.price is not null and b.available * a.price < %s",
        books.account_id,
        "trading" if params.get("source", "1") == "1" else "funding",
        DUST_USD,
    )
    return [
        {
            "fromData": [said(fromCcy=row["asset"], fromAmt=row["available"]) for row in rows],
            "toCcy": CONVERT_TARGETS,
        }
    ]
