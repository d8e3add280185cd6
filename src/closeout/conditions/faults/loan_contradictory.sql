/*
rows = ["R-CHK-17"]
faults = ["loan"]
group = "data"
met.en = "The operator's records agree: loans"
met.zh = "平台记录一致：借贷"
unmet.en = "The record of a loan in {asset} is incomplete or impossible"
unmet.zh = "{asset} 借贷记录不完整或不可能成立"
who = "operator"
no_remedy.en = "The operator corrects its records; you need not do anything."
no_remedy.zh = "由平台更正记录，你无需操作。"
reason.en = "Records that contradict themselves decide nothing, neither for you nor against you."
reason.zh = "自相矛盾的记录不能作为任何判断依据。"
source = "R-CHK-17: contradictory facts decide nothing"
*/
select
    l.account_id,
    null as subject,
    l.loan_id as item,
    l.asset,
    l.principal as amount,
    null as clears_at
from loan as l
where
    l.principal is null
    or l.interest is null
    or l.collateral is null
    or l.principal < 0
    or l.interest < 0
    or l.collateral < 0
    or (l.collateral <> 0 and l.collateral_asset is null)
