/*
rows = ["R-CHK-8"]
group = "links"
met.en = "Every sub-account is closed"
met.zh = "所有子账户已关闭"
unmet.en = "Sub-account {item} is {subject}"
unmet.zh = "子账户 {item} {subject}"
many.en = "{count} sub-accounts not closed"
many.zh = "{count} 个子账户未关闭"
who = "holder"
remedy = "close_sub_account"
reason.en = "A sub-account ends with its main account; what is left in it would be lost."
reason.zh = "子账户随主账户一同注销，其中的资产需先转出。"
source = "guide 2, condition 2: sub-accounts; hard case 33"
*/
select
    s.account_id,
    s.state as subject,
    s.sub_account_id as item,
    null as asset,
    null as amount,
    s.closable_at as clears_at
from sub_account as s
where s.state <> 'closed'
