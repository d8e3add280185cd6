/*
rows = ["R-CHK-4", "R-CHK-16"]
group = "assets"
met.en = "No movement in the last minutes"
met.zh = "最近几分钟没有资金变动"
unmet.en = "The account moved money a moment ago"
unmet.zh = "账户刚刚有资金变动"
many.en = "The account moved money a moment ago"
many.zh = "账户刚刚有资金变动"
who = "nobody"
no_remedy.en = "It passes by itself in minutes."
no_remedy.zh = "几分钟后自动满足。"
reason.en = "Funding fees and settlements post a little late; closing waits until nothing follows."
reason.zh = "资金费用和结算会稍后入账，需等待确认没有后续变动。"
longest = "1 day"
source = "hard case 8"
*/
select
    a.account_id,
    null as subject,
    null as item,
    null as asset,
    null as amount,
    a.posted_at + (p.as_of - p.quiet_cutoff_at) as clears_at
from account as a
cross join policy as p
where a.posted_at > p.quiet_cutoff_at
