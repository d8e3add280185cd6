/*
rows = ["R-CHK-7"]
group = "trading"
met.en = "No P2P order in progress"
met.zh = "没有进行中的 C2C 订单"
unmet.en = "P2P order over {amount} {asset} in progress"
unmet.zh = "有一笔 {amount} {asset} 的 C2C 订单未完成"
many.en = "{count} P2P orders in progress"
many.zh = "{count} 笔 C2C 订单未完成"
who = "holder_elsewhere"
no_remedy.en = "Finish or cancel it with the other side, on the page of the order."
no_remedy.zh = "请在订单页面与对方完成或取消。"
reason.en = "Another person waits for your payment or your coins."
reason.zh = "交易对方还在等待你的付款或放币。"
source = "guide 2, condition 2: P2P orders"
*/
select
    o.account_id,
    o.state as subject,
    o.p2p_id as item,
    o.asset,
    o.amount,
    case when o.state = 'open' then o.expires_at end as clears_at
from p2p_order as o
where o.state not in ('completed', 'cancelled')
