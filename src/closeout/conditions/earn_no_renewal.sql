/*
rows = ["R-CHK-6"]
group = "products"
met.en = "No product renews itself"
met.zh = "没有自动续期的产品"
unmet.en = "{amount} {asset} in Earn ({subject}) renews by itself"
unmet.zh = "赚币（{subject}）中的 {amount} {asset} 已开启自动续期"
many.en = "{count} products renew by themselves"
many.zh = "{count} 个产品已开启自动续期"
who = "holder"
remedy = "stop_renewal"
reason.en = "A product that renews starts a new term on the day it should end."
reason.zh = "自动续期会在到期当天重新开始锁定。"
source = "guide 2, condition 2; hard case 11"
*/
select
    e.account_id,
    e.kind as subject,
    e.earn_id as item,
    e.asset,
    e.amount,
    null as clears_at
from earn as e
where e.auto_renew
