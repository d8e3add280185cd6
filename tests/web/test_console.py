"""The agents' console in a real browser: the journeys of issue 7, by keyboard too, in both languages."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.cases.pdfs import pdf
from tests.web.looking import faults_of


def agent(visitor: Any, backstage: Any, name: str, then: str = "/console/") -> Any:
    """Sit down as somebody who has signed in."""
    visitor.context.add_cookies([{"name": "sid", "value": backstage.staffed(name=name), "url": visitor.site}])
    visitor.open(then)
    return visitor


def press(page: Any, selector: str) -> None:
    """Go to what ``selector`` means with the Tab key alone, and press Enter."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            page.keyboard.press("Enter")
            return
    pytest.fail(f"the keyboard does not come to {selector}")


def test_signing_in_needs_the_second_factor(visit: Any) -> None:
    """Issue 7: staff sign in with two factors; a code is good once, and a wrong one says so."""
    visitor = visit(language="en", width=1280)
    page = visitor.page
    visitor.open("/console/")
    assert page.url.endswith("/console/signin")
    page.get_by_role("button", name="operator-1").click()
    page.fill("#code", "000000")
    page.locator("form.card button.full").click()
    assert "The code is wrong" in page.locator("[role=alert]").inner_text()
    page.fill("#code", page.locator("#shows").inner_text())
    page.locator("form.card button.full").click()
    assert page.url.endswith("/console/")
    page.get_by_role("button", name="Sign out").click()
    visitor.open("/console/numbers")
    assert page.url.endswith("/console/signin")
    assert visitor.complaints == []


def test_a_lost_authenticator_goes_through_video_and_two_approvals(visit: Any, backstage: Any) -> None:
    """R-DIA-6, R-SUP-4, R-SUP-6, R-SUP-7, hard case 23: from "lost" to cooling-off; approvers use only the keyboard."""
    account, language = backstage.person(handle="clean"), "zh"
    backstage.applied(account=account, language=language)
    holder = visit(language=language)
    holder.sign_in(account, then="/verification")
    page = holder.page
    page.locator("a[href$='without=1']").click()
    for factor in ("email", "sms"):
        page.fill(f"#code_{factor}", backstage.code(account=account, factor=factor))
    page.locator("form .actions button").click()
    page.wait_for_url("**/case**", wait_until="commit")
    assert backstage.state(account=account) == "review"
    number = backstage.number(account=account)

    identity = agent(
        visit(language=language, width=1280), backstage, "identity-1", f"/console/cases/{number}"
    )
    identity.page.locator("#evidence button[value=video]").click()

    page.locator("main a[href='/proof']").click()
    sentence = page.locator("#sentence").inner_text()
    page.locator("#record").click()
    page.locator("#stop").wait_for(state="visible")
    page.wait_for_timeout(2500)
    page.locator("#stop").click()
    page.wait_for_url("**/proof?received=", wait_until="commit", timeout=60_000)

    identity.open(f"/console/cases/{number}")
    identity.page.locator("#evidence summary").click()
    assert identity.page.locator("#evidence q").inner_text() == sentence
    width = identity.page.locator("#evidence video").evaluate(
        "(video) => new Promise((done) => { video.onerror = () => done(0);"
        " video.onloadedmetadata = () => done(video.videoWidth); video.preload = 'auto'; video.load(); })"
    )
    assert width > 0
    identity.page.locator("#evidence button[value=matches]").click()
    identity.page.locator("#decisions input[value=proof]").check()
    identity.page.locator("#decisions form.stack button.small").click()
    for name in ("approver-1", "approver-2"):
        approver = agent(visit(language=language, width=1280), backstage, name, "/console/?team=approval")
        press(approver.page, f"main a[href$='{number}']")  # from the queue to the decision: two keys pressed
        approver.page.wait_for_url(f"**/cases/{number}")
        press(approver.page, "#decisions button[value=yes]")
        approver.page.wait_for_url(f"**/cases/{number}#decisions")
        assert approver.complaints == []
    assert backstage.state(account=account) == "cooling_off"
    assert holder.complaints == []
    assert identity.complaints == []


