"""POST operations about products that earn and loans."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Any

from closeout.venues import commands
from closeout.venues.okx_server.books import Books
from closeout.venues.okx_server.speaking import Refusal, Row, said
from closeout.venues.okx_server.writes import Body, Desk, amount, one

ACCRUING, FINEST = Decimal("1.0001"), Decimal("1e-18")


def savings(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``finance/savings/purchase-redempt`` for a redemption of everything. Raises: Refusal("58203")."""
    asset, wanted = one(body, "ccy"), amount(body, "amt")
    if one(body, "side") != "redempt":
        raise Refusal("51000", "side")
    rows = _live(books, "flexible", asset=asset)
    if sum((row["amount"] for row in rows), start=Decimal(0)) != wanted:
        raise Refusal("58003", message="Redeem amount exceeds or splits the balance")
    for row in rows:
        desk.do(books, "", commands.redeem(books.account_id, row["earn_id"], asset=asset))
    return [said(ccy=asset, amt=wanted, side="redempt", rate="")]


def redeem_fixed(_: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``finance/simple-earn-fixed/redeem``: what earns is locked. Raises: Refusal("51762")."""
    number = one(body, "reqId")
    if not _live(books, "fixed", earn_id=number):
        raise Refusal("51000", "reqId")
    raise Refusal("51762", message="The order is earning and cannot be redeemed before it matures")


def redeem_on_chain(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``finance/staking-defi/redeem``. Raises: Refusal("51000") for an order that is not there."""
    number = one(body, "ordId")
    rows = _live(books, "staking", "defi", "lending", "launchpool", earn_id=number)
    if not rows:
        raise Refusal("51000", "ordId")
    early = Decimal("1e18") if str(body.get("allowEarlyRedeem", "")).lower() == "true" else None
    desk.do(books, "", commands.redeem(books.account_id, number, asset=rows[0]["asset"], penalty_most=early))
    return [{"ordId": number, "tag": ""}]


def _live(
    books: Books, *kinds: str, asset: str | None = None, earn_id: str | None = None
) -> list[dict[str, Any]]:
    return books.rows(
        "select * from facts.earn where account_id = %s and kind = any(%s) and not redeeming "
        "and (%s::varchar is null or asset = %s) and (%s::varchar is null or earn_id = %s)",
        books.account_id,
        list(kinds),
        asset,
        asset,
        earn_id,
        earn_id,
    )


def _spared(owed: Decimal) -> Decimal:
    """Return ``owed`` and a little: OKX charges by the hour, so what accrues between looking and paying is no debt."""
    return (owed * ACCRUING).quantize(FINEST, rounding=ROUND_UP)


def repay(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``finance/flexible-loan/repay``; what is owed is taken, at most the amount and what accrued meanwhile."""
    number, asset, most = one(body, "ordId"), one(body, "ccy"), amount(body, "amt")
    desk.do(
        books,
        str(body.get("clOrdId", "")),
        commands.repay_loan(books.account_id, number, asset=asset, most=_spared(most)),
    )
    return [said(ordId=number, ccy=asset, amt=most, clOrdId=body.get("clOrdId", ""))]


def one_click_repay(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``trade/one-click-repay-v2``: every loan of the asset."""
    asset = one(body, "debtCcy")
    rows = books.rows(
        "select loan_id, principal + interest as owed from facts.loan where account_id = %s and asset = %s",
        books.account_id,
        asset,
    )
    for row in rows:
        desk.do(
            books,
            "",
            commands.repay_loan(books.account_id, row["loan_id"], asset=asset, most=_spared(row["owed"])),
        )
    return [said(debtCcy=asset, repayCcyList=body.get("repayCcyList", []), ts=books.now)]


def no_auto_earn(_: Desk, __: Books, body: Body) -> list[Row]:
    """Refuse ``account/set-auto-earn``: the sandbox has none. Raises: Refusal("51000")."""
    raise Refusal("51000", one(body, "ccy"))
