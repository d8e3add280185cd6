/*
rows = ["R-CHK-5"]
group = "products"
met.en = "No collateral is pledged"
met.zh = "没有被占用的抵押物"
unmet.en = "{amount} {asset} pledged as collateral"
unmet.zh = "{amount} {asset} 作为抵押物被占用"
many.en = "{count} pledged amounts"
many.zh = "{count} 项抵押物被占用"
who = "holder"
no_remedy.en = "It is freed when the loan is repaid."
no_remedy.zh = "还清借贷后自动释放。"
reason.en = "Collateral belongs to you and must come back before the account ends."
reason.zh = "抵押物属于你，注销前必须释放并取回。"
source = "guide 2, condition 2: no collateral; hard case 12"
*/
select
    l.account_id,
    'collateral' as subject,
    l.loan_id as item,
    l.collateral_asset as asset,
    l.collateral as amount,
    null as clears_at
from loan as l
where l.collateral <> 0
