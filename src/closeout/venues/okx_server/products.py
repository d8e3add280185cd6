"""GET operations about products that earn, loans, and money on its way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from closeout.venues.okx_server.books import Books, wanted, window
from closeout.venues.okx_server.speaking import Refusal, Row, said

Params = Mapping[str, str]
CHAIN_KINDS = ("staking", "defi", "lending", "launchpool")


def _earn(books: Books, *kinds: str) -> list[dict[str, Any]]:
    return books.rows(
        "select f.*, e.subscribed_at, p.term_days from facts.earn as f "
        "join sandbox.earn as e on e.earn_id = f.earn_id::bigint "
        "join sandbox.product as p on p.product = f.product where f.account_id = %s and f.kind = any(%s) "
        "order by e.earn_id",
        books.account_id,
        list(kinds),
    )


def savings(books: Books, params: Params) -> list[Row]:
    """Answer ``finance/savings/balance``: flexible products by asset."""
    sums: dict[str, Any] = {}
    for row in _earn(books, "flexible"):
        sums[row["asset"]] = sums.get(row["asset"], 0) + row["amount"]
    rows = wanted([{"asset": asset, "amt": amt} for asset, amt in sums.items()], params)
    return [
        said(
            ccy=row["asset"],
            amt=row["amt"],
            loanAmt=row["amt"],
            pendingAmt="0",
            earnings="0",
            rate="0.01",
            redemptAmt="0",
        )
        for row in rows
    ]


def fixed(books: Books, _: Params) -> list[Row]:
    """Answer ``finance/simple-earn-fixed/order-list``; what earns is locked to its maturity."""
    return [
        said(
            reqId=row["earn_id"],
            ccy=row["asset"],
            amt=row["amount"],
            term=f"{row['term_days']}D",
            state="earning",
            expiryTime=row["matures_at"],
            cTime=row["subscribed_at"],
            autoRenew=row["auto_renew"],
            rate="",
        )
        for row in _earn(books, "fixed")
    ]


def on_chain(books: Books, params: Params) -> list[Row]:
    """Answer ``finance/staking-defi/orders-active``."""
    return [
        said(
            ordId=row["earn_id"],
            ccy=row["asset"],
            productId=row["product"],
            protocol=row["product"],
            protocolType="staking" if row["kind"] == "staking" else "defi",
            apy="",
            term="0" if row["redeemable"] else str(row["term_days"] or 0),
            state="2" if row["redeeming"] else "1",
            investData=[said(ccy=row["asset"], amt=row["amount"])],
            earningData=[],
            purchasedTime=row["subscribed_at"],
            estSettlementTime=row["matures_at"],
            cancelRedemptionDeadline="",
            fastRedemptionData=[],
            tag="",
        )
        for row in wanted(_earn(books, *CHAIN_KINDS), params)
    ]


def dual(books: Books, _: Params) -> list[Row]:
    """Answer ``finance/sfp/dcd/order-history``."""
    return [
        said(
            ordId=row["earn_id"],
            productId=row["product"],
            state="live",
            notionalSz=row["amount"],
            notionalCcy=row["asset"],
            expTime=row["matures_at"],
            settleTime="",
            cTime=row["subscribed_at"],
        )
        for row in _earn(books, "structured")
    ]


def stake_balance(token: str) -> Any:
    """Return the answer of ``finance/staking-defi/eth|sol/balance``: nobody holds the token here."""

    def answer(books: Books, _: Params) -> list[Row]:
        return [said(ccy=token, amt="0", latestInterestAccrual="0", totalInterestAccrual="0", ts=books.now)]

    return answer


def loans(books: Books, params: Params) -> list[Row]:
    """Answer ``finance/flexible-loan/loan-info``."""
    rows = books.rows("select * from facts.loan where account_id = %s order by loan_id", books.account_id)
    return [
        said(
            ordId=row["loan_id"],
            loanData=[said(ccy=row["asset"], amt=row["principal"] + row["interest"])],
            collateralData=[said(ccy=row["collateral_asset"], amt=row["collateral"])]
            if row["collateral"]
            else [],
            curLTV="",
            marginCallLTV="",
            liqLTV="",
            loanNotionalUsd="",
            collateralNotionalUsd="",
            riskWarningData={},
        )
        for row in rows
        if params.get("ordId", "") in ("", row["loan_id"])
    ]


def repay_list(books: Books, _: Params) -> list[Row]:
    """Answer ``trade/one-click-repay-currency-list-v2``."""
    rows = books.rows(
        "select asset, sum(principal + interest) as owed from facts.loan where account_id = %s group by asset",
        books.account_id,
    )
    return [
        {
            "debtData": [said(debtCcy=row["asset"], debtAmt=row["owed"]) for row in rows],
            "repayData": [
                said(repayCcy=row["asset"], repayAmt=row["available"])
                for row in books.balances(books.account_id, trading=True)
            ],
            "debtType": "cross",
        }
    ]


# A page is cut here: accounts have long histories. The milliseconds are those of the answer.
MOVEMENTS = """
select * from (
    select m.*, floor(extract(epoch from m.started_at) * 1000) as ms from sandbox.movement as m
    where m.account_id = %(account)s and m.kind = %(kind)s
) as m
where (%(after)s::bigint is null or ms < %(after)s) and (%(before)s::bigint is null or ms > %(before)s)
order by ms desc, movement_id desc limit %(limit)s
"""


def _movements(books: Books, params: Params, kind: str) -> list[dict[str, Any]]:
    """Return movements, newest first; one page of them where nothing is filtered afterwards."""
    cut = "limit" in params and not {"ccy", "clientId", "wdId"} & params.keys()
    asked = window(params) if cut else window({})
    return books.rows(MOVEMENTS, {"account": books.account_id, "kind": kind, **asked})


def deposits(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/deposit-history``."""
    return [
        said(
            ccy=row["asset"],
            chain=f"{row['asset']}-{row['network']}",
            amt=row["amount"],
            depId=row["movement_id"],
            txId="",
            to=row["address"],
            state="0" if row["state"] == "pending" else "2",
            ts=row["started_at"],
            actualDepBlkConfirm="",
            fromWdId="",
            **{"from": ""},
        )
        for row in wanted(_movements(books, params, "deposit"), params)
    ]


