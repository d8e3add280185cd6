/*
rows = ["R-CHK-17"]
faults = ["account"]
group = "data"
met.en = "The operator's records agree: account"
met.zh = "平台记录一致：账户"
unmet.en = "The record of the account is incomplete or lies in the future"
unmet.zh = "账户记录不完整，或时间在未来"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "hard case 22"
*/
select
    a.account_id,
    a.state as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from account as a
cross join policy as p
where
    a.state is null
    or a.state not in ('open', 'frozen', 'closed')
    or a.posted_at > p.as_of
