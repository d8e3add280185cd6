/*
rows = ["R-CHK-12"]
group = "people"
met.en = "Identity verified and current, and it is you"
met.zh = "身份认证完整有效，且为本人"
unmet.en = "Identity verification is {subject} or out of date, or belongs to somebody else"
unmet.zh = "身份认证{subject}、已过期或非本人"
many.en = "{count} identity records need attention"
many.zh = "{count} 条身份认证需要处理"
who = "holder_elsewhere"
no_remedy.en = "Update it inside the application; an expired document never blocks for ever."
no_remedy.zh = "可在注销申请中更新；证件过期不会永远阻止注销。"
reason.en = "Only the person the account belongs to may close it and take what is in it."
reason.zh = "只有账户本人才能注销账户并取回资产。"
source = "guide 2, condition 4; hard cases 26 and 27"
*/
select
    i.account_id,
    i.state as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from identity as i
cross join policy as p
where
    (i.was_required or i.state <> 'unverified')
    and (i.state <> 'verified' or i.valid_until <= p.as_of or not i.is_applicant)
