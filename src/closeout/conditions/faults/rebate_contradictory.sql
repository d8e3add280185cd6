/*
rows = ["R-CHK-17"]
faults = ["rebate"]
group = "data"
met.en = "The operator's records agree: commissions"
met.zh = "平台记录一致：返佣"
unmet.en = "The record of a commission is incomplete"
unmet.zh = "返佣记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    r.account_id,
    r.kind as subject,
    r.rebate_id as item,
    r.asset,
    r.amount,
    null as clears_at
from rebate as r
where
    r.kind is null
    or r.state is null
    or r.amount < 0
    or (r.amount <> 0 and r.asset is null)
