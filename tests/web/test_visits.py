"""Support, theft, choices, wrong input and markup in a real browser, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.utils import translation
from tinyhtml5.parser import HTMLParser

from closeout.clearing import words
from closeout.venues.okx import desk, remedies
from closeout.web.portal import planning

WIDTHS = (320, 390, 1280)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
ASK = """(options) => axe.run({...options, resultTypes: ["violations"]})
    .then((said) => said.violations.map((one) => one.id + ": " + one.nodes[0].html))"""
WORDS = {"zh": "注销账户", "en": "close my account"}
READING = 1.1  # seconds that the risk list must have been on the screen
HTML = "{http://www.w3.org/1999/xhtml}"
INTERACTIVE = {"a", "button", "input", "select", "textarea", "label", "summary"}
POINTING = ("for", "aria-labelledby", "aria-describedby", "aria-controls")


def well(page: Any) -> list[str]:
    """Return what is wrong with a page: every rule in the light, colours in the dark, and its width."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    wrong = page.evaluate(ASK, RULES)
    page.emulate_media(color_scheme="dark")
    wrong += page.evaluate(ASK, {"runOnly": ["color-contrast"]})
    page.emulate_media(color_scheme="light")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"wider than {width}")
    page.set_viewport_size({"width": 390, "height": 844})
    return list(wrong)


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
    visitor = visit(language=language, scripts=scripts, axe=scripts)
    visitor.sign_in(account)
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
        assert well(page) == []


@pytest.mark.parametrize(("language", "reason"), [("zh", "账号被盗了，想注销")])
def test_words_of_theft_lead_to_help_first_and_a_wrong_alarm_costs_one_tap(
    visit: Any, backstage: Any, language: str, reason: str
) -> None:
    """R-SUP-10: freeze, keys and sessions, recovery before closing; whoever acts freely goes on."""
    account = backstage.person(handle="clean")
    thief, visitor = visit(language=language), visit(language=language, axe=True)
    thief.sign_in(account, then="/application")
    visitor.sign_in(account, then="/application")
    page = visitor.page
    filled(page, language, reason)
    assert page.locator("form[action='/protection']").count() == 1
    assert backstage.state(account=account) == "application"
    assert well(page) == []
    page.locator("button[name=own_will]").click()
    page.wait_for_url("**/verification")
    visitor.open("/application")
    assert page.input_value("#id_reason") == reason
    filled(page, language, reason)
    page.locator("form[action='/protection'] button").click()
    page.wait_for_url("**/protection")
    assert page.locator("[role=status]").count() == 1
    assert well(page) == []
    thief.open("/case")
    assert "/signin" in thief.page.url
    assert backstage.reached(account=account, wanted="application") == "application"
    visitor.open("/application")
    assert page.url.endswith("/case")
    assert visitor.complaints == []


def test_bad_input_gets_a_page_that_says_what_happened(visit: Any, backstage: Any) -> None:
    """Issue 5, bad input: too much, a file, a wrong way of asking, an unknown language, another's number."""
    visitor = visit(language="zh")
    visitor.sign_in("messy", then="/application")
    page, site = visitor.page, visitor.site
    proof = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    headers = {"origin": site, "accept-language": "zh-CN"}

    def sent(path: str, **body: Any) -> tuple[int, str]:
        answer = visitor.context.request.post(site + path, headers=headers, max_redirects=0, **body)
        return answer.status, answer.text()

    status, text = sent("/application", form={"csrfmiddlewaretoken": proof, "reason": "长" * 3_500_000})
    assert status == 413
    assert "内容过长" in text or "太长" in text
    picture = {"name": "id.png", "mimeType": "image/png", "buffer": b"\x89PNG" + b"x" * 500}
    status, text = sent("/application", multipart={"csrfmiddlewaretoken": proof, "reason": picture})
    assert (status, "这里不需要文件" in text) == (415, True)
    assert sent("/language", form={"csrfmiddlewaretoken": proof, "language": "kl-ingon"})[0] == 400
    assert sent("/application", form={"reason": "x"})[0] == 403
    for path in ("/check", "/help", "/dormant", "/receipt.pdf"):
        status, text = sent(path, form={"csrfmiddlewaretoken": proof})
        assert (status, "<h1>" in text) == (405, True), path
    for path, wanted in (
        ("/stop/x", 404),
        ("/help/nothing", 404),
        ("/certificate.pdf", 404),
        ("/receipt.pdf", 404),
    ):
        answer = visitor.context.request.get(site + path, headers={"accept-language": "zh-CN"})
        assert (answer.status, 'lang="zh-Hans"' in answer.text()) == (wanted, True), path
    strange = visitor.context.request.get(
        site + "/help?q=%00%ff<script>", headers={"accept-language": "xx-YY"}
    )
    assert (strange.status, "<script>" in strange.text().split("<main")[1].split("</main")[0]) == (200, False)


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
    visitor.sign_in(account)
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


