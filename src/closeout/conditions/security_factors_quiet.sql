/*
rows = ["R-CHK-11"]
group = "security"
met.en = "No recent change of phone, e-mail or authenticator"
met.zh = "近期没有变更手机、邮箱或身份验证器"
unmet.en = "Recent security change: {subject}"
unmet.zh = "近期有安全设置变更：{subject}"
many.en = "{count} recent security changes"
many.zh = "近期有 {count} 次安全设置变更"
who = "nobody"
no_remedy.en = "The security waiting period passes by itself."
no_remedy.zh = "安全等待期结束后自动满足。"
reason.en = "Whoever takes over an account replaces phone, e-mail or authenticator; the wait gives the owner time to notice."
reason.zh = "盗号者会更换手机、邮箱或身份验证器；等待期让真正的账户持有人有时间发现。"
longest = "90 days"
source = "guide 2, condition 3; hard cases 20 and 22"
*/
select
    e.account_id,
    e.kind as subject,
    e.event_id as item,
    null as asset,
    null as amount,
    e.happened_at + (p.as_of - p.factor_cutoff_at) as clears_at
from security_event as e
cross join policy as p
where
    e.kind not in ('password_changed', 'factor_added', 'key_revoked', 'method_unbound')
    and e.happened_at > p.factor_cutoff_at
