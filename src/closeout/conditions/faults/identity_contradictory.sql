/*
rows = ["R-CHK-17"]
faults = ["identity"]
group = "data"
met.en = "The operator's records agree: identity"
met.zh = "平台记录一致：身份认证"
unmet.en = "The record of the identity verification is incomplete"
unmet.zh = "身份认证记录不完整"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    i.account_id,
    i.state as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from identity as i
where
    i.state is null or i.is_applicant is null or i.was_required is null
