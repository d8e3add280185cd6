/*
rows = ["R-CHK-17"]
faults = ["security_event"]
group = "data"
met.en = "The operator's records agree: security changes"
met.zh = "平台记录一致：安全设置"
unmet.en = "A security change has no time or lies in the future: {subject}"
unmet.zh = "安全设置变更没有时间或时间在未来：{subject}"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "hard case 22: clock skew or a missing time is the operator's fault"
*/
select
    e.account_id,
    e.kind as subject,
    e.event_id as item,
    null as asset,
    null as amount,
    null as clears_at
from security_event as e
cross join policy as p
where
    e.kind is null or e.happened_at is null or e.happened_at > p.as_of
