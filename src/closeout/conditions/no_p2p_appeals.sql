/*
rows = ["R-CHK-7"]
group = "trading"
met.en = "No P2P appeal open"
met.zh = "没有未结束的 C2C 申诉"
unmet.en = "P2P appeal over {amount} {asset} is not finished"
unmet.zh = "一笔 {amount} {asset} 的 C2C 申诉未结束"
many.en = "{count} P2P appeals not finished"
many.zh = "{count} 笔 C2C 申诉未结束"
who = "support"
no_remedy.en = "Support decides the appeal."
no_remedy.zh = "由客服处理申诉。"
reason.en = "The other side of the trade must be heard, and so must you."
reason.zh = "申诉结果关系到双方权益，需先处理完毕。"
source = "guide 2, condition 2: appeals"
*/
select
    o.account_id,
    o.appeal as subject,
    o.p2p_id as item,
    o.asset,
    o.amount,
    null as clears_at
from p2p_order as o
where o.appeal not in ('none', 'closed')
