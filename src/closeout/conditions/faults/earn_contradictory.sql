/*
rows = ["R-CHK-17"]
faults = ["earn"]
group = "data"
met.en = "The operator's records agree: Earn"
met.zh = "平台记录一致：赚币"
unmet.en = "The record of an Earn product ({subject}) is incomplete or impossible"
unmet.zh = "赚币（{subject}）记录不完整或不可能成立"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    e.account_id,
    e.kind as subject,
    e.earn_id as item,
    e.asset,
    e.amount,
    null as clears_at
from earn as e
where
    e.amount is null
    or e.amount < 0
    or e.redeemable is null
    or e.redeeming is null
    or e.auto_renew is null
