"""Support, theft, choices, the back button and the keyboard in a real browser, with and without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import translation
from tests.web.looking import faults_of

from closeout.clearing import words
from closeout.venues.okx import desk, remedies
from closeout.web.portal import planning

WORDS = {"zh": "注销账户", "en": "close my account"}
READING = 1.1  # seconds that the risk list must have been on the screen


def filled(page: Any, language: str, reason: str) -> None:
    """Fill in the page of the consequences and send it."""
    for box in page.locator("input[name=points]").all():
        box.check()
    page.check("#records_declined")
    page.fill("#id_phrase", WORDS[language])
    page.locator("details:has(#id_reason)").evaluate("details => { details.open = true; }")
    page.fill("#id_reason", reason)
    page.wait_for_timeout(READING * 1000)
    page.locator("form button.stop").click()


@pytest.mark.parametrize(("language", "scripts"), [("zh", False), ("en", True)])
def test_support_knows_what_stands_in_the_way_and_answers_in_the_same_place(
    visit: Any, backstage: Any, *, language: str, scripts: bool
) -> None:
    """R-SUP-2, R-SUP-9, R-DIA-1: prefilled from a failed closing, said once, strange links flagged."""
    account = backstage.person(handle="orders")
    visitor = visit(language=language, scripts=scripts)
    visitor.sign_in(account, then="/check")
    page = visitor.page
    page.locator("a[href='/support?about=closing']").click()
    text = page.input_value("#id_text")
    assert {"zh": "无法注销", "en": "cannot close"}[language] in text
    assert len(text.splitlines()) >= 2
    page.fill("#id_text", text + "\nMy code is 40719226, please help")
    page.locator("main form button.button").click()
    assert page.locator("[role=status]").count() == 1
    assert page.locator(".thread li").count() == 1
    assert "40719226" not in page.locator(".thread").inner_text()
    page.go_back()
    page.locator("main form button.button").click()
    assert page.locator(".thread li").count() == 1
    backstage.answered(
        account=account, text="See https://c1oseout.example/help and https://closeout.example/case"
    )
    page.goto(visitor.site + "/support")
    assert page.locator(".thread li").count() == 2
    assert page.locator(".thread a").count() == 0
    flagged = page.locator(".thread [role=note]")
    assert flagged.count() == 1
    assert "c1oseout.example" in flagged.inner_text()
    page.fill("#id_text", "   ")
    page.locator("main form button.button").click()
    assert page.locator("#problems").count() == 1
    assert visitor.complaints == []
    if scripts:
        assert faults_of(visitor) == []


@pytest.mark.parametrize(("language", "reason"), [("zh", "账号被盗了，想注销")])
def test_words_of_theft_lead_to_help_first_and_a_wrong_alarm_costs_one_tap(
    visit: Any, backstage: Any, language: str, reason: str
) -> None:
    """R-SUP-10: freeze, keys and sessions, recovery before closing; whoever acts freely goes on."""
    account = backstage.person(handle="clean")
    thief, visitor = visit(language=language), visit(language=language)
    thief.sign_in(account, then="/application")
    visitor.sign_in(account, then="/application")
    page = visitor.page
    filled(page, language, reason)
    assert page.locator("form[action='/protection']").count() == 1
    assert backstage.state(account=account) == "application"
    assert faults_of(visitor) == []
    page.locator("button[name=own_will]").click()
    page.wait_for_url("**/verification")
    visitor.open("/application")
    assert page.input_value("#id_reason") == reason
    filled(page, language, reason)
    page.locator("form[action='/protection'] button").click()
    page.wait_for_url("**/protection")
    assert page.locator("[role=status]").count() == 1
    assert faults_of(visitor) == []
    thief.open("/case")
    assert "/signin" in thief.page.url
    assert backstage.reached(account=account, wanted="application") == "application"
    visitor.open("/application")
    assert page.url.endswith("/case")
    assert visitor.complaints == []


def test_going_back_and_a_second_tab_change_nothing_twice(visit: Any, backstage: Any) -> None:
    """Issue 5, bad input: the back button after submitting, an old tab, a POST repeated."""
    account = backstage.person(handle="clean")
    visitor = visit(language="en")
    visitor.sign_in(account, then="/application")
    page, old = visitor.page, visitor.context.new_page()
    old.goto(visitor.site + "/application")
    filled(page, "en", "")
    page.wait_for_url("**/verification")
    backstage.working()
    for factor in ("email", "sms", "totp"):
        page.fill(f"#code_{factor}", backstage.code(account=account, factor=factor))
    page.locator("form button.stop").click()
    page.wait_for_url("**/case**")
    page.go_back()
    assert "/case" in page.url or page.locator("form button.stop").count() == 1
    if page.locator("form button.stop").count():
        page.locator("form button.stop").click()
        page.wait_for_url("**/case**")
    filled(old, "en", "")
    old.wait_for_url("**/case**")
    assert backstage.state(account=account) == "cooling_off"
    assert [letter["template"] for letter in backstage.letters(account=account)].count("submit") == 2
    assert visitor.complaints == []


def test_the_keyboard_alone_reaches_received_and_comes_back(visit: Any, backstage: Any) -> None:
    """Issue 5: everything works by keyboard alone: Tab, Space, Enter, and what is typed."""
    account = backstage.person(handle="clean")
    visitor = visit(language="zh")
    visitor.sign_in(account, then="/check")
    page = visitor.page

    def reach(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    reach(".skip")
    page.keyboard.press("Enter")
    reach("a[href='/application']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/application")
    for box in page.locator("input[name=points]").all():
        reach("#" + str(box.get_attribute("id")))
        page.keyboard.press("Space")
    reach("input[name=records]")
    page.keyboard.press("ArrowDown")
    reach("#id_phrase")
    page.keyboard.type(WORDS["zh"])
    page.wait_for_timeout(READING * 1000)
    reach("form button.stop")
    page.keyboard.press("Enter")
    page.wait_for_url("**/verification")
    backstage.working()
    for factor in ("email", "sms", "totp"):
        reach(f"#code_{factor}")
        page.keyboard.type(backstage.code(account=account, factor=factor))
    page.keyboard.press("Enter")
    page.wait_for_url("**/case**")
    assert backstage.state(account=account) == "cooling_off"
    reach("a[href='/withdrawal']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/withdrawal")
    reach("main form .actions button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/case")
    assert backstage.state(account=account) == "withdrawal"


def test_every_reason_of_a_clearing_has_a_sentence_on_every_door() -> None:
    """R-DIA-1: no code is ever shown bare where a sentence could stand."""
    assert set(words.REASONS) - set(planning.REASONS) == set()
    assert "being_closed" in planning.REASONS
    codes = {
        *remedies.IN_APP.values(),
        remedies.SUB_KEY,
        desk.NOT_PERMITTED,
        "not_done",
        *desk.REASONS.values(),
    }
    for language in ("en", "zh"):
        for code in codes:
            assert "(" + code + ")" not in words.reason(code, language).replace("（", "(").replace("）", ")")
        assert "51234" in words.reason("okx_51234", language)
        assert "okx_" not in words.reason("okx_51234", language)
    with translation.override("zh-hans"):
        assert planning.reason("being_closed") == "账户正在注销，已经来不及处理。"


@pytest.mark.parametrize(("language", "scripts"), [("zh", False)])
def test_a_penalty_is_a_choice_with_its_price_and_its_date(
    visit: Any, backstage: Any, *, language: str, scripts: bool
) -> None:
    """R-DIA-3, R-CLR-3: nothing with a penalty is part of the one click until the holder ticks it."""
    account = backstage.person(handle="messy")
    visitor = visit(language=language, scripts=scripts)
    visitor.sign_in(account, then="/plan")
    page = visitor.page
    row = page.locator("label.tick:has(input[name=early])").first
    said = row.inner_text()
    assert {"zh": "损失", "en": "Penalty"}[language] in said
    assert re.search(r"\d{4}年\d+月\d+日|\d+ \w+ \d{4}", said)
    steps = page.locator("ol.rows").inner_text()
    what = row.locator("b").inner_text()
    assert what not in steps
    row.locator("input").check()
    page.locator("button[value=again]").click()
    assert what in page.locator("ol.rows").inner_text()
    assert page.locator("input[type=checkbox][name=early]").count() == 0
    assert page.locator("input[type=hidden][name=early]").count() == 1
    page.locator("button[value=confirm]").click()
    page.wait_for_url("**/clearing")
    assert visitor.complaints == []


def test_dust_has_exits_each_with_its_own_consent(visit: Any, backstage: Any) -> None:
    """R-CLR-6, hard case 5: pool, convert, send, donate, forfeit; each asset by a line of its own, without scripts."""
    account, friend = backstage.person(handle="dust"), backstage.person(handle="clean")
    visitor = visit(language="en", scripts=False, width=390)
    visitor.sign_in(account, then="/plan")
    page = visitor.page
    assert page.locator("select[name=into] option").count() > 1
    kept = page.locator("fieldset.ways")
    assets = [name.removeprefix("most-") for name in kept.locator("input[type=hidden]").evaluate_all(
        "all => all.map(one => one.name)")]  # fmt: skip
    assert len(assets) >= 3, "the person needs dust that no command takes out"
    ways = dict(zip(assets, ("forfeit", "donate", "send"), strict=False))
    for asset, way in ways.items():
        assert page.locator(f"input[name='way-{asset}'][value=keep]").is_checked()
        page.locator(f"input[name='way-{asset}'][value={way}]").check()
    page.locator(f"input[name='to-{assets[2]}']").fill("999999999")
    page.locator("button[value=again]").click()
    assert "No account with this number" in page.locator("fieldset.ways p.error").inner_text()
    page.locator(f"input[name='to-{assets[2]}']").fill(str(friend))
    page.locator("button[value=again]").click()
    said = page.locator("ol.rows").inner_text()
    assert "Give up" in said
    assert "Donate" in said
    assert "to another holder" in said
    for asset, way in ways.items():
        assert page.locator(f"input[name='way-{asset}'][value={way}]").is_checked()
    page.locator(f"input[name='way-{assets[0]}'][value=keep]").check()
    page.locator("button[value=again]").click()
    assert page.locator(f"input[name='way-{assets[0]}'][value=keep]").is_checked()
    assert visitor.complaints == []


def test_one_kind_is_resolved_by_itself_and_things_are_left_out(visit: Any, backstage: Any) -> None:
    """Issue 4: a button beside each condition does only that; what the holder ticks is left alone; without scripts."""
    account = backstage.person(handle="messy")
    visitor = visit(language="zh", scripts=False, width=390)
    visitor.sign_in(account, then="/check")
    page = visitor.page
    page.locator("#no_payment_methods .action a").click()
    assert page.locator("ol.rows > li").count() == 1
    page.locator("a[href='/plan']").click()
    before = page.locator("ol.rows > li").count()
    assert before > 6
    group = page.locator("ol.rows > li").first
    group.locator("summary").click()
    for box in group.locator("input[name=leave]").all():
        box.check()
    group.locator("button").click()
    assert page.locator("ol.rows > li").count() < before
    assert "你选择了不处理" in page.locator("section[aria-labelledby=stays]").inner_text()
    assert visitor.complaints == []
