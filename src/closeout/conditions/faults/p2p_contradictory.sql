/*
rows = ["R-CHK-17"]
faults = ["p2p_order"]
group = "data"
met.en = "The operator's records agree: P2P orders"
met.zh = "平台记录一致：C2C"
unmet.en = "The record of a P2P order is incomplete"
unmet.zh = "C2C 订单记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    o.account_id,
    null as subject,
    o.p2p_id as item,
    null as asset,
    null as amount,
    null as clears_at
from p2p_order as o
where
    o.state is null or o.appeal is null
