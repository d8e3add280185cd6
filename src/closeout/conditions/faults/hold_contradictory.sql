/*
rows = ["R-CHK-17"]
faults = ["hold"]
group = "data"
met.en = "The operator's records agree: reviews"
met.zh = "平台记录一致：审核"
unmet.en = "This account's records need a correction by the operator"
unmet.zh = "该账户的记录需要平台更正"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "hard cases 22 and 39: the text stays neutral"
*/
select
    h.account_id,
    null as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from hold as h
where
    h.scope is null or h.placed_at is null or h.released_at < h.placed_at
