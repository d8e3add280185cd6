/*
rows = ["R-CHK-17"]
faults = ["position"]
group = "data"
met.en = "The operator's records agree: positions"
met.zh = "平台记录一致：仓位"
unmet.en = "The record of the position {subject} is incomplete"
unmet.zh = "{subject} 的仓位记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    o.account_id,
    o.instrument as subject,
    o.position_id as item,
    null as asset,
    null as amount,
    null as clears_at
from position as o
where
    o.quantity is null or o.settlement_pending is null
