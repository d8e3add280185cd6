"""Sentences of reasons that concern manual review: what agents read, and holders who send proof."""

from __future__ import annotations

from collections.abc import Mapping

REVIEW: Mapping[str, Mapping[str, str]] = {
    "not_seeded": {
        "en": "This is not one of the seeded agents; nobody can read their authenticator.",
        "zh": "这不是示例客服，无法查看其身份验证器。",
    },
    "wrong_staff_code": {
        "en": "The code is wrong. Use the one that the authenticator shows now.",
        "zh": "验证码不正确，请使用身份验证器当前显示的验证码。",
    },
    "unknown_case": {
        "en": "There is no such case here.",
        "zh": "这里没有这个申请。",
    },
    "unknown_agent": {
        "en": "There is no such colleague here.",
        "zh": "这里没有这位同事。",
    },
    "no_right": {
        "en": "Your role does not include this at this stage of the case.",
        "zh": "你的角色在申请的当前阶段没有此权限。",
    },
    "own_account": {
        "en": "This is your own account; somebody else must do it.",
        "zh": "这是你自己的账户，必须由他人处理。",
    },
    "four_eyes": {
        "en": "This needs another person in another session who changed nothing on the case.",
        "zh": "必须由另一人在另一会话中处理，且其未改动过该申请。",
    },
    "decision_open": {
        "en": "The same decision was asked for already and waits for an answer.",
        "zh": "同样的决定已提交，正在等待答复。",
    },
    "decision_expired": {
        "en": "The request has expired; nothing was done. It can be asked for again.",
        "zh": "该请求已过期，未做任何改动。可以重新提交。",
    },
    "decision_changed": {
        "en": "The case changed after this was asked for; nothing was done. Look at it and ask again.",
        "zh": "提交之后申请有变化，未做任何改动。请查看后重新提交。",
    },
    "decision_ended": {
        "en": "This request was answered already; nothing was changed.",
        "zh": "该请求已有结果，没有任何改动。",
    },
    "reasons_missing": {
        "en": "A refusal needs its reasons: choose every one that applies.",
        "zh": "拒绝必须说明原因：请选择所有适用的原因。",
    },
    "proof_missing": {
        "en": "There is no photo or video that the identity team found to match.",
        "zh": "没有经身份团队核对一致的照片或视频。",
    },
    "nothing_to_decide": {
        "en": "There is nothing on this case that this decision would change.",
        "zh": "该申请没有此决定可以改变的内容。",
    },
    "finding_open": {
        "en": "A finding of the investigation is not resolved.",
        "zh": "调查发现的问题尚未解决。",
    },
    "hold_kind": {
        "en": "Choose what kind of hold it is.",
        "zh": "请选择保全的类型。",
    },
    "hold_authority": {
        "en": "A hold needs the authority that ordered it.",
        "zh": "设置保全必须填写作出决定的机关。",
    },
    "hold_reference": {
        "en": "A hold needs the reference of the order.",
        "zh": "设置保全必须填写文书编号。",
    },
    "hold_scope": {
        "en": "Say whether it stops closing, erasure, or both.",
        "zh": "请说明保全范围：注销、删除，或两者。",
    },
    "hold_date": {
        "en": "The date of the order is missing or lies in the future.",
        "zh": "缺少文书日期，或日期在将来。",
    },
    "hold_too_late": {
        "en": "The personal data was erased already; the audit log says when and under which policy.",
        "zh": "个人信息已删除；审计日志记录了时间和适用的政策版本。",
    },
    "evidence_forbidden": {
        "en": "The law that applies here does not allow asking for more proof than registration did.",
        "zh": "适用的法律不允许索要超出注册时的身份材料。",
    },
    "evidence_asked": {
        "en": "The holder was asked for this already.",
        "zh": "已向持有人提出过同样的要求。",
    },
    "evidence_closed": {
        "en": "This request is closed; nothing was stored.",
        "zh": "该请求已结束，没有保存任何内容。",
    },
    "evidence_gone": {
        "en": "The evidence was deleted after its retention.",
        "zh": "该材料已超过保留期并删除。",
    },
    "verdict_unknown": {
        "en": "Say whether it matches, differs or is unclear.",
        "zh": "请说明是否一致：一致、不一致或不清晰。",
    },
    "sentence_expired": {
        "en": "The sentence is older than ten minutes; nothing was stored. Read the new one.",
        "zh": "句子已超过十分钟，没有保存任何内容。请朗读新的句子。",
    },
    "factor_unknown": {
        "en": "Say which factor is lost; at least one other must be confirmed.",
        "zh": "请说明无法使用的验证方式；至少要完成另一种验证。",
    },
    "upload_missing": {
        "en": "Choose a file or record a video first; nothing was stored.",
        "zh": "请先选择文件或录制视频，没有保存任何内容。",
    },
    "upload_too_large": {
        "en": "The file is larger than {megabytes} MB; nothing was stored.",
        "zh": "文件超过 {megabytes} MB，没有保存任何内容。",
    },
    "upload_too_many_pixels": {
        "en": "The picture has more pixels than can be read safely; nothing was stored. A phone's photo is right.",
        "zh": "图片像素过多，无法安全读取，没有保存任何内容。手机照片即可。",
    },
    "upload_not_photo": {
        "en": "This is not a plain photo (JPEG, PNG or WebP); nothing was stored.",
        "zh": "这不是普通照片（JPEG、PNG 或 WebP），没有保存任何内容。",
    },
    "upload_not_document": {
        "en": "This is neither a photo (JPEG, PNG or WebP) nor a whole PDF; nothing was stored.",
        "zh": "这既不是照片（JPEG、PNG 或 WebP），也不是完整的 PDF，没有保存任何内容。",
    },
    "upload_encrypted": {
        "en": "The PDF is locked; nothing was stored. Send it without a password, or print it and take a photo.",
        "zh": "PDF 已加密，没有保存任何内容。请取消密码后再发送，或打印后拍照。",
    },
    "upload_too_many_pages": {
        "en": "The PDF has more than 20 pages; nothing was stored. Send only the pages that matter.",
        "zh": "PDF 超过 20 页，没有保存任何内容。请只发送相关页面。",
    },
    "upload_not_video": {
        "en": "This is not a video recorded by a browser (WebM); nothing was stored.",
        "zh": "这不是浏览器录制的视频（WebM），没有保存任何内容。",
    },
    "upload_no_sound": {
        "en": "The video has no sound; nothing was stored. Allow the microphone and read the sentence aloud.",
        "zh": "视频没有声音，没有保存任何内容。请允许使用麦克风并读出句子。",
    },
    "upload_too_long": {
        "en": "The video is longer than two minutes; nothing was stored.",
        "zh": "视频超过两分钟，没有保存任何内容。",
    },
    "upload_too_short": {
        "en": "The video is shorter than a second; nothing was stored.",
        "zh": "视频不足一秒，没有保存任何内容。",
    },
    "upload_unreadable": {
        "en": "The file could not be read; nothing was stored. Try another one.",
        "zh": "文件无法读取，没有保存任何内容。请换一个。",
    },
    "message_speaks_of_codes": {
        "en": "Messages to holders do not speak of codes or passwords; nothing was sent. Use a template.",
        "zh": "发给持有人的消息不能提及验证码或密码，消息未发送。请使用模板。",
    },
    "finding_kind": {
        "en": "Say what was found: a hidden asset, business that has not ended, or nothing; an amount is a number.",
        "zh": "请说明发现的内容：隐藏资产、未结束的业务或无；金额必须是数字。",
    },
}