PAGES = {
    "": ("/", "/signin", "/help", "/help?q=x", "/help/codes", "/help/stolen", "/domains", "/preferences", "/dormant",
         "/stop", "/nothing-here"),
    "messy": ("/check", "/plan", "/records", "/case", "/application", "/support?about=closing",
              "/protection", "/mailbox"),
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", PAGES)
def test_the_markup_is_strictly_valid(visit: Any, who: str, language: str) -> None:
    """Issue 5: no parse error by the HTML standard, unique ids, references that lead, no control in another."""
    visitor = visit(language=language)
    if who:
        visitor.sign_in(who)
    wrong: list[str] = []
    for path in PAGES[who]:
        locale = {"zh": "zh-CN", "en": "en-US"}[language]
        answer = visitor.context.request.get(visitor.site + path, headers={"accept-language": locale})
        wrong += [f"{path}: {what}" for what in faults(answer.body())]
    assert wrong == []


def faults(content: bytes) -> Iterator[str]:
    """Yield what is wrong with the markup of a page."""
    parser = HTMLParser(namespace_html_elements=True)
    root = parser.parse(content)
    yield from (f"{code} at {place}" for place, code, _ in parser.errors)
    elements = [one for one in root.iter() if isinstance(one.tag, str)]
    ids = [one.attrib["id"] for one in elements if "id" in one.attrib]
    yield from (f"id {one} twice" for one in sorted({one for one in ids if ids.count(one) > 1}))
    for one in elements:
        for name in POINTING:
            yield from (f"{name} leads to {to}" for to in one.attrib.get(name, "").split() if to not in ids)
        yield from (
            f"{name} in the markup" for name in one.attrib if name == "style" or name.startswith("on")
        )
        if _name(one) in INTERACTIVE - {"label"}:
            inside = (_name(below) for below in one.iter() if below is not one)
            yield from (f"{below} inside {_name(one)}" for below in inside if below in INTERACTIVE)
        is_field = _name(one) in ("input", "select", "textarea") and one.attrib.get("type") != "hidden"
        if is_field and not _labelled(one, elements):
            yield f"nothing names {one.attrib}"
    names = [_name(one) for one in elements]
    if names.count("h1") != 1 or names.count("main") != 1:
        yield "one h1 and one main"
    if not re.match("zh-Hans|en", root.attrib.get("lang", "")):
        yield "no language"


def _name(element: Element) -> str:
    return str(element.tag).removeprefix(HTML)


def _labelled(field: Element, elements: list[Element]) -> bool:
    labels = [one for one in elements if _name(one) == "label"]
    named = any(one.attrib.get("for") == field.attrib.get("id") for one in labels if "id" in field.attrib)
    return named or "aria-label" in field.attrib or any(field in list(one.iter()) for one in labels)


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
    visitor.sign_in(account)
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
