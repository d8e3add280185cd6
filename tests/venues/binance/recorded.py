"""Answers of Binance in the documented shape, made up for one busy account."""

import copy
from typing import Any

UID, SUB_UID, SUB = "354937001", "354937077", "sub@example.com"
T0, DUE = 1769990400000, 1772582400000  # 2026-02-02 and 2026-03-04, UTC
OPEN = {"symbol": "BTCUSDT", "orderId": 28, "price": "50000", "origQty": "0.3", "executedQty": "0.1", "side": "BUY",
        "type": "LIMIT", "stopPrice": "0.0", "time": T0}  # fmt: skip
FUTURES = {
    "assets": [{"asset": "USDT", "walletBalance": "120.5", "availableBalance": "100.25"}],
    "positions": [],
}
POSITION = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.02", "entryPrice": "59000",
            "unRealizedProfit": "-0.00000001", "marginAsset": "USDT"}  # fmt: skip
C2C = {"orderNumber": "20219644646554779648", "tradeType": "SELL", "asset": "USDT", "fiat": "CNY", "amount": "500",
       "orderStatus": "IN_APPEAL", "createTime": T0, "commission": "0"}  # fmt: skip

# By method, path on the server; a row list or an object, as Binance sends it.
ANSWERS: dict[str, Any] = {
    "GET /api/v3/time": {"serverTime": T0},
    "GET /api/v3/account": {
        "uid": int(UID), "canTrade": True, "canWithdraw": True, "canDeposit": True, "updateTime": T0,
        "balances": [
            {"asset": "USDT", "free": "90.123456789012345678", "locked": "10"},
            {"asset": "LDUSDT", "free": "25", "locked": "0"},
            {"asset": "SHIB", "free": "0.00000001", "locked": "0"},
            {"asset": "ETH", "free": "0", "locked": "0"},
        ],
    },
    "GET /sapi/v1/account/apiRestrictions": {
        "ipRestrict": False, "enableReading": True, "enableWithdrawals": False, "enableSpotAndMarginTrading": False,
    },
    "GET /sapi/v1/account/status": {"data": "Normal"},
    "GET /sapi/v1/account/apiTradingStatus": {"data": {"isLocked": False, "plannedRecoverTime": 0}},
    "GET /sapi/v1/capital/config/getall": [
        {"coin": "USDT", "free": "90", "ipoing": "0", "storage": "0", "networkList": [
            {"network": "ETH", "withdrawEnable": True, "withdrawMin": "10", "withdrawFee": "4"},
            {"network": "TRX", "withdrawEnable": True, "withdrawMin": "5", "withdrawFee": "1"},
            {"network": "OLD", "withdrawEnable": False, "withdrawMin": "1", "withdrawFee": "1"}]},
        {"coin": "BNB", "free": "0", "ipoing": "1.5", "storage": "0", "networkList": [
            {"network": "BSC", "withdrawEnable": True, "withdrawMin": "0.01", "withdrawFee": "0.001"}]},
        {"coin": "SHIB", "free": "0", "ipoing": "0", "storage": "0", "networkList": []},
    ],
    "GET /api/v3/ticker/price": [
        {"symbol": "BTCUSDT", "price": "60000"}, {"symbol": "BNBUSDT", "price": "600"},
        {"symbol": "ETHUSDT", "price": "3000"}, {"symbol": "ETHBTC", "price": "0.05"},
    ],
    "GET /sapi/v1/asset/wallet/balance": [
        {"activate": True, "balance": "1000.12", "walletName": "Spot"},
        {"activate": True, "balance": "7", "walletName": "Funding"},
        {"activate": True, "balance": "50", "walletName": "Trading Bots"},
        {"activate": False, "balance": "0", "walletName": "Options"},
    ],
    "POST /sapi/v1/asset/get-funding-asset": [
        {"asset": "USDT", "free": "5", "locked": "1", "freeze": "0.5", "withdrawing": "0.5", "btcValuation": "0"},
    ],
    "GET /sapi/v1/margin/account": {"borrowEnabled": True, "userAssets": [
        {"asset": "BTC", "borrowed": "0.01", "free": "0.001", "interest": "0.00000012", "locked": "0",
         "netAsset": "-0.009"},
        {"asset": "USDT", "borrowed": "0", "free": "0", "interest": "0", "locked": "0", "netAsset": "0"}]},
    "GET /sapi/v1/margin/isolated/account": {"assets": [{"symbol": "ETHUSDT",
        "baseAsset": {"asset": "ETH", "borrowed": "0", "free": "0.1", "interest": "0", "locked": "0"},
        "quoteAsset": {"asset": "USDT", "borrowed": "20", "free": "0", "interest": "0.01", "locked": "0"}}]},
    "GET /fapi/v3/account": FUTURES,
    "GET /dapi/v1/account": {"assets": [{"asset": "BTC", "walletBalance": "0.005", "availableBalance": "0.005"}]},
    "GET /papi/v1/balance": (400, {"code": -21001, "msg": "User is not in Portfolio Margin"}),
    "GET /api/v3/openOrders": [OPEN, {**OPEN, "orderId": 29, "stopPrice": "49000", "side": "SELL"}],
    "GET /sapi/v1/margin/openOrders": [{**OPEN, "orderId": 30, "symbol": "ETHBTC"}],
    "GET /sapi/v1/algo/spot/openOrders": {"total": 1, "orders": [
        {"algoId": 14517, "symbol": "ETHUSDT", "side": "SELL", "totalQty": "5", "executedQty": "0", "bookTime": T0}]},
    "GET /sapi/v1/algo/futures/openOrders": {"total": 0, "orders": []},
    "GET /fapi/v1/openOrders": [{**OPEN, "orderId": 31}],
    "GET /fapi/v1/openAlgoOrders": [{"algoId": 99, "symbol": "BTCUSDT", "side": "SELL", "createTime": T0}],
    "GET /dapi/v1/openOrders": [],
    "GET /eapi/v1/openOrders": (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
    "GET /eapi/v1/position": (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
    "GET /fapi/v3/positionRisk": [POSITION, {**POSITION, "symbol": "ETHUSDT", "positionAmt": "0"}],
    "GET /dapi/v1/positionRisk": [
        {"symbol": "BTCUSD_260327", "positionSide": "LONG", "positionAmt": "3", "unRealizedProfit": "0.001",
         "marginAsset": "BTC"}],
    "GET /papi/v1/um/openOrders": (400, {"code": -21001, "msg": "User is not in Portfolio Margin"}),
    "GET /papi/v1/cm/openOrders": (400, {"code": -21001, "msg": "User is not in Portfolio Margin"}),
    "GET /papi/v1/um/conditional/openOrders": [
        {"strategyId": 3645916, "symbol": "BTCUSDT", "side": "SELL", "bookTime": T0, "updateTime": T0}],
    "GET /papi/v1/um/positionRisk": (400, {"code": -21001, "msg": "User is not in Portfolio Margin"}),
    "GET /papi/v1/cm/positionRisk": (400, {"code": -21001, "msg": "User is not in Portfolio Margin"}),
    "GET /sapi/v1/simple-earn/flexible/position": {"total": 1, "rows": [
        {"totalAmount": "25.000000000000000001", "asset": "USDT", "productId": "USDT001", "canRedeem": True,
         "collateralAmount": "0", "autoSubscribe": True}]},
    "GET /sapi/v1/simple-earn/locked/position": {"total": 2, "rows": [
        {"positionId": 123123, "asset": "AXS", "amount": "122.09", "duration": "60", "rewardsEndDate": str(DUE),
         "deliverDate": str(DUE), "canRedeemEarly": True, "type": "NORMAL", "autoSubscribe": True, "status": "HOLDING",
         "redeemingAmt": "2",
         "partialAmtDeliverDate": str(DUE)},
        {"positionId": 123124, "asset": "AXS", "amount": "7", "duration": "60", "deliverDate": str(DUE),
         "canRedeemEarly": True, "type": "AUTO", "autoSubscribe": False, "status": "REDEEMING"}]},
    "GET /sapi/v1/onchain-yields/locked/position": {"total": 1, "rows": [
        {"positionId": "55", "asset": "BTC", "amount": "0.25", "duration": "60", "deliverDate": str(DUE),
         "canRedeemEarly": False, "autoSubscribe": False}]},
    "GET /sapi/v1/eth-staking/eth/history/redemptionHistory": {"total": 2, "rows": [
        {"time": T0, "arrivalTime": DUE, "asset": "WBETH", "amount": "1", "status": "PENDING",
         "distributeAsset": "ETH", "distributeAmount": "1.04"},
        {"time": T0, "arrivalTime": T0, "asset": "WBETH", "amount": "1", "status": "SUCCESS"}]},
    "GET /sapi/v1/sol-staking/sol/history/redemptionHistory": {"total": 0, "rows": []},
    "GET /sapi/v1/dci/product/positions": {"total": 2, "list": [
        {"id": "10160533", "investCoin": "USDT", "subscriptionAmount": "40", "settleDate": str(DUE),
         "purchaseStatus": "PURCHASE_SUCCESS", "autoCompoundPlan": "STANDARD"},
        {"id": "10160534", "investCoin": "USDT", "subscriptionAmount": "40", "purchaseStatus": "SETTLED"},
        {"id": "10160535", "investCoin": "USDT", "subscriptionAmount": "5", "settleDate": str(DUE),
         "purchaseStatus": "PURCHASE_SUCCESS", "autoCompoundPlan": "NULL"}]},
    "GET /sapi/v1/lending/auto-invest/plan/list": {"planValueInUSD": "1", "plans": [
        {"planId": 1, "status": "ONGOING", "targetAsset": "BTC"}, {"planId": 2, "status": "PAUSED"}]},
    "GET /sapi/v2/loan/flexible/ongoing/orders": {"total": 1, "rows": [
        {"loanCoin": "BUSD", "totalDebt": "10000", "collateralCoin": "BNB", "collateralAmount": "49",
         "currentLTV": "0.5"}]},
    "GET /sapi/v1/loan/ongoing/orders": {"total": 0, "rows": []},
    "GET /sapi/v1/loan/vip/ongoing/orders": {"total": 1, "rows": [
        {"orderId": 756783308, "loanCoin": "USDT", "totalDebt": "100.5", "residualInterest": "0.5",
         "collateralCoin": "BTC"}]},
    "GET /sapi/v1/copyTrading/futures/userStatus": {"code": "000000", "data": {"isLeadTrader": True},
     "success": True},
    "GET /sapi/v1/sub-account/list": {"subAccounts": [
        {"subUserId": int(SUB_UID), "email": SUB, "isFreeze": False, "createTime": T0}]},
    "GET /sapi/v1/sub-account/status": [
        {"email": SUB, "isFutureEnabled": True, "isMarginEnabled": False, "isUserActive": True}],
    "GET /sapi/v4/sub-account/assets": {"balances": [
        {"asset": "ADA", "free": "7", "locked": "1", "freeze": "0", "withdrawing": "0"}]},
    "GET /sapi/v2/sub-account/futures/account": {"futureAccountResp": {
        "email": SUB, "assets": [{"asset": "USDT", "walletBalance": "3", "maxWithdrawAmount": "3"}]}},
    "GET /sapi/v1/capital/deposit/hisrec": [
        {"id": "d1", "amount": "0.5", "coin": "ETH", "status": 0, "txId": "0x1", "insertTime": T0},
        {"id": "d2", "amount": "0.5", "coin": "ETH", "status": 7, "txId": "0x2", "insertTime": T0},
        {"id": "d3", "amount": "1000", "coin": "USDT", "status": 1, "txId": "0x3", "insertTime": T0}],
    "GET /sapi/v1/capital/withdraw/history": [
        {"id": "w1", "amount": "8.9", "transactionFee": "0.1", "coin": "USDT", "status": 6,
         "applyTime": "2026-01-12 11:12:02"},
        {"id": "w2", "amount": "1", "transactionFee": "0.1", "coin": "USDT", "status": 4,
         "applyTime": "2026-02-01 11:12:02"}],
    "GET /sapi/v1/fiat/orders": {"code": "000000", "success": True, "total": 1, "data": [
        {"orderNo": "f1", "fiatCurrency": "EUR", "indicatedAmount": "10", "amount": "10", "totalFee": "0",
         "status": "Processing", "createTime": T0}]},
    "GET /sapi/v1/fiat/payments": {"code": "000000", "success": True, "total": 0, "data": []},
    "GET /sapi/v1/c2c/orderMatch/listUserOrderHistory": {"code": "000000", "success": True, "total": 2, "data": [
        C2C, {**C2C, "orderNumber": "1", "orderStatus": "COMPLETED"}]},
    "GET /sapi/v1/convert/tradeFlow": {"list": [
        {"quoteId": "q", "orderId": 94, "orderStatus": "SUCCESS", "fromAsset": "USDT", "fromAmount": "20",
         "toAsset": "BNB",
         "toAmount": "0.06", "createTime": T0}], "moreData": False},
    "GET /sapi/v1/asset/dribblet": {"total": 1, "userAssetDribblets": [{"operateTime": T0, "transId": 45,
        "userAssetDribbletDetails": [{"transId": 4359321, "serviceChargeAmount": "0.00001", "amount": "0.0009",
                                      "operateTime": T0, "transferedAmount": "0.000529", "fromAsset": "ADA"}]}]},
    "GET /sapi/v1/asset/assetDividend": {"total": 1, "rows": [
        {"id": 1, "tranId": 2968885920, "asset": "BNB", "amount": "0.005", "divTime": T0,
         "enInfo": "Launchpool Airdrop"}]},
    "GET /fapi/v1/income": [
        {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.5", "asset": "USDT", "time": T0,
         "tranId": 7},
        {"symbol": "", "incomeType": "TRANSFER", "income": "100", "asset": "USDT", "time": T0, "tranId": 8}],
    "GET /dapi/v1/income": (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}),
    "GET /api/v3/exchangeInfo": {"timezone": "UTC", "symbols": [
        {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT"},
        {"symbol": "ETHBTC", "baseAsset": "ETH", "quoteAsset": "BTC"},
        {"symbol": "XRPTRY", "baseAsset": "XRP", "quoteAsset": "TRY"}]},
    "GET /api/v3/myTrades?symbol=BTCUSDT": [
        {"symbol": "BTCUSDT", "id": 28457, "price": "60000", "qty": "0.01", "quoteQty": "600", "commission": "0.001",
         "commissionAsset": "BNB", "time": T0, "isBuyer": True}],
    "GET /api/v3/myTrades?symbol=ETHBTC": [
        {"symbol": "ETHBTC", "id": 3, "price": "0.05", "qty": "0.1", "quoteQty": "0.005", "commission": "0",
         "commissionAsset": "BNB", "time": T0, "isBuyer": False}],
}  # fmt: skip

NOTHING: dict[str, Any] = {
    "GET /api/v3/account": {**ANSWERS["GET /api/v3/account"], "balances": []},
    "GET /sapi/v1/capital/config/getall": [], "GET /sapi/v1/asset/wallet/balance": [],
    "POST /sapi/v1/asset/get-funding-asset": [],
    "GET /sapi/v1/margin/account": {"userAssets": []}, "GET /sapi/v1/margin/isolated/account": {"assets": []},
    "GET /fapi/v3/account": {"assets": []}, "GET /dapi/v1/account": {"assets": []},
    "GET /sapi/v1/copyTrading/futures/userStatus": {"code": "000000", "data": {"isLeadTrader": False}},
    "GET /api/v3/exchangeInfo": {"symbols": []},
}  # fmt: skip
KEPT = ("GET /api/v3/time", "GET /sapi/v1/account", "GET /api/v3/ticker")


def busy() -> dict[str, Any]:
    """Return the answers of an account with something of everything."""
    return copy.deepcopy(ANSWERS)


def empty() -> dict[str, Any]:
    """Return the answers of an account that holds nothing."""
    found = {
        name: answer if name.startswith(KEPT) or isinstance(answer, tuple) else _hollow(answer)
        for name, answer in busy().items()
    }
    return found | copy.deepcopy(NOTHING)


def _hollow(answer: Any) -> Any:
    if isinstance(answer, list):
        return []
    return {name: [] if isinstance(value, list) else value for name, value in answer.items()}
