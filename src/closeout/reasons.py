"""Every reason to refuse, with its sentence in both languages; the doors translate, nobody else speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from closeout import sentences

SENTENCES: Mapping[str, Mapping[str, str]] = {
    "blocked": {
        "en": "The account cannot be closed yet: {count} conditions are not met. Run the self-check to see each of them.",
        "zh": "账户暂时无法注销：还有 {count} 项条件未满足。请查看自查结果，逐项处理。",
    },
    "unknown_facts": {
        "en": "Some facts could not be read; that is our fault, not yours. Try again later or ask support.",
        "zh": "部分数据暂时无法读取，这是我们的问题，与你无关。请稍后再试或联系客服。",
    },
    "unknown_account": {
        "en": "There is no such account here. Check the number, or list the seeded people with: closeout people",
        "zh": "这里没有这个账户。请核对编号，或运行 closeout people 查看示例账户。",
    },
    "already_applied": {
        "en": "An application for this account is already open: {number}. Continue it or withdraw it first.",
        "zh": "该账户已有进行中的注销申请：{number}。请继续办理，或先撤销它。",
    },
    "no_application": {
        "en": "There is no open application for this account. Apply first.",
        "zh": "该账户没有进行中的注销申请。请先提交申请。",
    },
    "already_closed": {
        "en": "The account is already closed. What remains is the certificate and the closed-account page.",
        "zh": "账户已经注销。现在只能查看注销证明和注销后页面。",
    },
    "being_closed": {
        "en": "The account is being closed at this moment; it is too late for this step.",
        "zh": "账户正在注销，已经来不及执行这一步。",
    },
    "already_ended": {
        "en": "This application has already ended; nothing was changed.",
        "zh": "这份申请已经结束，没有任何改动。",
    },
    "not_now": {
        "en": "This step is not possible at this stage of the application.",
        "zh": "申请目前所处的阶段不能执行这一步。",
    },
    "not_due": {
        "en": "It is not time yet. The date is shown with the application.",
        "zh": "时间还没到。日期见申请页面。",
    },
    "under_review": {
        "en": "The application is in manual review. We will write to you; there is nothing for you to do now.",
        "zh": "申请正在人工审核中。有结果会通知你，目前无需操作。",
    },
    "mandate_kind": {"en": "Choose what kind of account or claim it is.", "zh": "请选择账户或申请的类型。"},
    "mandate_signers": {
        "en": "Name one to eight people, each with a name and an e-mail address of their own.",
        "zh": "请填写一至八位签署人，每人须有姓名和各自的邮箱地址。",
    },
    "mandate_needed": {
        "en": "At least one must sign, and no more than are named.",
        "zh": "所需签署人数至少为一人，且不得多于列出的人数。",
    },
    "mandate_open": {"en": "Application {number} has its signers already.", "zh": "申请 {number} 已有签署人。"},
    "mandate_too_late": {
        "en": "The account is being closed or is closed; signers change nothing any more.",
        "zh": "账户正在注销或已注销，签署人不再起作用。",
    },
    "mandate_stands": {
        "en": "Others must sign for this account; one person alone cannot close it.",
        "zh": "该账户需要其他人签署，一人不能单独注销。",
    },
    "mandate_changed": {
        "en": "What is signed has changed since the page was opened. Read it again, then sign.",
        "zh": "打开页面后签署内容已有变化，请重新阅读后再签署。",
    },
    "signature_name": {"en": "Type your name as it stands above.", "zh": "请按上方显示的姓名填写。"},
    "signatures_missing": {
        "en": "{given} of {needed} signatures are given.",
        "zh": "已有 {given} 份签署，需要 {needed} 份。",
    },
    "objection_stands": {
        "en": "Somebody who may sign objects; that stops it until they take it back.",
        "zh": "有签署人提出异议，在其撤回之前不能继续。",
    },
    "documents_missing": {
        "en": "{count} documents are not accepted yet.",
        "zh": "还有 {count} 份文件未通过核对。",
    },
    "staff_role": {
        "en": "Your identity provider gives you no role here, or more than one. Ask who administers it.",
        "zh": "身份提供方没有为你分配角色，或分配了多个角色。请联系管理员。",
    },
    "asset_missing": {"en": "Name the asset that the venue is asked about.", "zh": "请填写要向平台查询的资产。"},
    "inquiry_open": {
        "en": "The venue was asked about this asset and has not answered yet.",
        "zh": "已向平台查询该资产，尚未收到答复。",
    },
    "inquiry_unanswered": {"en": "The venue has not answered this question.", "zh": "平台尚未答复该查询。"},
    "finding_unproven": {
        "en": "Nothing explains this asset yet. Ask the venue, and settle the finding by its answer.",
        "zh": "该资产仍无法解释。请向平台查询，并依据答复处理该发现。",
    },
    "unmask_reason": {"en": "Say why the contact is needed.", "zh": "请说明为什么需要查看联系方式。"},
    "nothing_stuck": {"en": "Nothing of this case waits to be tried again.", "zh": "该申请没有待重试的步骤。"},
    "proof_waits": {
        "en": "Every contact was written to; a decision is possible in {days} days, unless the holder stops it.",
        "zh": "已通知全部联系方式；如持有人未停止，{days} 天后可以决定。",
    },
    "not_held": {"en": "No hold stands on this case.", "zh": "该申请没有被保全。"},
    "not_holdable": {"en": "No hold can be placed on this case.", "zh": "该申请无法设置保全。"},
    "no_date": {
        "en": "No date is known from which the application could begin.",
        "zh": "目前无法确定申请可以开始的日期。",
    },
    "consent_missing": {
        "en": "Read and tick every point of the risk list: {count} points are missing.",
        "zh": "请逐条阅读并勾选风险事项：还有 {count} 条未确认。",
    },
    "consent_too_fast": {
        "en": "Please read for {seconds} more seconds.",
        "zh": "请再看 {seconds} 秒。",
    },
    "consent_changed": {
        "en": "The text you accepted has changed. Read it again.",
        "zh": "你确认过的内容已更新，请重新阅读。",
    },
    "records_missing": {
        "en": "Download your records first, or say that you do not want them.",
        "zh": "请先下载你的记录，或明确表示不需要。",
    },
    "not_verified": {
        "en": "Verification is not complete: {factors} is missing.",
        "zh": "验证尚未完成：还缺 {factors}。",
    },
    "wrong_code": {
        "en": "The code for {factor} is wrong. {left} tries are left.",
        "zh": "{factor} 验证码不正确，还可以试 {left} 次。",
    },
    "code_expired": {
        "en": "The code for {factor} has expired. Ask for a new one.",
        "zh": "{factor} 验证码已过期，请重新获取。",
    },
    "code_used_up": {
        "en": "The code for {factor} was wrong too often and is void. Ask for a new one in {minutes} minutes.",
        "zh": "{factor} 验证码错误次数过多，已作废。请在 {minutes} 分钟后重新获取。",
    },
    "code_not_sent": {
        "en": "No code was asked for {factor}. Ask for one first.",
        "zh": "尚未获取 {factor} 验证码，请先获取。",
    },
    "code_replayed": {
        "en": "This authenticator code was used before. Wait for the next one.",
        "zh": "这个身份验证器验证码已经用过，请等待下一个。",
    },
    "clock_off": {
        "en": "Your authenticator's clock is about {seconds} seconds {direction}. Set the phone's time to automatic and use the next code.",
        "zh": "你的身份验证器时间{direction}约 {seconds} 秒。请将手机时间设为自动，再使用下一个验证码。",
    },
    "too_many_codes": {
        "en": "Too many codes were asked for. Try again in {seconds} seconds.",
        "zh": "获取验证码过于频繁，请在 {seconds} 秒后再试。",
    },
    "too_many_guesses": {
        "en": "Too many wrong codes. Try again in {seconds} seconds; a passkey works at any time.",
        "zh": "验证码错误次数过多，请在 {seconds} 秒后再试；通行密钥随时可用。",
    },
    "codes_paused": {
        "en": "Codes are paused for everybody for {seconds} seconds because too many wrong ones arrive. Nothing is lost; a passkey works at any time.",
        "zh": "由于错误验证码过多，验证码验证已对所有人暂停 {seconds} 秒。你的申请不受影响；通行密钥随时可用。",
    },
    "wrong_passkey": {
        "en": "The passkey did not confirm this application. Use the passkey of this account, on this site, and unlock it.",
        "zh": "通行密钥未能确认这份申请。请在本站使用该账户的通行密钥并解锁。",
    },
    "factor_missing": {
        "en": "No {factor} is registered for this account. Ask support for proof of identity inside the case.",
        "zh": "该账户没有登记{factor}。请在申请内联系客服进行身份核验。",
    },
    "plan_changed": {
        "en": "Something changed since you confirmed. Look at the plan again and confirm it anew.",
        "zh": "确认之后情况有变化。请重新查看清理方案并再次确认。",
    },
    "plan_expired": {
        "en": "What you confirmed was shown more than half an hour ago; it is shown again as it is now. Nothing was moved.",
        "zh": "你确认的内容显示于半小时之前，现已按最新情况重新显示。未做任何操作。",
    },
    "plan_unknown": {
        "en": "This plan was never shown, or it was too long ago. Look at the plan again and confirm it.",
        "zh": "没有展示过这份清理方案，或展示时间已过久。请重新查看方案并确认。",
    },
    "plan_foreign": {
        "en": "This plan belongs to another account. Nothing was moved.",
        "zh": "这份清理方案属于其他账户。没有任何资产变动。",
    },
    "clearing_paused": {
        "en": "This cannot be done by one click at the moment. Support will help you; nothing was moved.",
        "zh": "目前无法一键清理，客服会协助你。没有任何资产变动。",
    },
    "unknown_item": {
        "en": "There is nothing called {item} in the plan. Nothing was moved.",
        "zh": "方案中没有 {item} 这一项。没有任何资产变动。",
    },
    "wrong_network": {
        "en": "{asset} cannot be sent to {address} on {network}: choose an address of the right network.",
        "zh": "{asset} 无法通过 {network} 网络发送到 {address}：请选择正确网络的地址。",
    },
    "address_not_verified": {
        "en": "{address} is not a verified address of this account. Verify it first; nothing was moved.",
        "zh": "{address} 不是该账户已验证的地址。请先验证地址。没有任何资产变动。",
    },
    "memo_missing": {
        "en": "{asset} on {network} needs a memo or tag; without it the money would be lost.",
        "zh": "通过 {network} 提取 {asset} 需要填写 memo/标签，否则资产会丢失。",
    },
    "too_precise": {
        "en": "{amount} {asset} has more decimals than the asset knows. Nothing was moved.",
        "zh": "{amount} {asset} 的小数位数超过该资产的精度。没有任何资产变动。",
    },
    "over_limit": {
        "en": "{amount} {asset} is more than may be given up: the limit is {limit}. Nothing was moved.",
        "zh": "{amount} {asset} 超过可放弃的上限 {limit}。没有任何资产变动。",
    },
    "consent_twice": {
        "en": "{asset} has more than one line of consent. Keep one.",
        "zh": "{asset} 有多条同意项，请只保留一条。",
    },
    "receiver_unknown": {
        "en": "The account that should receive {asset} does not exist or is your own. Nothing was moved.",
        "zh": "接收 {asset} 的账户不存在或就是你自己。没有任何资产变动。",
    },
    "beyond_slippage": {
        "en": "Worse than the slippage limit: {things}. Nothing was moved; only your own yes to it allows the sale.",
        "zh": "超出滑点限制：{things}。没有任何资产变动；只有你单独确认后才会卖出。",
    },
    "nothing_to_clear": {
        "en": "There is nothing that one click could clear.",
        "zh": "没有可以一键清理的项目。",
    },
    "strong_factor": {
        "en": "Two applications of this account were taken back before. Sign in and confirm with the authenticator app to take this one back.",
        "zh": "该账户此前已撤销过两次申请。请登录并用身份验证器确认后再撤销。",
    },
    "no_document": {
        "en": "This document does not exist yet. It is made when the account is closed, or when you ask for your records.",
        "zh": "该文件尚未生成。账户注销后或你申请导出记录后才会生成。",
    },
    "passphrase_short": {
        "en": "A passphrase has {least} to {most} characters: whoever gets hold of the file can try at leisure.",
        "zh": "口令须为 {least} 至 {most} 个字符：拿到文件的人可以无限次尝试。",
    },
    "passphrase_differs": {
        "en": "The two passphrases are not the same. Nothing was downloaded.",
        "zh": "两次输入的口令不一致，未下载任何文件。",
    },
    "identifier_kind": {
        "en": "An identifier is an email or a phone.",
        "zh": "标识符只能是邮箱或手机号。",
    },
    "claim_unproven": {
        "en": "This does not prove the claim. Give the certificate of closure as it was issued, and your details as the account had them.",
        "zh": "无法证明该申领。请提供原始注销证明，并按账户当时的登记填写资料。",
    },
    "extension_date": {
        "en": "Name a day after {until}, until when it is kept anyway.",
        "zh": "请填写晚于 {until} 的日期；在此之前本来就会保留。",
    },
    "extension_reason": {
        "en": "Name why it must be kept longer: a court order, an order of an authority, an investigation, a dispute.",
        "zh": "请说明为何需要延长保留：法院命令、主管机关命令、调查或争议。",
    },
    "extension_too_long": {
        "en": "It can be kept five years longer at most.",
        "zh": "最多只能延长五年。",
    },
    "claim_incomplete": {
        "en": "Choose the certificate and fill in every field.",
        "zh": "请选择注销证明文件，并填写每一项。",
    },
    "claim_waits": {
        "en": "This was tried too often. Try again in {minutes} minutes.",
        "zh": "尝试次数过多，请在 {minutes} 分钟后重试。",
    },
    "unknown_language": {
        "en": "The language is not known. Known are zh and en.",
        "zh": "不支持这种语言。可用的语言是 zh 和 en。",
    },
    "too_many_messages": {
        "en": "Many messages came from this account in a short time. Try again in {seconds} seconds; what you sent arrived.",
        "zh": "短时间内消息过多，请在 {seconds} 秒后再试。之前发送的消息都已收到。",
    },
    "message_empty": {"en": "The message is empty. Write something first.", "zh": "消息是空的，请先写点内容。"},
    "message_too_long": {
        "en": "The message is too long: at most {most} characters. Split it.",
        "zh": "消息太长：最多 {most} 个字。请分成几条发送。",
    },
    "person_missing": {"en": "Say who you are.", "zh": "请说明你是谁。"},
    "why_missing": {"en": "Say why.", "zh": "请说明原因。"},
    "policy_unchanged": {"en": "This policy is in force already.", "zh": "这份策略已经生效。"},
    "already_drafted": {
        "en": "Policy {version} is drafted already and waits for another person.",
        "zh": "策略 {version} 已经起草，等待另一个人批准。",
    },
    "no_draft": {
        "en": "There is no open draft of policy {version}. List them with: closeout policy list",
        "zh": "没有策略 {version} 的待批草稿。请运行 closeout policy list 查看。",
    },
    "same_person": {
        "en": "Another person must do this: whoever proposed it cannot approve it.",
        "zh": "必须由另一个人执行：提出者不能自己批准。",
    },
    **sentences.REVIEW,
    "ordered": {
        "en": "The operator closes this account because it leaves the market; this cannot be taken back here. You can appeal, and you can withdraw what is yours.",
        "zh": "平台因退出市场而注销该账户，此处无法撤销。你可以申诉，也可以提取你的资产。",
    },
    "campaign_unreadable": {"en": "The plan is no TOML: {detail}", "zh": "计划不是有效的 TOML：{detail}"},
    "campaign_unknown_key": {"en": "The plan has an unknown key: {key}", "zh": "计划中有未知的键：{key}"},
    "campaign_no_name": {"en": "Give the campaign a name of at most 48 letters.", "zh": "请为活动命名，最多 48 个字符。"},
    "campaign_no_template": {"en": "No such template. Known are {known}.", "zh": "没有这个模板。可用的有：{known}。"},
    "campaign_no_zone": {"en": "Name the time zone in which people read the dates, such as Asia/Hong_Kong.", "zh": "请写明日期所用时区，例如 Asia/Hong_Kong。"},
    "campaign_no_day": {"en": "Give the day on which trading ends as a local time without a zone: 2026-12-31T23:59:59.", "zh": "请以当地时间写明交易结束时刻，不带时区：2026-12-31T23:59:59。"},
    "campaign_no_number": {"en": "{key} has a value of the wrong kind.", "zh": "{key} 的取值类型不对。"},
    "campaign_no_pack": {"en": "There is no law pack {pack}. Known are {known}.", "zh": "没有法规包 {pack}。可用的有：{known}。"},
    "campaign_short_notice": {"en": "{days} days from notice to closing; at least {least} are demanded.", "zh": "从通知到注销只有 {days} 天，至少需要 {least} 天。"},
    "campaign_fee": {"en": "No law pack of this plan allows a fee on what nobody claimed.", "zh": "该计划的法规包均不允许对无人认领的资产收费。"},
    "campaign_dormancy": {"en": "A dormancy campaign needs a law pack with an escheat period and population.inactive_since.", "zh": "休眠处置需要含收归期限的法规包，以及 population.inactive_since。"},
    "campaign_dormancy_window": {"en": "The first notice is {days} days before the end; the law allows {window}.", "zh": "首次通知距结束 {days} 天；法律允许 {window} 天。"},
    "campaign_unknown_stage": {"en": "There is no stage {stage}.", "zh": "没有阶段 {stage}。"},
    "campaign_no_stage": {"en": "The stage {stage} is missing.", "zh": "缺少阶段 {stage}。"},
    "campaign_order": {"en": "{after} comes before {before}; the stages are out of order.", "zh": "{after} 早于 {before}，阶段顺序不对。"},
    "campaign_past": {"en": "These lie in the past: {stages}.", "zh": "以下日期已经过去：{stages}。"},
    "campaign_cap": {"en": "{cap} is {value}; it must be at least 1.", "zh": "{cap} 为 {value}，至少应为 1。"},
    "campaign_waves": {"en": "The waves must grow.", "zh": "各批次规模应逐步增大。"},
    "campaign_filter": {"en": "The population has no part called {part}.", "zh": "人群筛选没有 {part} 这一项。"},
    "campaign_everybody": {"en": "This filter means everybody. Say whom: jurisdictions, inactive_since, products or accounts.", "zh": "该筛选会包含所有人。请指明：jurisdictions、inactive_since、products 或 accounts。"},
    "campaign_nobody": {"en": "Nobody matches this filter.", "zh": "没有账户符合该筛选条件。"},
    "campaign_owned": {"en": "{count} accounts belong to the campaign {name} already.", "zh": "已有 {count} 个账户属于活动 {name}。"},
    "campaign_name_taken": {"en": "A campaign called {name} was started before. Choose another name.", "zh": "名为 {name} 的活动已经启动过，请换一个名称。"},
    "campaign_unknown": {"en": "There is no campaign called {name}.", "zh": "没有名为 {name} 的活动。"},
    "campaign_state": {"en": "The campaign is {state}; this is not possible now.", "zh": "活动当前状态为 {state}，无法执行此操作。"},
    "campaign_changed": {"en": "Plan or population changed since this was shown. Plan it again.", "zh": "计划或人群在展示之后有变化，请重新制定计划。"},
    "campaign_not_member": {"en": "The account is not in this campaign.", "zh": "该账户不在此活动中。"},
    "campaign_member": {"en": "The account is in a campaign already.", "zh": "该账户已在活动中。"},
    "campaign_no_change": {"en": "Nothing is open for this account in this campaign.", "zh": "该账户在此活动中没有待决事项。"},
    "campaign_twice": {"en": "Something is open for this account already.", "zh": "该账户已有待决事项。"},
    "brake": {"en": "Everything that cannot be undone is stopped ({why}). Two people release it: closeout campaign resume --everything", "zh": "所有不可撤销的操作已停止（{why}）。须由两人解除：closeout campaign resume --everything"},
    "brake_off": {"en": "Nothing is stopped.", "zh": "当前没有被停止的操作。"},
}  # fmt: skip

FACTORS: Mapping[str, Mapping[str, str]] = {
    "email": {"en": "e-mail", "zh": "邮箱"},
    "sms": {"en": "SMS", "zh": "短信"},
    "totp": {"en": "the authenticator app", "zh": "身份验证器"},
    "passkey": {"en": "the passkey", "zh": "通行密钥"},
}
DIRECTIONS: Mapping[str, Mapping[str, str]] = {
    "fast": {"en": "fast", "zh": "快"},
    "slow": {"en": "slow", "zh": "慢"},
}
COLUMNS: Mapping[str, Mapping[str, Mapping[str, str]]] = {"factor": FACTORS, "direction": DIRECTIONS}


@dataclass(frozen=True)
class Reason:
    """One reason: a stable code and the values of its sentence."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    def sentence(self, language: str) -> str:
        """Return the sentence in ``language`` (zh or en)."""
        values = dict(self.values)
        for name, words in COLUMNS.items():
            if name in values:
                values[name] = words[str(values[name])][language]
        if "factors" in values:
            joint = "、" if language == "zh" else ", "
            values["factors"] = joint.join(FACTORS[part][language] for part in str(values["factors"]).split())
        return SENTENCES[self.code][language].format(**values)


class Refused(Exception):
    """A normal answer of the business: no, and why. Holds all reasons at once, never only the first."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(reason.code for reason in reasons))
        self.reasons: Sequence[Reason] = reasons

    def sentences(self, language: str) -> list[str]:
        """Return one sentence for each reason in ``language`` (zh or en)."""
        return [reason.sentence(language) for reason in self.reasons]


def refuse(code: str, **values: str | int) -> Refused:
    """Return a refusal with one reason."""
    return Refused(Reason(code, values))
