/*
rows = ["R-CHK-1"]
group = "assets"
met.en = "Every wallet is empty"
met.zh = "所有账户余额为零"
unmet.en = "{amount} {asset} left in the {subject}"
unmet.zh = "{subject}中还有 {amount} {asset}"
many.en = "{count} balances left"
many.zh = "还有 {count} 项资产余额"
who = "holder"
remedy = "withdraw"
reason.en = "What is left in a closed account can no longer be reached; a negative balance is a debt. Zero means exactly zero, to the last digit."
reason.zh = "账户注销后无法再取回剩余资产；负余额是欠款。零即精确为零，不做四舍五入。"
source = "guide 2, condition 1: zero balance; hard cases 4 and 6"
*/
select
    b.account_id,
    b.wallet as subject,
    null as item,
    b.asset,
    b.available as amount,
    null as clears_at
from balance as b
where b.available < 0 or (b.available > 0 and b.available >= b.withdraw_min)
