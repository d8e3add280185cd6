/*
rows = ["R-CHK-13"]
group = "people"
met.en = "No review by support needed"
met.zh = "不需要客服审核"
unmet.en = "This account needs a review by support"
unmet.zh = "该账户需要客服审核"
many.en = "This account needs a review by support"
many.zh = "该账户需要客服审核"
who = "support"
no_remedy.en = "Support will contact you."
no_remedy.zh = "客服会与你联系。"
reason.en = "Some applications are looked at by a person before they go on."
reason.zh = "部分申请需要人工审核后才能继续。"
legal_basis = "order of a court or of an authority; anti-money-laundering law"
source = "guide 2, condition 5; hard cases 31, 38 and 39"
*/
select
    h.account_id,
    null as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from hold as h
cross join policy as p
where h.scope <> 'erasure' and (h.released_at is null or h.released_at > p.as_of)
