/*
rows = ["R-CHK-14"]
group = "people"
met.en = "No unpaid commission or affiliate contract"
met.zh = "没有未结返佣和节点合约"
unmet.en = "Commission not settled: {subject}"
unmet.zh = "返佣未结清：{subject}"
many.en = "{count} commissions or contracts not settled"
many.zh = "{count} 项返佣或合约未结清"
who = "support"
no_remedy.en = "Ask support to settle it; an old referral alone never blocks."
no_remedy.zh = "请联系客服结算；单纯的历史邀请关系不影响注销。"
reason.en = "Commission that is computed after closing would have no account to go to."
reason.zh = "注销后结算的返佣将无处可付。"
source = "guide 1 and 2: rebates; hard cases 35 and 36"
*/
select
    r.account_id,
    r.kind as subject,
    r.rebate_id as item,
    r.asset,
    r.amount,
    null as clears_at
from rebate as r
where (r.kind <> 'referral' and r.state <> 'closed') or r.amount <> 0
