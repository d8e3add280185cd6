/*
rows = ["R-CHK-4"]
group = "trading"
met.en = "No open positions"
met.zh = "没有仓位"
unmet.en = "Open position {subject}, profit or loss so far {amount} {asset}"
unmet.zh = "{subject} 有未平仓位，未实现盈亏 {amount} {asset}"
many.en = "{count} open positions"
many.zh = "{count} 个未平仓位"
who = "holder"
remedy = "close_position"
reason.en = "A position gains or loses until it is closed, however small it is."
reason.zh = "仓位无论大小，平仓前都会继续产生盈亏。"
source = "guide 2, condition 2: no positions; hard case 7"
*/
select
    o.account_id,
    o.instrument as subject,
    o.position_id as item,
    o.asset,
    o.unrealised as amount,
    null as clears_at
from position as o
where o.quantity <> 0
