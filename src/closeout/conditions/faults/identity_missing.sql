/*
rows = ["R-CHK-17"]
faults = ["identity"]
group = "data"
met.en = "The operator's records agree: an identity record exists"
met.zh = "平台记录一致：身份认证存在"
unmet.en = "The record of the identity verification is missing"
unmet.zh = "缺少身份认证记录"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    a.account_id,
    null as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from account as a
where
    a.parent_id is null
    and not exists (select 1 from identity as i where i.account_id = a.account_id)
