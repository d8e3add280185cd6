/*
rows = ["R-CHK-17"]
faults = ["contact"]
group = "data"
met.en = "The operator's records agree: contacts"
met.zh = "平台记录一致：联系方式"
unmet.en = "The record of a contact is incomplete"
unmet.zh = "联系方式记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    c.account_id,
    c.kind as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from contact as c
where
    c.kind is null or c.reachable is null
