/*
rows = ["R-CHK-13"]
group = "people"
met.en = "No dispute, appeal or complaint open"
met.zh = "没有未结束的争议、申诉或投诉"
unmet.en = "Not finished: {subject}"
unmet.zh = "有未结束的{subject}"
many.en = "{count} disputes not finished"
many.zh = "{count} 个争议未结束"
who = "support"
no_remedy.en = "Support ends it with you."
no_remedy.zh = "由客服与你一起处理。"
reason.en = "Somebody's claim is not decided, perhaps yours."
reason.zh = "相关权益尚未有结论，其中可能包括你的权益。"
source = "guide 2, condition 5: appeals and disputes"
*/
select
    d.account_id,
    d.kind as subject,
    d.dispute_id as item,
    null as asset,
    null as amount,
    null as clears_at
from dispute as d
where d.state <> 'closed'
