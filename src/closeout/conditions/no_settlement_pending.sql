/*
rows = ["R-CHK-4"]
group = "trading"
met.en = "No settlement pending"
met.zh = "没有待结算的仓位"
unmet.en = "{subject} is not settled yet, {amount} {asset} still to be posted"
unmet.zh = "{subject} 尚未结算，待入账 {amount} {asset}"
many.en = "{count} settlements pending"
many.zh = "{count} 笔结算进行中"
who = "nobody"
no_remedy.en = "It settles by itself."
no_remedy.zh = "结算会自动完成。"
reason.en = "Profit or loss of a closed position is posted later and needs an account to go to."
reason.zh = "平仓后的盈亏会稍后入账，需要账户接收。"
source = "guide 2, condition 2; hard cases 7 and 8"
*/
select
    o.account_id,
    o.instrument as subject,
    o.position_id as item,
    o.asset,
    o.unrealised as amount,
    o.settles_at as clears_at
from position as o
where o.settlement_pending
