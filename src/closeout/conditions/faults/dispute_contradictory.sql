/*
rows = ["R-CHK-17"]
faults = ["dispute"]
group = "data"
met.en = "The operator's records agree: disputes"
met.zh = "平台记录一致：争议"
unmet.en = "The record of a dispute is incomplete"
unmet.zh = "争议记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    d.account_id,
    null as subject,
    d.dispute_id as item,
    null as asset,
    null as amount,
    null as clears_at
from dispute as d
where
    d.state is null
