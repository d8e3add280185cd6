"""The operations of OKX's v5 API that closeout uses: method, path, permission, documented limit, paging.

The limit is per user and endpoint, ``calls/seconds``. ``by=`` names the field whose value is the paging
parameter (``after`` unless said otherwise): older rows follow. The client spaces its calls by this table; the
sandbox's v5 server enforces it. Source: OKX API v5 documentation and changelog.
"""

from __future__ import annotations

from dataclasses import dataclass

TABLE = """
GET  public/time                               -  10/2
GET  public/instruments                        -  20/2
GET  system/status                             -  1/5
GET  support/announcements                     -  5/2
GET  market/index-tickers                      -  20/2
GET  account/config                            R  5/2
GET  account/balance                           R  10/2
GET  account/positions                         R  10/2
GET  account/positions-history                 R  10/2  by=uTime
GET  account/interest-limits                   R  5/2
GET  account/max-withdrawal                    R  20/2
GET  account/risk-state                        R  10/2
GET  account/interest-accrued                  R  5/2   by=ts
GET  account/vip-loan-order-list               R  5/2   by=ordId
GET  account/fixed-loan/borrowing-orders-list  R  5/2   by=ordId
GET  account/spot-borrow-repay-history         R  5/2   by=ts
GET  account/subtypes                          R  5/2
GET  account/bills                             R  5/1   by=billId
GET  account/bills-archive                     R  5/2   by=billId
GET  account/bills-history-archive             R  10/2
POST account/bills-history-archive             R  12/86400
POST account/set-auto-earn                     T  5/2
POST account/borrow-repay                      T  6/1
POST account/fixed-loan/repay-borrowing-order  T  6/1
POST account/quick-margin-borrow-repay         T  5/2
POST account/spot-manual-borrow-repay          T  1/1
GET  account/subaccount/balances               R  6/2
GET  asset/balances                            R  6/1
GET  asset/currencies                          R  6/1
GET  asset/asset-valuation                     R  1/1
GET  asset/non-tradable-assets                 R  6/1
GET  asset/deposit-history                     R  6/1   by=ts
GET  asset/withdrawal-history                  R  6/1   by=ts
GET  asset/transfer-state                      R  10/1
GET  asset/deposit-withdraw-status             R  1/2
GET  asset/bills                               R  6/1   by=ts
GET  asset/bills-history                       R  6/1   by=billId
GET  asset/convert/history                     R  6/1   by=ts
GET  asset/subaccount/balances                 R  6/2
POST asset/transfer                            T  2/1
POST asset/withdrawal                          W  6/1
POST asset/cancel-withdrawal                   T  6/1
POST asset/convert/estimate-quote              R  10/1
POST asset/convert/trade                       T  10/1
GET  users/subaccount/list                     R  2/2   by=ts
GET  users/entrust-subaccount-list             R  1/1   by=ts
GET  users/subaccount/apikey                   R  1/1
POST users/subaccount/apikey                   T  1/1
POST users/subaccount/delete-apikey            T  1/1
GET  trade/orders-pending                      R  60/2  by=ordId
GET  trade/orders-algo-pending                 R  20/2  by=algoId
GET  trade/order                               R  60/2
GET  trade/fills-history                       R  10/2  by=billId
GET  trade/orders-history                      R  40/2  by=ordId
GET  trade/orders-history-archive              R  20/2  by=ordId
GET  trade/orders-algo-history                 R  20/2  by=algoId
GET  trade/easy-convert-currency-list          R  1/2
GET  trade/easy-convert-history                R  1/2   by=uTime
GET  trade/one-click-repay-currency-list-v2    R  1/2
GET  trade/one-click-repay-history-v2          R  1/2   by=ts
POST trade/order                               T  60/2
POST trade/batch-orders                        T  300/2
POST trade/cancel-order                        T  60/2
POST trade/cancel-batch-orders                 T  300/2
POST trade/cancel-algos                        T  20/2
POST trade/cancel-advance-algos                T  20/2
POST trade/cancel-all-after                    T  1/1
POST trade/close-position                      T  20/2
POST trade/easy-convert                        T  1/2
POST trade/one-click-repay-v2                  T  1/2
GET  tradingBot/grid/orders-algo-pending       R  20/2  by=algoId
GET  tradingBot/dca/ongoing-list               R  20/2  by=algoId
GET  tradingBot/recurring/orders-algo-pending  R  20/2  by=algoId
GET  tradingBot/signal/orders-algo-pending     R  20/2  by=algoId
POST tradingBot/grid/stop-order-algo           T  20/2
POST tradingBot/grid/close-position            T  20/2
POST tradingBot/dca/stop                       T  20/2
POST tradingBot/recurring/stop-order-algo      T  20/2
POST tradingBot/signal/stop-order-algo         T  20/2
GET  copytrading/config                        R  5/2
GET  copytrading/current-subpositions          R  20/2  by=subPosId
GET  copytrading/current-lead-traders          R  5/2
GET  copytrading/subpositions-history          R  20/2  by=subPosId
POST copytrading/close-subposition             T  20/2
POST copytrading/stop-copy-trading             T  5/2
GET  sprd/orders-pending                       R  10/2  by=ordId:endId
GET  sprd/orders-history                       R  20/2  by=ordId:endId
POST sprd/mass-cancel                          T  10/2
GET  rfq/rfqs                                  R  2/2   by=rfqId:endId
GET  rfq/quotes                                R  2/2   by=quoteId:endId
POST rfq/cancel-all-rfqs                       T  2/2
POST rfq/cancel-all-quotes                     T  2/2
GET  finance/savings/balance                   R  6/1
GET  finance/savings/lending-history           R  6/1   by=ts
GET  finance/simple-earn-fixed/order-list      R  3/1
GET  finance/staking-defi/orders-active        R  3/1
GET  finance/staking-defi/orders-history       R  3/1   by=ordId
GET  finance/staking-defi/eth/balance          R  6/1
GET  finance/staking-defi/sol/balance          R  6/1
GET  finance/staking-defi/eth/purchase-redeem-history  R  6/1  by=requestTime
GET  finance/staking-defi/sol/purchase-redeem-history  R  6/1  by=requestTime
GET  finance/okusd/account                     R  2/2
GET  finance/okusd/redeem/history              R  5/2   by=ts:end
GET  finance/stable-rewards/balance            R  5/2
GET  finance/sfp/dcd/order-history             R  1/1   by=ordId:endId
GET  finance/flexible-loan/loan-info           R  5/2
GET  finance/flexible-loan/loan-history        R  5/2   by=ts
POST finance/savings/purchase-redempt          T  6/1
POST finance/simple-earn-fixed/redeem          T  3/1
POST finance/staking-defi/redeem               T  2/1
POST finance/staking-defi/cancel               T  2/1
POST finance/staking-defi/eth/redeem           T  2/1
POST finance/staking-defi/sol/redeem           T  2/1
POST finance/flexible-loan/repay               T  5/2
POST finance/flexible-loan/adjust-collateral   T  5/2
POST finance/okusd/redeem                      T  1/2
POST finance/sfp/dcd/redeem-quote              T  10/60
POST finance/sfp/dcd/redeem                    T  2/60
GET  fiat/deposit-order-history                R  3/1   by=cTime
GET  fiat/withdrawal-order-history             R  3/1   by=cTime
GET  fiat/withdrawal-payment-methods           R  3/1
GET  fiat/buy-sell/history                     R  6/1   by=cTime:end
GET  affiliate/performance/summary             R  3/1
GET  affiliate/link/list                       R  3/1
"""


