/*
rows = ["R-CHK-11"]
group = "security"
met.en = "No recent change of the password"
met.zh = "近期没有修改密码"
unmet.en = "The password was changed recently"
unmet.zh = "近期修改过密码"
many.en = "The password was changed {count} times recently"
many.zh = "近期修改过 {count} 次密码"
who = "nobody"
no_remedy.en = "The security waiting period passes by itself."
no_remedy.zh = "安全等待期结束后自动满足。"
reason.en = "A thief changes the password first; the wait keeps them from erasing their tracks."
reason.zh = "盗号者往往先改密码；等待期可防止其借注销抹去痕迹。"
longest = "30 days"
source = "guide 2, condition 3; hard case 21"
*/
select
    e.account_id,
    e.kind as subject,
    e.event_id as item,
    null as asset,
    null as amount,
    e.happened_at + (p.as_of - p.password_cutoff_at) as clears_at
from security_event as e
cross join policy as p
where e.kind = 'password_changed' and e.happened_at > p.password_cutoff_at
