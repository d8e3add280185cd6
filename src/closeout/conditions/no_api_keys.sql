/*
rows = ["R-CHK-10"]
group = "links"
met.en = "No API key, third-party access or trading bot"
met.zh = "没有 API 密钥、第三方授权和机器人"
unmet.en = "{subject} can still act for you"
unmet.zh = "{subject}仍可代你操作"
many.en = "{count} keys, grants or bots"
many.zh = "{count} 个密钥、授权或机器人"
who = "holder"
remedy = "revoke_key"
reason.en = "A key or a bot can place orders again while the account is being emptied."
reason.zh = "密钥或机器人可能在清理过程中再次下单。"
source = "guide 2, condition 2: API keys, bots; hard case 34"
*/
select
    k.account_id,
    k.kind as subject,
    k.key_id as item,
    null as asset,
    null as amount,
    null as clears_at
from api_key as k
