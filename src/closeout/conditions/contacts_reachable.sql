/*
rows = ["R-CHK-15"]
group = "people"
met.en = "E-mail and phone can be reached"
met.zh = "邮箱和手机可以正常接收消息"
unmet.en = "Cannot be reached: {subject}"
unmet.zh = "无法接收消息：{subject}"
many.en = "{count} contacts cannot be reached"
many.zh = "{count} 个联系方式无法接收消息"
who = "holder_elsewhere"
no_remedy.en = "Confirm or replace it inside the application: there it starts no new waiting period."
no_remedy.zh = "请在注销申请中确认或更换，这样不会触发新的安全等待期。"
reason.en = "The codes and the way back during the cooling-off period are sent there."
reason.zh = "验证码以及冷静期内撤销申请的链接会发送到这里。"
source = "guide 2, step 3: codes by e-mail and SMS; hard cases 20 and 24"
*/
select
    a.account_id,
    coalesce(c.kind, 'none') as subject,
    null as item,
    null as asset,
    null as amount,
    null as clears_at
from account as a
left join contact as c on a.account_id = c.account_id
where a.parent_id is null and (c.account_id is null or not c.reachable)
