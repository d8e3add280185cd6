"""The operations of Binance's API that closeout reads: section of the client, path, weight, budget, paging.

A weight is counted against a budget per minute: of the whole section for trading APIs, of each single operation for
``sapi`` (per address, or per user where marked ``uid``). Source: Binance API documentation, request weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from closeout.venues.okx.endpoints import Endpoint

MINUTE = 60.0
BUDGETS = {"api": 6000, "fapi": 2400, "dapi": 2400, "eapi": 400, "papi": 6000, "ip": 12_000, "uid": 180_000}

# rows=NAME: the answer wraps its rows under that name. page=FIRST:SIZE:MOST: parameters of the page and of its size.
TABLE = """
GET  public         time                                 1   api
GET  public         ticker/price                         4   api
GET  public         exchangeInfo                         20  api   rows=symbols
GET  private        account                              20  api
GET  private        openOrders                           80  api
GET  private        openOrderList                        6   api
GET  private        myTrades                             20  api
GET  sapi           account/apiRestrictions              1   ip
GET  sapi           account/status                       1   ip
GET  sapi           account/apiTradingStatus             1   ip
GET  sapi           capital/config/getall                10  ip
POST sapi           asset/get-funding-asset              1   ip
GET  sapi           asset/wallet/balance                 60  ip
POST sapi           asset/dust-btc                       1   ip    rows=details
GET  sapi           margin/account                       10  ip
GET  sapi           margin/isolated/account              10  ip
GET  sapi           margin/openOrders                    10  ip
GET  sapi           simple-earn/flexible/position        150 ip    rows=rows page=current:size:100
GET  sapi           simple-earn/locked/position          150 ip    rows=rows page=current:size:100
GET  sapi           onchain-yields/locked/position       50  ip    rows=rows page=current:size:100
GET  sapi           eth-staking/eth/history/redemptionHistory  150 ip  rows=rows page=current:size:100
GET  sapi           sol-staking/sol/history/redemptionHistory  150 ip  rows=rows page=current:size:100
GET  sapi           dci/product/positions                1   ip    rows=list page=pageIndex:pageSize:100
GET  sapi           lending/auto-invest/plan/list        1   ip    rows=plans
GET  sapiV2         loan/flexible/ongoing/orders         300 ip    rows=rows page=current:limit:100
GET  sapi           loan/ongoing/orders                  300 ip    rows=rows page=current:limit:100
GET  sapi           loan/vip/ongoing/orders              400 ip    rows=rows page=current:limit:100
GET  sapi           algo/spot/openOrders                 1   ip    rows=orders
GET  sapi           algo/futures/openOrders              1   ip    rows=orders
GET  sapi           copyTrading/futures/userStatus       20  uid
GET  sapi           sub-account/list                     1   ip    rows=subAccounts page=page:limit:200
GET  sapi           sub-account/status                   10  uid
GET  sapiV4         sub-account/assets                   60  uid   rows=balances
GET  sapiV2         sub-account/futures/account          1   ip
GET  sapi           sub-account/margin/account           10  ip    rows=marginUserAssetVoList
GET  sapi           capital/deposit/hisrec               1   ip
GET  sapi           capital/withdraw/history             18000 uid
GET  sapi           fiat/orders                          90000 uid rows=data page=page:rows:500
GET  sapi           fiat/payments                        1   ip    rows=data page=page:rows:500
GET  sapi           c2c/orderMatch/listUserOrderHistory  1   ip    rows=data page=page:rows:100
GET  sapi           convert/tradeFlow                    3000 uid  rows=list
GET  sapi           asset/dribblet                       1   ip    rows=userAssetDribblets
GET  sapi           asset/assetDividend                  10  ip    rows=rows
GET  fapiPrivateV3  account                              5   fapi
GET  fapiPrivateV3  positionRisk                         5   fapi
GET  fapiPrivate    openOrders                           40  fapi
GET  fapiPrivate    openAlgoOrders                       40  fapi
GET  fapiPrivate    income                               30  fapi  page=page:limit:1000
GET  dapiPrivate    account                              5   dapi
GET  dapiPrivate    positionRisk                         1   dapi
GET  dapiPrivate    openOrders                           40  dapi
GET  dapiPrivate    income                               20  dapi  page=page:limit:1000
GET  eapiPrivate    position                             5   eapi
GET  eapiPrivate    openOrders                           40  eapi
GET  papi           um/openOrders                        40  papi
GET  papi           um/conditional/openOrders            40  papi
GET  papi           cm/openOrders                        40  papi
GET  papi           balance                              20  papi
GET  papi           um/positionRisk                      5   papi
GET  papi           cm/positionRisk                      1   papi
"""


@dataclass(frozen=True)
class Operation(Endpoint):
    """One documented operation. ``calls`` per ``seconds`` follow from weight and budget."""

    section: str = "sapi"
    weight: int = 1
    pool: str = ""  # what shares the budget
    rows: str = ""
    page: tuple[str, str, int] | None = None

    @property
    def name(self) -> str:
        """Return method, section and path: the key of this operation."""
        return f"{self.method} {self.section} {self.path}"


def _operation(line: str) -> Operation:
    method, section, path, weight, pool, *more = line.split()
    said = dict(part.split("=") for part in more)
    page = said["page"].split(":") if "page" in said else None
    shared = pool not in ("ip", "uid")
    return Operation(
        method, path, "-" if section == "public" else "R", BUDGETS[pool] // int(weight), MINUTE, section=section,
        weight=int(weight), pool=pool if shared else f"{pool} {section} {path}", rows=said.get("rows", ""),
        page=(page[0], page[1], int(page[2])) if page else None,
    )  # fmt: skip


def budget(operation: Operation) -> int:
    """Return the weight that may be spent in one minute where ``operation`` counts."""
    return BUDGETS[operation.pool.partition(" ")[0]]


OPERATIONS: dict[str, Operation] = {one.name: one for one in map(_operation, TABLE.strip().splitlines())}


def operation(section: str, path: str, *, method: str = "GET") -> Operation:
    """Return one operation. Raises: KeyError if closeout does not use it."""
    return OPERATIONS[f"{method} {section} {path}"]
