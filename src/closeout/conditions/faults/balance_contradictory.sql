/*
rows = ["R-CHK-17"]
faults = ["balance"]
group = "data"
met.en = "The operator's records agree: balances"
met.zh = "平台记录一致：余额"
unmet.en = "The record of {amount} {asset} in the {subject} is incomplete or impossible"
unmet.zh = "{subject}中 {amount} {asset} 的记录不完整或不可能成立"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: a locked amount is never negative"
*/
select
    b.account_id,
    b.wallet as subject,
    null as item,
    b.asset,
    b.locked as amount,
    null as clears_at
from balance as b
where
    b.available is null
    or b.locked is null
    or b.locked < 0
    or b.withdraw_min < 0
