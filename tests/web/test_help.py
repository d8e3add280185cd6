"""The help centre finds the right page, also for people who mistype (R-SUP-1)."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from closeout.conditions import check
from closeout.conditions.catalog import Who, catalog
from closeout.reasons import SENTENCES
from closeout.web.portal import finding, helping, selfcheck
from closeout.web.portal.answers import ANSWERS, BY_SLUG


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


CHINESE = re.compile(r"[\u4e00-\u9fff]")
WAYS = {
    "identity_verified": ("R-DIA-2", "/proof"),
    "locked-products": ("R-DIA-3", "/plan"),
    "rebates": ("R-DIA-4", "/support?about=no_rebates"),
    "codes": ("R-DIA-5", "/verification"),
    "lost-authenticator": ("R-DIA-6", "/verification?without=1"),
    "waiting-period": ("R-DIA-1", "/check"),
    "dust": ("R-DIA-1", "/plan"),
    "no_p2p_orders": ("R-DIA-1", "/check"),
    "disputes": ("R-DIA-1", "/support?about=closing"),
    "contacts_reachable": ("R-DIA-1", "/support?about=contacts_reachable"),
}


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_each_cause_of_a_failed_closing_leads_to_its_way_out(language: str) -> None:
    """R-DIA-1 … R-DIA-6: the page on failing names each cause and links to its answer, and that into the flow."""
    with translation.override(language):
        assert BY_SLUG["closing-fails"].see == tuple(WAYS)
        for slug, (_row, way) in WAYS.items():
            shown = helping.shown(BY_SLUG[slug])
            assert shown["go"]["url"] == way
            texts = (shown["title"], shown["summary"], *shown["body"], shown["go"]["label"])
            assert {bool(CHINESE.search(str(text))) for text in texts} == {language == "zh-hans"}
    assert all("left" in SENTENCES["wrong_code"][tongue] for tongue in ("zh", "en"))
    assert all("seconds" in SENTENCES["clock_off"][tongue] for tongue in ("zh", "en"))


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_blocker_of_people_has_one_way_on(language: str) -> None:
    """R-CHK-18, R-DIA-1: who has to go elsewhere or needs support gets a button; nothing is only "failed"."""
    blocked = [one for one in catalog() if one.who in (Who.HOLDER_ELSEWHERE, Who.SUPPORT, Who.OPERATOR)]
    assert len(blocked) >= 6
    with translation.override(language):
        for condition in blocked:
            action = selfcheck.action(condition, check.Result.BLOCKED)
            assert action is not None, condition.code
            slug = action.url.removeprefix("/help/")
            assert action.url.startswith(("/support?about=", "/proof")) or slug in BY_SLUG, condition.code
