/*
rows = ["R-CHK-9"]
group = "links"
met.en = "No payment method linked"
met.zh = "没有绑定收款账号"
unmet.en = "{subject} linked"
unmet.zh = "绑定了{subject}"
many.en = "{count} payment methods linked"
many.zh = "绑定了 {count} 个收款账号"
who = "holder"
remedy = "unbind"
reason.en = "A linked card or wallet can be charged or paid to by mistake. Unlink it last: you may need it to cash out."
reason.zh = "避免误扣款或误转账。请最后解绑：提现可能还要用到它。"
source = "guide 2, condition 2: bank card, Alipay, WeChat Pay"
*/
select
    m.account_id,
    m.kind as subject,
    m.method_id as item,
    null as asset,
    null as amount,
    null as clears_at
from payment_method as m