def withdrawals(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/withdrawal-history``; ours are found again by ``clientId``."""
    states = {"pending": "1", "final": "2"}
    rows = [
        said(
            ccy=row["asset"],
            chain=f"{row['asset']}-{row['network']}",
            amt=row["amount"],
            fee=row["fee"],
            feeCcy=row["asset"],
            wdId=row["movement_id"],
            clientId=own_number(books, row["key"]),
            to=row["address"],
            txId="",
            state=states.get(row["state"], "-1"),
            ts=row["started_at"],
            tag="",
            memo=row["memo"],
            **{"from": ""},
        )
        for row in wanted(_movements(books, params, "withdrawal"), params)
    ]
    return [
        row for row in rows if all(params.get(name, "") in ("", row[name]) for name in ("clientId", "wdId"))
    ]


def transfer_status(books: Books, params: Params) -> list[Row]:
    """Answer ``asset/deposit-withdraw-status`` for a withdrawal. Raises: Refusal("50014") without ``wdId``.

    Deposits of this exchange have no hash of a chain, so nobody can ask about them.
    """
    if not params.get("wdId"):
        raise Refusal("50014", "wdId")
    rows = [
        row for row in _movements(books, params, "withdrawal") if str(row["movement_id"]) == params["wdId"]
    ]
    return [
        said(wdId=row["movement_id"], txId="", state=_stage(row), estCompleteTime=_expected(row))
        for row in rows
    ]


def _stage(row: Mapping[str, Any]) -> str:
    pending = row["state"] == "pending"
    return "Pending withdrawal: waiting for confirmations" if pending else "Withdrawal complete: done"


def _expected(row: Mapping[str, Any]) -> str:
    """Say when it is expected to be over, as OKX does: in the time of Hong Kong, without leading zeros of hours."""
    if row["state"] != "pending" or row["expected_at"] is None:
        return ""
    at = row["expected_at"] + timedelta(hours=8)
    return f"{at:%m/%d/%Y}, {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'}"


def fiat(kind: str) -> Any:
    """Return the answer of ``fiat/deposit-order-history`` or ``fiat/withdrawal-order-history``."""

    def answer(books: Books, params: Params) -> list[Row]:
        return [
            said(
                ordId=row["movement_id"],
                ccy=row["asset"],
                amt=row["amount"],
                fee=row["fee"],
                cTime=row["started_at"],
                state="inqueue" if row["state"] == "pending" else "completed",
                clientId="",
                paymentAcctId=row["address"],
            )
            for row in wanted(_movements(books, params, kind), params)
        ]

    return answer


def bank_accounts(books: Books, params: Params) -> list[Row]:
    """Answer ``fiat/withdrawal-payment-methods``; the currency is required. Raises: Refusal("50014")."""
    if not params.get("ccy"):
        raise Refusal("50014", "ccy")
    rows = books.rows(
        "select * from sandbox.payment_method where account_id = %s and kind = 'bank_account' and asset = %s "
        "and unbound_at is null",
        books.account_id,
        params["ccy"],
    )
    accounts = [
        said(paymentAcctId=row["method_id"], acctNum=row["label"], bankName="", state="active")
        for row in rows
    ]
    return [said(ccy=params["ccy"], paymentMethod="bank", accounts=accounts)] if rows else []


def affiliate(books: Books, _: Params) -> list[Row]:
    """Answer ``affiliate/performance/summary``: unpaid commission, if the account ever referred anybody."""
    rows = books.rows("select * from sandbox.rebate where account_id = %s", books.account_id)
    if not rows:
        return []
    owed = sum(row["amount"] or 0 for row in rows if row["state"] == "open")
    return [
        said(
            inviteeCnt=len(rows),
            depAmt="0",
            uTime=books.now,
            details=[
                said(commissionCategory="SPOT", commission=owed, vol="0", traderCnt="0", firstTraderCnt="0")
            ],
        )
    ]


def own_number(books: Books, key: str | None) -> str:
    """Return the client's number inside a key of the sandbox."""
    return (key or "").removeprefix(prefix(books.account_id)) if (key or "").startswith("v5-") else ""


def prefix(account_id: int) -> str:
    """Return what keys of the sandbox begin with when they come through this server."""
    return f"v5-{account_id}-"
