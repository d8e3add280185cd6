/*
rows = ["R-CHK-17"]
faults = ["transfer"]
group = "data"
met.en = "The operator's records agree: transfers"
met.zh = "平台记录一致：转账"
unmet.en = "The record of a transfer is incomplete"
unmet.zh = "转账记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    t.account_id,
    t.kind as subject,
    t.transfer_id as item,
    t.asset,
    t.amount,
    null as clears_at
from transfer as t
where
    t.final is null or t.disputed is null
