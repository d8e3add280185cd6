/*
rows = ["R-CHK-1"]
group = "assets"
met.en = "Nothing is locked"
met.zh = "没有被锁定的资产"
unmet.en = "{amount} {asset} locked in the {subject}"
unmet.zh = "{subject}中有 {amount} {asset} 被锁定"
many.en = "{count} locked amounts"
many.zh = "{count} 项资产被锁定"
who = "holder"
no_remedy.en = "It is freed when the order, product or loan that holds it ends."
no_remedy.zh = "占用它的挂单、产品或借贷结束后自动解锁。"
reason.en = "Locked money still belongs to you and cannot be paid out."
reason.zh = "被锁定的资产仍属于你，但无法转出。"
source = "guide 2, condition 1: zero balance"
*/
select
    b.account_id,
    b.wallet as subject,
    null as item,
    b.asset,
    b.locked as amount,
    null as clears_at
from balance as b
where b.locked <> 0
