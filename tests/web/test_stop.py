"""Change of mind from a message, in a real browser: no sign-in, no script needed, and a page for each bad link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.web.looking import faults_of

GOOD_LENGTH = 34


def link_of(backstage: Any, account: int, site: str) -> str:
    """Return the path of the link in the newest letter that has one."""
    letters = [letter for letter in backstage.letters(account=account) if letter["link"]]
    path = str(letters[-1]["link"]).split("/stop/")[1]
    assert len(path) == GOOD_LENGTH
    return f"{site}/stop/{path}"


def cooling(backstage: Any, language: str = "zh") -> int:
    account = int(backstage.person(handle="clean"))
    assert backstage.submitted(account=account, language=language) == "cooling_off"
    return account


@pytest.mark.parametrize(("language", "scripts"), [("zh", True), ("en", False)])
def test_two_taps_without_sign_in_bring_the_account_back(
    visit: Any, backstage: Any, surroundings: dict[str, str], *, language: str, scripts: bool
) -> None:
    """R-CLO-12: the link shows, the button acts, twice is once; the token is in no later address, Referer or log."""
    account = cooling(backstage, language)
    visitor = visit(language=language, scripts=scripts)
    link = link_of(backstage, account, visitor.site)
    token = link.rpartition("/")[2]
    page = visitor.page
    page.goto(link)
    assert page.url == f"{visitor.site}/stop"
    assert backstage.state(account=account) == "cooling_off"
    assert page.locator("input:not([type=hidden])").count() == 0
    page.locator("main form button").click()
    assert backstage.state(account=account) == "withdrawal"
    assert page.locator("h1").inner_text() == {"zh": "账户已保留", "en": "The account stays"}[language]
    if scripts:
        assert faults_of(visitor, picture="account-stays") == []
    page.reload()
    assert page.locator("[role=status]").count() == 1
    for request in visitor.requests[1:]:
        assert token not in request.url
        assert token not in request.headers.get("referer", "")
    assert token not in (Path(surroundings["CLOSEOUT_DATA_DIR"]) / "serve.log").read_text()
    assert visitor.complaints == []


def test_each_bad_link_says_what_happened_and_what_to_do(visit: Any, backstage: Any, cast: Any) -> None:
    """Issue 5, bad input: expired 410, used 410, foreign 403, forged 404; in words, with a way on; nothing changes."""
    account = cooling(backstage)
    visitor = visit(language="en")
    page, good = visitor.page, link_of(backstage, account, visitor.site)

    def opened(address: str) -> tuple[int, str]:
        status = page.goto(address).status
        assert page.locator("main a.button").count() >= 1
        return status, page.locator("h1").inner_text()

    assert opened(f"{visitor.site}/stop") == (404, "Open the link from the message")
    assert opened(good[:-1]) == (404, "This link is not one of ours")
    assert opened(good + "AAAA") == (404, "This link is not one of ours")
    assert opened(f"{good}.")[0] == 200
    assert opened(f"{good}。")[0] == 200
    other = visit(language="en")
    other.sign_in(cast["messy", "en"])
    page, kept = other.page, page
    assert opened(good) == (403, "This link belongs to another account")
    page = kept
    expired = visitor.site + cast.link("closed", "en")
    assert opened(expired) == (410, "This link has expired")
    assert backstage.state(account=account) == "cooling_off"
    assert opened(good)[0] == 200
    backstage.withdrawn(account=account)
    assert opened(good) == (410, "This link was used")


def test_the_page_of_an_old_tab_acts_once_and_tells_the_truth(visit: Any, backstage: Any) -> None:
    """Issue 5, bad input: two tabs, a POST twice, a form without its proof."""
    account = cooling(backstage)
    visitor = visit(language="en")
    link = link_of(backstage, account, visitor.site)
    visitor.page.goto(link)
    second = visitor.context.new_page()
    second.goto(link)
    visitor.page.locator("main form button").click()
    second.locator("main form button").click()
    assert second.locator("h1").inner_text() == "The account stays"
    assert backstage.state(account=account) == "withdrawal"
    forged = visitor.context.request.post(f"{visitor.site}/stop", form={"x": "1"})
    assert forged.status == 403
    assert "too old" in forged.text()
    posted = visitor.context.request.post(link, max_redirects=0)
    assert (posted.status, posted.headers["location"]) == (303, "/stop")
    assert visitor.context.request.delete(f"{visitor.site}/stop").status == 403


def test_after_two_changes_of_mind_it_asks_to_sign_in_and_never_for_a_code(
    visit: Any, backstage: Any
) -> None:
    """R-CLO-12: a strong factor after two cancellations; still no message leads to a page that asks for a code."""
    account = int(backstage.person(handle="clean"))
    for _ in range(2):
        assert backstage.submitted(account=account) == "cooling_off"
        backstage.withdrawn(account=account)
        backstage.passed(days=0.02)
    assert backstage.submitted(account=account) == "cooling_off"
    visitor = visit(language="zh")
    page = visitor.page
    page.goto(link_of(backstage, account, visitor.site))
    assert page.locator("main form").count() == 0
    assert page.locator("input:not([type=hidden])").count() == 0
    assert page.locator("main a.button").first.get_attribute("href") == "/signin?next=/withdrawal"
    assert backstage.state(account=account) == "cooling_off"
    visitor.sign_in(account, then="/withdrawal")
    page.locator("main form .actions button").click()
    assert page.locator("#problems").count() == 1
    page.fill("#code_totp", "000000")
    page.locator("main form .actions button").click()
    assert page.locator("#error_totp").count() == 1
    assert backstage.state(account=account) == "cooling_off"
    backstage.passed(days=0.001)  # the code that submitted the application is used up
    page.fill("#code_totp", backstage.code(account=account, factor="totp"))
    page.locator("main form .actions button").click()
    page.wait_for_url("**/case")
    assert backstage.state(account=account) == "withdrawal"
