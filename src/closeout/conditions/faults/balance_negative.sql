/*
rows = ["R-CHK-17"]
faults = ["balance"]
group = "data"
met.en = "The operator's records agree: negative balances"
met.zh = "平台记录一致：负余额"
unmet.en = "{amount} {asset} in the {subject}: negative, though nothing is owed"
unmet.zh = "{subject}余额为 {amount} {asset}，但没有对应的欠款"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "hard case 4: a negative fraction is never shown as zero"
*/
select
    b.account_id,
    b.wallet as subject,
    null as item,
    b.asset,
    b.available as amount,
    null as clears_at
from balance as b
where
    b.available < 0
    and not exists (
        select 1 from loan as l
        where l.account_id = b.account_id and (l.principal <> 0 or l.interest <> 0)
    )