def test_a_judicial_freeze_stops_a_closing_on_its_last_day(visit: Any, backstage: Any) -> None:
    """R-SUP-8, hard cases 38 and 39: the clock stops; the holder and support read of a manual review only."""
    account = backstage.person(handle="clean")
    backstage.submitted(account=account, language="en")
    number = backstage.number(account=account)
    backstage.nearing(account=account, hours=12)
    compliance = agent(
        visit(language="en", width=1280), backstage, "compliance-1", f"/console/cases/{number}"
    )
    page = compliance.page
    page.locator("#holds summary").click()
    page.get_by_role("button", name="Place the hold").click()
    assert "needs the authority" in page.locator("[role=alert]").inner_text()
    compliance.open(f"/console/cases/{number}")
    page.locator("#holds summary").click()
    page.fill("#authority", "District court")
    page.fill("#reference", "7 K 12/26")
    page.fill("#ordered_on", "2026-01-02")
    page.get_by_role("button", name="Place the hold").click()
    assert "District court" in page.locator("#holds").inner_text()
    backstage.passed(days=0.6)
    assert backstage.state(account=account) == "cooling_off"
    support = agent(visit(language="en", width=1280), backstage, "support-1", f"/console/cases/{number}")
    seen = support.page.locator("main").inner_text()
    assert "In manual review" in seen
    assert not re.search("court|judicial|freeze|hold(?!er)|compliance", seen, re.IGNORECASE)
    holder = visit(language="en")
    holder.sign_in(account, then="/case")
    text = holder.page.locator("main").inner_text()
    assert "being looked at by a person" in text
    assert not re.search("court|judicial|compliance", text, re.IGNORECASE)


