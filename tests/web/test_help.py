"""The help centre finds the right page, also for people who mistype (R-SUP-1)."""

from __future__ import annotations

import pytest

from closeout.web.portal import finding
from closeout.web.portal.answers import ANSWERS


@pytest.mark.parametrize(
    "question",
    [
        "注销账户", "关闭账户", "註銷帳戶", "注销帐号", "close account", "close my acount", "clsoe account",
        "delet account", "怎么注销账户", "如何永久注销", "销户", "CLOSE ACCOUNT", "how to close an account",
    ],
)  # fmt: skip
def test_whoever_wants_to_close_finds_the_way_in(question: str) -> None:
    assert finding.search(question)[0].slug == "close-account"


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("注销失败", "closing-fails"),
        ("收不到验证码", "codes"),
        ("身份验证器丢了", "lost-authenticator"),
        ("lost authentcator", "lost-authenticator"),
        ("冷静期", "cooling-off"),
        ("反悔", "cooling-off"),
        ("change my mind", "cooling-off"),
        ("小额资产", "dust"),
        ("实名认证过期", "identity_verified"),
        ("返佣", "rebates"),
        ("节点", "rebates"),
        ("c2c 订单", "no_p2p_orders"),
        ("被盗", "stolen"),
        ("scam", "stolen"),
        ("忘记密码", "cannot-sign-in"),
        ("报税", "records-and-tax"),
        ("质押未到期", "locked-products"),
        ("观察期 保留 数据", "what-is-kept"),
    ],
)
def test_a_question_finds_its_answer(question: str, slug: str) -> None:
    """R-DIA-1 … R-DIA-6: each cause of a failed closing has an answer of its own."""
    assert slug in [answer.slug for answer in finding.search(question)[:2]]


@pytest.mark.parametrize("question", ["", "   ", "???", "zzzzqqqq", "天气", "%" * 500, "a" * 10_000])
def test_nonsense_finds_nothing_and_breaks_nothing(question: str) -> None:
    assert list(finding.search(question)) == []


def test_answers_have_unique_addresses() -> None:
    assert len({answer.slug for answer in ANSWERS}) == len(ANSWERS)
