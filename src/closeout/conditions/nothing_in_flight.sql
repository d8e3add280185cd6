/*
rows = ["R-CHK-16"]
group = "assets"
met.en = "No deposit, withdrawal or transfer on its way"
met.zh = "没有在途的充值、提币或转账"
unmet.en = "{subject} of {amount} {asset} is not final"
unmet.zh = "{subject} {amount} {asset} 尚未最终完成"
many.en = "{count} transfers not final"
many.zh = "{count} 笔转账尚未最终完成"
who = "nobody"
no_remedy.en = "It becomes final by itself; a card dispute is decided by the bank."
no_remedy.zh = "会自动完成；银行卡争议由银行裁定。"
reason.en = "Money on its way can come back and needs an account to go to."
reason.zh = "在途资金可能被退回，需要账户接收。"
source = "hard cases 1, 3, 13 and 37"
*/
select
    t.account_id,
    t.kind as subject,
    t.transfer_id as item,
    t.asset,
    t.amount,
    case when not t.disputed then t.expected_at end as clears_at
from transfer as t
where t.disputed or not t.final
