"""The help centre's answers: what people ask, in both languages' words, and where each answer leads."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Answer:
    """One answer. ``words``: what people type for it, in Chinese and English; ``go``: page that it leads to.

    ``query``: what goes with it, such as what a message to support begins with; ``see``: other answers that it leads to.
    """

    slug: str
    title: Text
    summary: Text
    body: tuple[Text, ...]
    words: str
    steps: tuple[Text, ...] = ()
    go: tuple[str, Text] | None = None  # name of the page, label
    query: str = ""
    see: tuple[str, ...] = ()


CHECK = ("check", _("Start the self-check"))
APPLICATION = ("application", _("Go on with the application"))
SUPPORT = ("support", _("Write to support"))
CASE = ("case", _("See where it stands"))

ANSWERS: tuple[Answer, ...] = (
    Answer(
        "close-account",
        _("How do I close my account?"),
        _("Self-check, clear, apply, cool off, closed."),
        (
            _(
                "Start with the self-check. It shows everything that stands in the way, and it binds you to nothing."
            ),
        ),
        "注销账户 注销 关闭账户 关闭帐户 注销帐号 销户 删除账户 永久注销 close account delete account close my account "
        "cancel account remove account shut down deactivate terminate",
        (
            _("Run the self-check and clear what one click can clear."),
            _("Read the consequences and tick each point."),
            _("Confirm with your codes."),
            _("Wait for the cooling-off period to end, or change your mind."),
        ),
        CHECK,
    ),
    Answer(
        "closing-fails",
        _("Why does closing not go through?"),
        _("Each cause has a name, a date or a way out."),
        (
            _(
                "A failure without a cause does not exist here. Open the self-check: what stands in the way is named with "
                "its amount, who can settle it, and until when it lasts."
            ),
        ),
        "注销失败 无法注销 不能注销 注销不了 注销出错 closing failed cannot close error fails blocked why",
        (),
        CHECK,
        see=(
            "identity_verified",
            "locked-products",
            "rebates",
            "codes",
            "lost-authenticator",
            "waiting-period",
            "dust",
            "no_p2p_orders",
            "disputes",
            "contacts_reachable",
        ),
    ),
    Answer(
        "codes",
        _("A code does not work"),
        _("Wrong, expired, never arrived, or the clock is off."),
        (
            _(
                "Codes by e-mail and SMS have eight digits. Each is good once and for a few minutes, and only for this application."
            ),
        ),
        "验证码 验证码错误 收不到验证码 验证码过期 短信 邮箱验证码 谷歌验证码 时间不准 code wrong code expired not arrived "
        "sms email otp 2fa clock time",
        (
            _("Nothing arrived: look in the spam folder, wait a minute, then send again."),
            _("Wrong too often: the code is void after five tries; ask for a new one."),
            _(
                "Authenticator: set the phone's time to automatic. We tell you by how many seconds its clock is off."
            ),
        ),
        ("verification", _("Back to the codes")),
    ),
    Answer(
        "lost-authenticator",
        _("I lost my authenticator app or phone"),
        _("Prove who you are inside the application; do not reset anything."),
        (
            _(
                "A reset would start a new waiting period of up to 90 days. Inside the application you can prove who you "
                "are instead: a person compares your document with your identity verification."
            ),
            _("Two people decide on it. You hear from us within working days, not weeks."),
        ),
        "身份验证器丢失 谷歌验证器丢失 换手机 重置验证器 lost authenticator lost phone new phone reset 2fa google",
        (),
        ("verification", _("Prove who you are instead")),
        query="without=1",
    ),
    Answer(
        "identity_verified",
        _("My identity verification is incomplete or out of date"),
        _("Update it inside the application; it never blocks for ever."),
        (
            _(
                "Only the person the account belongs to may close it. An expired document or a changed name is settled "
                "inside the application: you send a photo or a short video here, two people decide, and no waiting "
                "period begins."
            ),
        ),
        "身份认证 实名认证 证件过期 改名 认证失败 kyc identity verification expired document name changed passport",
        (),
        ("proof", _("Update it inside the application")),
    ),
    Answer(
        "contacts_reachable",
        _("My e-mail or phone cannot be reached"),
        _("Replace it; the waiting period that this starts can be lifted."),
        (
            _(
                "The codes and the way back go to these contacts. Replace a dead one in the exchange's security settings. "
                "That starts a waiting period; tell support, and two people who have verified you lift it for this "
                "application."
            ),
        ),
        "邮箱 手机号 停用 换号 收不到 email phone number dead lost changed",
        (),
        ("support", _("Tell support about it")),
        query="about=contacts_reachable",
    ),
    Answer(
        "no_p2p_orders",
        _("A P2P order is still in progress"),
        _("Finish or cancel it with the other side."),
        (
            _(
                "Open the order at the exchange. If you have paid, wait for the release; if nobody has paid, cancel it. "
                "If you cannot agree, open an appeal: support decides."
            ),
        ),
        "C2C 订单 P2P 放币 未完成 申诉 p2p order appeal release",
        (),
        CHECK,
    ),
    Answer(
        "waiting-period",
        _("What is the security waiting period?"),
        _("30 days after a new password, 90 days after a new phone, e-mail or authenticator."),
        (
            _(
                "Whoever takes over an account changes these first. The wait gives the true owner time to notice. It is a "
                "date, not a refusal: you can apply now, and the application starts on that date."
            ),
            _(
                "Do not change anything else meanwhile: it would start again. Unlinking a card or revoking a key does not "
                "count."
            ),
        ),
        "安全等待期 冷却期 30天 90天 改密码 换手机号 waiting period security change 30 days 90 days password",
        (),
        CHECK,
    ),
    Answer(
        "cooling-off",
        _("Can I change my mind?"),
        _("Yes, with two taps, until the cooling-off period ends."),
        (
            _("Everything works as before. Every message of ours holds a link that needs no sign-in."),
            _("Signing in does not withdraw anything by itself; only the button does."),
        ),
        "冷静期 后悔期 反悔 撤销申请 取消注销 恢复账户 change my mind cancel closure undo withdraw application restore",
        (),
        CASE,
    ),
    Answer(
        "dust",
        _("Small balances that cannot be withdrawn"),
        _("Convert them, or decide about each one yourself."),
        (
            _(
                "One click converts small balances into a coin that can leave. What is still too small can be sent to "
                "another holder, donated or given up, each with your own yes. Nothing is taken in silence."
            ),
        ),
        "小额资产 灰尘 零头 小额兑换 最小提币 dust small balance minimum withdrawal convert",
        (),
        ("plan", _("See what one click does with them")),
    ),
    Answer(
        "locked-products",
        _("A product is locked or a contract is not settled yet"),
        _("It has a date; leaving early has a price."),
        (
            _(
                "The self-check names the item and its date. Where the product allows it, the plan shows what leaving early "
                "costs, and nothing happens before you agree."
            ),
        ),
        "质押 赚币 锁仓 未到期 合约 未结算 提前赎回 staking locked earn maturity contract settlement redeem early",
        (),
        ("plan", _("See the early way out and its price")),
    ),
    Answer(
        "rebates",
        _("Commission or an affiliate contract stands in the way"),
        _("Support settles it; an old referral alone never blocks."),
        (
            _(
                "Unpaid commission is paid out, a contract is ended, and then the condition is met. Ask support for it; the "
                "self-check names which one it is."
            ),
        ),
        "返佣 节点 代理 邀请 佣金 commission rebate affiliate referral",
        (),
        ("support", _("Ask support to settle it")),
        query="about=no_rebates",
    ),
    Answer(
        "disputes",
        _("An appeal, a dispute or a review stands in the way"),
        _("It ends with a decision; support says when."),
        (
            _(
                "While an appeal or a dispute is open, what belongs to whom is not settled, so the account stays. The same "
                "holds while a person reviews the account. Nothing is lost meanwhile, and the application can wait for it."
            ),
        ),
        "申诉 纠纷 争议 审核 人工审核 appeal dispute review blocked under review",
        (),
        ("support", _("Ask support where it stands")),
        query="about=closing",
    ),
    Answer(
        "records-and-tax",
        _("My records and tax files"),
        _("Download them before the account is closed."),
        (
            _(
                "One archive with every trade, deposit, withdrawal and fee, as CSV and JSON. After closing it cannot be "
                "made again."
            ),
        ),
        "交易记录 税务 报税 下载记录 导出 账单 records tax export download csv statement history",
        (),
        ("records", _("To my records")),
    ),
    Answer(
        "late-value",
        _("Something arrived after closing"),
        _("It is kept apart and can be claimed."),
        (
            _(
                "Old deposit addresses no longer credit anything. What arrives in the observation period lies in a separate "
                "ledger. Claim it with the certificate and your identity."
            ),
            _(
                "If the certificate or the mailbox is lost, people of support verify you; that takes longer, and what "
                "arrived stays yours meanwhile."
            ),
        ),
        "注销后充值 到账 申领 误转 late deposit after closing claim arrived",
        (),
        ("closed", _("To the page of closed accounts")),
    ),
    Answer(
        "cannot-sign-in",
        _("I cannot sign in"),
        _("You can still close the account."),
        (
            _(
                "Every message about an application holds a link that needs no sign-in. Without one, write to support: a "
                "person verifies you with the means you gave when you opened the account, never with more."
            ),
        ),
        "无法登录 登录不了 忘记密码 账户被盗 cannot sign in login forgot password locked out",
        (),
        SUPPORT,
    ),
    Answer(
        "acting-for-others",
        _("I act for somebody else: an estate, a ward, a joint account, a company"),
        _("Give notice without signing in; then show the documents and sign."),
        (
            _(
                "Nothing happens to the account before a person has read your notice. For an estate or a guardianship it is "
                "then frozen, and its holder is told. As many of you sign as the account's papers ask for; one objection "
                "stops it. Two people look at the documents before the cooling-off begins."
            ),
        ),
        "去世 死亡 遗产 继承 继承人 遗嘱 监护 监护人 联名 企业 公司 代办 died dead deceased death estate heir executor inheritance "
        "guardian ward joint corporate company signatory power of attorney",
        (),
        ("mandate", _("Give notice")),
    ),
    Answer(
        "stolen",
        _("I think somebody else is in my account"),
        _("Stop first, close later."),
        (
            _(
                "If an application is running that is not yours, withdraw it now: the link is in every message, also in the "
                "one to your old address. Then protect the account: one tap freezes it, revokes its keys and ends every other "
                "sign-in. Your evidence is kept; nothing is deleted."
            ),
        ),
        "被盗 盗号 诈骗 骗 黑客 hacked stolen scam fraud compromised phishing",
        (),
        ("protection", _("Protect the account now")),
    ),
    Answer(
        "what-is-kept",
        _("What is deleted and what is kept?"),
        _("Everything goes, except what the law makes us keep, locked away until its date."),
        (
            _(
                "After the observation period the keys of your data are destroyed, in backups too: nobody can bring it "
                "back. Identity and transactions stay under keys of their own, for nothing but the law, until their date."
            ),
        ),
        "删除 保留 数据 隐私 个人信息 匿名化 deleted kept data privacy retention gdpr erase",
        (),
        CHECK,
    ),
)
BY_SLUG = {answer.slug: answer for answer in ANSWERS}