def test_a_message_goes_both_ways_and_a_foreign_address_is_marked(visit: Any, backstage: Any) -> None:
    """R-SUP-2, R-SUP-9, hard case 58; no text of a holder becomes part of the page."""
    account = backstage.person(handle="clean")
    backstage.applied(account=account, language="en")
    number = backstage.number(account=account)
    backstage.wrote(account=account, text="<b>bold</b> see https://closeout-help.com, code 123456")
    support = agent(visit(language="en", width=1280), backstage, "support-1", f"/console/cases/{number}")
    page = support.page
    thread = page.locator("#messages")
    assert "<b>bold</b>" in thread.inner_text()
    assert thread.locator(".said b").count() == 0
    assert "imitates closeout.example" in thread.inner_text()
    assert "123456" not in page.content()
    page.fill("#text", "We are looking into it.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    thread.locator("li").nth(1).wait_for()
    assert "We are looking into it." in backstage.heard(account=account)
    backstage.wrote(account=account, text="Thank you, I wait here.")
    page.get_by_text("Thank you, I wait here.").wait_for()
    assert support.complaints == []
    support.context.set_offline(offline=True)  # what is said meanwhile is there afterwards, each message once
    for text in ("First while you were away.", "Second while you were away."):
        backstage.wrote(account=account, text=text)
    support.context.set_offline(offline=False)
    page.get_by_text("Second while you were away.").wait_for(timeout=60_000)
    said = thread.locator(".said").all_inner_texts()
    assert len(said) == len(set(said)) == 5
    assert said[-2].startswith("First")


@pytest.mark.parametrize(("language", "width"), [("zh", 390), ("en", 1280)])
def test_an_heir_gives_notice_signs_and_objects(
    visit: Any, backstage: Any, tmp_path: Path, language: str, width: int
) -> None:
    """R-SUP-11, hard case 28: notice without sign-in, opened by an agent, signed, a PDF seen, one objection stops."""
    place = Path(os.environ.get("PICTURES") or tmp_path)
    screen = "phone" if width < 500 else "desktop"
    account = backstage.person(handle="clean")
    heir = visit(language=language, width=width)
    page = heir.page
    heir.open("/mandate")
    page.locator("input[value=estate]").check()
    for field, said in (("account", str(account)), ("name", "Ada Heir"), ("email", "ada.heir@example.org")):
        page.fill(f"#{field}", said)
    page.locator("form.card button.full").click()
    assert page.url.endswith("/signature")
    support = agent(visit(language=language, width=width), backstage, "support-1", "/console/mandates")
    support.page.screenshot(path=place / f"console-mandates-{language}-{screen}.png", full_page=True)
    support.page.locator(".task", has_text=str(account)).locator("a.button").click()
    support.page.locator("#open button.button").click()
    support.page.wait_for_url("**/console/cases/*")
    assert backstage.state(account=account) == "review"
    page.reload()
    page.fill("#name", "Ada Heir")
    page.locator("form.card button.full").first.click()
    page.locator("#documents").wait_for()
    page.screenshot(path=place / f"signature-{language}-{screen}.png", full_page=True)
    (tmp_path / "death.pdf").write_bytes(pdf(2))
    page.set_input_files("#file", tmp_path / "death.pdf")
    page.locator("#documents button.full").click()
    page.wait_for_url("**/signature#documents")
    assert faults_of(heir) == []
    page.set_viewport_size({"width": width, "height": 844})
    there = f"/console/cases/{backstage.number(account=account)}"
    identity = agent(visit(language=language, width=width), backstage, "identity-1", there)
    identity.page.locator("#evidence summary").click()
    for number in (1, 2):
        seen = identity.page.locator(f"#evidence img[src$='page={number}']")
        seen.scroll_into_view_if_needed()
        expect(seen).to_have_js_property("complete", True)
        assert seen.evaluate("(image) => image.naturalHeight") == 1753
    assert identity.complaints == []
    page.locator("button[name=object]").click()
    page.locator(".note.stop").wait_for()
    support.page.reload()
    assert {"zh": "有异议", "en": "objects"}[language] in support.page.locator("#mandate").inner_text()
    assert heir.complaints == []
    assert support.complaints == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_are_accessible_and_hold_their_width(visit: Any, backstage: Any, language: str) -> None:
    """Issue 7: queue, case, search, numbers; WCAG 2.2 AA by axe, light and dark, no overflow at any width."""
    account = backstage.person(handle="messy")
    backstage.applied(account=account, language=language)
    campaign = backstage.campaigned(name=f"looked-at-{language}", account=backstage.person(handle="dust"))
    case = f"/console/cases/{backstage.number(account=account)}"
    pages = {
        "compliance-1": ("/console/", case, f"/console/search?q={account}", "/console/numbers", f"{case}/audit",
                         f"{case}/reconciliation"),
        "support-1": ("/console/mandates",),
        "operator-1": ("/console/campaigns", "/console/plans", f"/console/campaigns/{campaign}"),
    }  # fmt: skip
    wrong = []
    for name, paths in pages.items():
        visitor = agent(visit(language=language, width=1280), backstage, name)
        for path in paths:
            assert visitor.open(path).ok, path
            wrong += [f"{path}: {said}" for said in faults_of(visitor)]
    assert wrong == []


@pytest.mark.parametrize(("language", "width"), [("zh", 390), ("en", 1280)])
def test_pictures_of_queue_and_case_can_be_taken(
    visit: Any, backstage: Any, tmp_path: Path, language: str, width: int
) -> None:
    """Issue 7: the pictures of the docs come from the real pages; PICTURES names their place."""
    place = Path(os.environ.get("PICTURES") or tmp_path)
    account = backstage.person(handle="clean")
    backstage.applied(account=account, language=language)
    backstage.referred(account=account)
    text = {
        "zh": "我的手机丢了，closeout-help.com 的人让我把验证码 123456 发给他，是你们吗？",
        "en": "I lost my phone. Somebody at closeout-help.com wants the code 123456. Is that you?",
    }
    backstage.wrote(account=account, text=text[language])
    number = backstage.number(account=account)
    visitor = agent(visit(language=language, width=width), backstage, "identity-1", "/console/?team=support")
    screen = "phone" if width < 500 else "desktop"
    visitor.page.screenshot(path=place / f"console-queue-{language}-{screen}.png", full_page=True)
    visitor.open(f"/console/cases/{number}")
    picture = place / f"console-case-{language}-{screen}.png"
    visitor.page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
