/*
rows = ["R-CHK-6"]
group = "products"
met.en = "Nothing left to redeem from Earn"
met.zh = "赚币中没有可赎回的资产"
unmet.en = "{amount} {asset} in Earn ({subject}), can be redeemed now"
unmet.zh = "赚币（{subject}）中有 {amount} {asset}，现在可以赎回"
many.en = "{count} Earn products to redeem"
many.zh = "{count} 个赚币产品待赎回"
who = "holder"
remedy = "redeem"
reason.en = "A product that earns holds your money and keeps paying rewards into the account."
reason.zh = "赚币产品仍持有你的资产，并会继续发放收益。"
source = "guide 2, condition 2: Earn, staking, lending, DeFi, Jumpstart"
*/
select
    e.account_id,
    e.kind as subject,
    e.earn_id as item,
    e.asset,
    e.amount,
    null as clears_at
from earn as e
where e.redeemable and not e.redeeming
