"""POST operations: each becomes commands of the sandbox, under a key that follows from the client's own number."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import psycopg

from closeout.venues import commands
from closeout.venues.base import Command, Destination, Receipt, ReceiptState, Rejected, Remedy
from closeout.venues.okx_server.books import Books
from closeout.venues.okx_server.products import prefix
from closeout.venues.okx_server.speaking import Refusal, Row, said
from closeout.venues.sandbox import trading
from closeout.venues.sandbox.ledger import Work, rejection
from closeout.venues.sandbox.venue import SandboxVenue

CODES: Mapping[str, str] = {
    "not_found": "51400",
    "insufficient": "58350",
    "minimum": "52908",
    "no_price": "58370",
    "delisted": "58370",
    "slippage": "58370",
    "address_not_verified": "58207",
    "wrong_network": "58222",
    "memo_missing": "58222",
    "daily_limit": "58215",
    "frozen": "50027",
    "closed": "50007",
    "restricted": "58101",
    "no_early_redemption": "51762",
    "penalty": "51762",
    "too_precise": "51000",
    "key_reused": "51016",
    "fee": "58211",
    "over_limit": "58370",
}
QUOTE_SECONDS = 30
FUNDING, TRADING = "6", "18"
WALLETS = {FUNDING: "funding", TRADING: "trading"}
Body = Any


@dataclass
class Desk:
    """What writes share between requests: the sandbox and the quotes that were given out."""

    venue: SandboxVenue
    quotes: dict[str, tuple[Command, datetime]] = field(default_factory=dict)
    files: dict[tuple[int, str], datetime] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def do(self, books: Books, number: str, command: Command) -> Receipt:
        """Do one command once per client's number (any number if there is none). Raises: Refusal."""
        key = prefix(books.account_id) + (number or uuid.uuid4().hex)
        try:
            (receipt,) = self.venue.submit([(key, command)])
        except Rejected as no:
            raise Refusal(CODES.get(no.reason, "51000"), no.reason, message=f"{no.reason}: {no}") from no
        if receipt.state is ReceiptState.REJECTED:
            reason = receipt.reason or ""
            raise Refusal(CODES.get(reason, "51000"), reason, message=reason)
        return receipt


Write = Callable[[Desk, Books, Body], list[Row]]


def one(body: Body, name: str) -> str:
    """Return a required field. Raises: Refusal("50014")."""
    value = body.get(name) if isinstance(body, dict) else None
    if value in (None, ""):
        raise Refusal("50014", name)
    return str(value)


def amount(body: Body, name: str) -> Decimal:
    """Return a required amount above zero. Raises: Refusal("50014", "51000")."""
    try:
        value = Decimal(one(body, name))
    except InvalidOperation:
        raise Refusal("51000", name) from None
    if not value.is_finite() or value <= 0:
        raise Refusal("51000", name)
    return value


def many(body: Body) -> list[Any]:
    """Return the items of a batch: a list of 1 to 20, or the one object. Raises: Refusal("51000")."""
    items = body if isinstance(body, list) else [body]
    if not 1 <= len(items) <= commands.ORDERS_MAX or not all(isinstance(item, dict) for item in items):
        raise Refusal("51000", "body")
    return items