@dataclass(frozen=True)
class Endpoint:
    """One documented operation."""

    method: str
    path: str  # after /api/v5/
    permission: str  # R read, T trade, W withdraw, - none (public)
    calls: int
    seconds: float
    cursor_field: str | None = None
    cursor_parameter: str = "after"

    @property
    def name(self) -> str:
        """Return ``METHOD path``, the key of this operation in limits, tests and reports."""
        return f"{self.method} {self.path}"

    @property
    def public(self) -> bool:
        """Whether the operation is served without a signature."""
        return self.permission == "-"


def _endpoint(line: str) -> Endpoint:
    method, path, permission, limit, *paging = line.split()
    calls, seconds = limit.split("/")
    field, _, parameter = paging[0].removeprefix("by=").partition(":") if paging else ("", "", "")
    return Endpoint(method, path, permission, int(calls), float(seconds), field or None, parameter or "after")


ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint for endpoint in map(_endpoint, TABLE.strip().splitlines())
}


def get(path: str) -> Endpoint:
    """Return the read operation at ``path``. Raises: KeyError if closeout does not use it."""
    return ENDPOINTS[f"GET {path}"]


def post(path: str) -> Endpoint:
    """Return the write operation at ``path``. Raises: KeyError if closeout does not use it."""
    return ENDPOINTS[f"POST {path}"]
