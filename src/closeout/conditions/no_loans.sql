/*
rows = ["R-CHK-5"]
group = "products"
met.en = "No loans or unpaid interest"
met.zh = "没有未还借贷和利息"
unmet.en = "{amount} {asset} owed, interest included"
unmet.zh = "未还 {amount} {asset}（含利息）"
many.en = "{count} loans"
many.zh = "{count} 笔未还借贷"
who = "holder"
remedy = "repay_loan"
reason.en = "A debt does not end with the account and keeps growing by its interest."
reason.zh = "欠款不会随账户注销而消失，利息会继续累计。"
source = "guide 2, condition 2: no borrowing; hard case 12"
*/
select
    l.account_id,
    'loan' as subject,
    l.loan_id as item,
    l.asset,
    l.principal + l.interest as amount,
    null as clears_at
from loan as l
where l.principal <> 0 or l.interest <> 0
