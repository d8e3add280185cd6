/*
rows = ["R-CHK-2"]
group = "assets"
met.en = "No small balances (dust)"
met.zh = "没有小额资产"
unmet.en = "{amount} {asset} in the {subject}, too little to withdraw or not withdrawable"
unmet.zh = "{subject}中的 {amount} {asset} 低于最小提币数量或无法提币"
many.en = "{count} small balances (dust)"
many.zh = "{count} 项小额资产"
who = "holder"
remedy = "convert"
reason.en = "Small balances are money too. They can be converted into another coin, sent, donated or given up, and nobody does that for you in silence."
reason.zh = "小额资产同样是你的资产。可以兑换、转给他人、捐赠或明确放弃，我们不会擅自处理。"
source = "guide 2, condition 1: small balances; hard cases 5 and 6"
*/
select
    b.account_id,
    b.wallet as subject,
    null as item,
    b.asset,
    b.available as amount,
    null as clears_at
from balance as b
where b.available > 0 and (b.withdraw_min is null or b.available < b.withdraw_min)
