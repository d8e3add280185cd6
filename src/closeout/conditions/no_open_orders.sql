/*
rows = ["R-CHK-3"]
group = "trading"
met.en = "No open orders"
met.zh = "没有挂单"
unmet.en = "Open order {subject}, {amount} {asset} locked"
unmet.zh = "{subject} 有未成交挂单，锁定 {amount} {asset}"
many.en = "{count} open orders"
many.zh = "{count} 笔挂单"
who = "holder"
remedy = "cancel_orders"
reason.en = "An open order can still be executed and would move money after closing."
reason.zh = "挂单随时可能成交，会在注销后继续产生资金变动。"
source = "guide 2, condition 2: no open orders; hard cases 33 and 34"
*/
select
    o.account_id,
    o.instrument as subject,
    o.order_id as item,
    o.asset,
    o.locked as amount,
    null as clears_at
from open_order as o