def place_order(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/order``: a limit order of any kind of instrument."""
    kinds = books.rows("select kind from sandbox.instrument where instrument = %s", one(body, "instId"))
    if not kinds:
        raise Refusal("51001", message="Instrument ID does not exist")
    kind = "limit" if kinds[0]["kind"] == "spot" else kinds[0]["kind"]
    order = trading.Order(
        one(body, "instId"), one(body, "side"), amount(body, "sz"), amount(body, "px"), kind
    )
    try:
        with desk.venue.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            number = trading.place(Work(cursor, books.now, books.account_id, "order", "holder"), order)
    except (Rejected, psycopg.Error) as wrong:
        no = wrong if isinstance(wrong, Rejected) else rejection(wrong)
        if no is None:
            raise
        code = "51008" if no.reason == "insufficient" else CODES.get(no.reason, "51000")
        raise Refusal(code, no.reason, message=no.reason) from wrong
    own = str(body.get("clOrdId", ""))
    return [said(ordId=number, clOrdId=own, tag=body.get("tag", ""), sCode="0", sMsg="", ts=books.now)]


def place_orders(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/batch-orders``; each item answers for itself."""
    answers = []
    for item in many(body):
        try:
            answers += place_order(desk, books, item)
        except Refusal as no:
            answers.append(
                {"ordId": "", "clOrdId": str(item.get("clOrdId", "")), "sCode": no.code, "sMsg": no.message}
            )
    return answers


def cancel_orders(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/cancel-order`` and ``cancel-batch-orders``; each item answers for itself."""
    return [_cancelled(desk, books, item, "ordId") for item in many(body)]


def cancel_algos(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/cancel-algos``."""
    return [_cancelled(desk, books, item, "algoId") for item in many(body)]


def _cancelled(desk: Desk, books: Books, item: Body, name: str) -> Row:
    number = one(item, name)
    try:
        receipt = desk.do(books, "", commands.cancel_orders(books.account_id, [number]))
    except Refusal as no:
        return {name: number, "clOrdId": "", "sCode": no.code, "sMsg": no.message}
    gone = receipt.notes.get("cancelled") == "0"
    said_so = "Cancellation failed as the order does not exist." if gone else ""
    return {name: number, "clOrdId": "", "sCode": "51400" if gone else "0", "sMsg": said_so, "ts": ""}


def mass_cancel(kind: str) -> Write:
    """Return ``sprd/mass-cancel`` or ``rfq/cancel-all-rfqs``: every open order of ``kind``."""

    def write(desk: Desk, books: Books, _: Body) -> list[Row]:
        rows = books.rows(
            "select order_id from sandbox.trade_order where account_id = %s and kind = %s and state = 'open'",
            books.account_id,
            kind,
        )
        for row in rows:
            desk.do(books, "", commands.cancel_orders(books.account_id, [str(row["order_id"])]))
        return [{"result": True, "ts": ""}]

    return write


def close_position(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/close-position``: by instrument. Raises: Refusal("51023") if there is none."""
    rows = books.rows(
        "select position_id from sandbox.position where account_id = %s and instrument = %s and state = 'open' "
        "and kind <> 'copy'",
        books.account_id,
        one(body, "instId"),
    )
    return _closed(
        desk,
        books,
        rows,
        {
            "instId": body["instId"],
            "posSide": body.get("posSide", "net"),
            "clOrdId": str(body.get("clOrdId", "")),
            "tag": "",
        },
    )


def close_copy(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``copytrading/close-subposition``. Raises: Refusal("51023")."""
    rows = books.rows(
        "select position_id from sandbox.position where account_id = %s and position_id::varchar = %s "
        "and state = 'open'",
        books.account_id,
        one(body, "subPosId"),
    )
    return _closed(desk, books, rows, {"subPosId": body["subPosId"], "tag": ""})


def _closed(desk: Desk, books: Books, rows: Sequence[Mapping[str, Any]], answer: Row) -> list[Row]:
    if not rows:
        raise Refusal("51023", message="Position does not exist")
    for row in rows:
        desk.do(books, "", commands.close_position(books.account_id, str(row["position_id"])))
    return [answer]


def stop_bots(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``tradingBot/grid/stop-order-algo``: the bot ends and its orders with it."""
    answers = []
    for item in many(body):
        number = one(item, "algoId")
        try:
            desk.do(books, "", commands.revoke_key(books.account_id, number))
        except Refusal as no:
            answers.append(
                {"algoId": number, "algoClOrdId": "", "sCode": no.code, "sMsg": no.message, "tag": ""}
            )
        else:
            answers.append({"algoId": number, "algoClOrdId": "", "sCode": "0", "sMsg": "", "tag": ""})
    return answers


def transfer(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``asset/transfer``: between own wallets (type 0) or from a sub-account to the main one (type 2)."""
    source, target = WALLETS.get(one(body, "from")), WALLETS.get(one(body, "to"))
    kind, asset, moved = str(body.get("type", "0") or "0"), one(body, "ccy"), amount(body, "amt")
    if source is None or target is None or kind not in ("0", "2"):
        raise Refusal("51000", "from, to or type")
    account = books.sub({"subAcct": one(body, "subAcct")}) if kind == "2" else books.account_id
    params = {"wallet": source, "to_wallet": target} | (
        {"to_account": str(books.account_id)} if kind == "2" else {}
    )
    command = Command(kind=Remedy.GATHER, account_id=account, asset=asset, amount=moved, params=params)
    number = str(body.get("clientId") or uuid.uuid4().hex)
    desk.do(books, number, command)
    return [
        said(
            transId=number,
            clientId=body.get("clientId", ""),
            ccy=asset,
            amt=moved,
            to=body["to"],
            **{"from": body["from"]},
        )
    ]


def bring(desk: Desk, books: Books, asset: str) -> None:
    """Gather what other wallets (fiat) hold of ``asset``: for OKX they are the funding account."""
    rows = books.rows(
        "select wallet from facts.balance where account_id = %s and asset = %s and available > 0 "
        "and wallet not in ('funding', 'trading', 'earn')",
        books.account_id,
        asset,
    )
    for row in rows:
        desk.do(books, "", commands.gather(books.account_id, asset=asset, wallet=row["wallet"]))


def withdraw(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``asset/withdrawal``: the fee comes on top of the amount; only to verified addresses."""
    asset, sent = one(body, "ccy"), amount(body, "amt")
    chain = str(body.get("chain") or "")
    rows = books.rows(
        "select network, fee from sandbox.network where asset = %s and (%s = '' or asset || '-' || network = %s) "
        "order by network limit 1",
        asset,
        chain,
        chain,
    )
    if str(body.get("dest")) != "4" or not rows:
        raise Refusal("58222", message="Illegal address or network")
    bring(desk, books, asset)
    address, _, memo = one(body, "toAddr").partition(":")
    way = Destination(asset, rows[0]["network"], address, memo or None)
    number = str(body.get("clientId", ""))
    receipt = desk.do(
        books, number, commands.withdraw(books.account_id, to=way, amount=sent + rows[0]["fee"])
    )
    return [
        said(
            ccy=asset,
            chain=f"{asset}-{rows[0]['network']}",
            amt=sent,
            wdId=receipt.notes.get("transfer", ""),
            clientId=number,
        )
    ]


def easy_convert(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/easy-convert``: up to five small balances of funding. Raises: Refusal("51000")."""
    assets, target = body.get("fromCcy") if isinstance(body, dict) else None, one(body, "toCcy")
    if not isinstance(assets, list) or not 1 <= len(assets) <= 5 or str(body.get("source", "1")) != "2":
        raise Refusal("51000", "fromCcy")
    answers = []
    for asset in assets:
        command = commands.convert(books.account_id, asset=str(asset), amount=None, to_asset=target)
        answers.append(_easy(desk, books, command, target))
    return answers


def _easy(desk: Desk, books: Books, command: Command, target: str) -> Row:
    asset = command.asset or ""
    bring(desk, books, asset)
    try:
        moved = {
            line.asset: line.amount for line in desk.do(books, f"easy-{uuid.uuid4().hex}", command).moved
        }
    except Refusal:
        return said(
            fromCcy=asset, toCcy=target, fillFromSz="0", fillToSz="0", status="failed", uTime=books.now
        )
    gone, got = -moved.get(asset, Decimal(0)), moved.get(target, Decimal(0))
    return said(fromCcy=asset, toCcy=target, fillFromSz=gone, fillToSz=got, status="filled", uTime=books.now)


def estimate(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``asset/convert/estimate-quote``: sell an amount of the base currency."""
    base, target, size = one(body, "baseCcy"), one(body, "quoteCcy"), amount(body, "rfqSz")
    if one(body, "side") != "sell" or one(body, "rfqSzCcy") != base:
        raise Refusal("51000", "side")
    command = commands.convert(books.account_id, asset=base, amount=size, to_asset=target)
    (quoted,) = desk.venue.quote([command])
    if not quoted.possible or quoted.price is None:
        raise Refusal(
            CODES.get(quoted.reason or "", "58370"), quoted.reason or "", message=quoted.reason or "no price"
        )
    number = uuid.uuid4().hex
    with desk.lock:
        desk.quotes[number] = (command, books.now + timedelta(seconds=QUOTE_SECONDS))
    return [
        said(
            quoteId=number,
            baseCcy=base,
            quoteCcy=target,
            side="sell",
            rfqSz=size,
            rfqSzCcy=base,
            cnvtPx=quoted.price,
            baseSz=size,
            quoteSz=quoted.proceeds,
            origRfqSz=size,
            quoteTime=books.now,
            ttlMs=QUOTE_SECONDS * 1000,
            clQReqId=body.get("clQReqId", ""),
        )
    ]


def convert(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``asset/convert/trade`` under a quote that is still good. Raises: Refusal("52915")."""
    with desk.lock:
        command, until = desk.quotes.get(one(body, "quoteId"), (None, books.now))
    if command is None or until < books.now or command.account_id != books.account_id:
        raise Refusal("52915", message="Quote expired")
    number = str(body.get("clTReqId") or "")
    bring(desk, books, command.asset or "")
    moved = {line.asset: line.amount for line in desk.do(books, number, command).moved}
    base, target = command.asset or "", command.params["to_asset"]
    gone, got = -moved.get(base, Decimal(0)), moved.get(target, Decimal(0))
    return [
        said(
            tradeId=body["quoteId"],
            quoteId=body["quoteId"],
            clTReqId=number,
            state="fullyFilled",
            instId=f"{base}-{target}",
            baseCcy=base,
            quoteCcy=target,
            side="sell",
            fillPx=got / gone if gone else "0",
            fillBaseSz=gone,
            fillQuoteSz=got,
            ts=books.now,
        )
    ]
