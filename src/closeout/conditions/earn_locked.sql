/*
rows = ["R-CHK-6"]
group = "products"
met.en = "Nothing locked in Earn or staking"
met.zh = "赚币和质押中没有锁定的资产"
unmet.en = "{amount} {asset} in Earn ({subject}) until it is paid out"
unmet.zh = "赚币（{subject}）中的 {amount} {asset} 尚未到期或正在赎回"
many.en = "{count} Earn products not paid out yet"
many.zh = "{count} 个赚币产品尚未到账"
who = "nobody"
no_remedy.en = "It is paid out on its date."
no_remedy.zh = "到期后自动到账。"
reason.en = "Money that is paid out after closing would have no account to go to."
reason.zh = "注销后到期的资产将无处可付。"
source = "guide 2, condition 2: products that mature later; hard case 10"
*/
select
    e.account_id,
    e.kind as subject,
    e.earn_id as item,
    e.asset,
    e.amount,
    e.matures_at as clears_at
from earn as e
where e.redeeming or not e.redeemable
