"""The whole way, as people walk it: on a phone, without scripts, by keyboard, in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest

READING = 1.1  # seconds that the risk list must have been on the screen
WORDS = {"zh": "注销账户", "en": "close my account"}


def apply(visitor: Any, backstage: Any, account: int, language: str) -> None:
    """From the self-check to "received"."""
    page = visitor.page
    page.locator("main a.button").first.click()
    visitor.taps += 1
    visitor.screens += 1
    visitor.tick("input[name=points]")
    visitor.tick("#records_declined")
    visitor.type("#id_phrase", WORDS[language])
    page.wait_for_timeout(READING * 1000)
    page.locator("form button.stop").click()
    visitor.taps += 1
    visitor.screens += 1
    page.wait_for_url("**/verification")
    backstage.working()
    for factor in ("email", "sms", "totp"):
        visitor.type(f"#code_{factor}", backstage.code(account=account, factor=factor))
    page.locator("form button.stop").click()
    visitor.taps += 1
    visitor.screens += 1
    page.wait_for_url("**/case**")
    visitor.screens += 1


@pytest.mark.parametrize(("language", "scripts"), [("zh", True), ("en", False)])
def test_a_clean_account_goes_from_self_check_to_received_and_back(
    visit: Any,
    backstage: Any,
    *,
    language: str,
    scripts: bool,
) -> None:
    """R-CLO-2, 3, 4, 5: at most 4 screens, 5 taps, 4 fields; change of mind is 2 taps; also without scripts.

    Ticks of the risk list are not taps: each point is ticked by itself because R-CLO-2 demands it.
    """
    account = backstage.person(handle="clean")
    visitor = visit(language=language, scripts=scripts)
    visitor.enter(account)
    apply(visitor, backstage, account, language)
    assert visitor.screens <= 4
    assert visitor.taps <= 5
    assert visitor.fields <= 4
    assert backstage.state(account=account) == "cooling_off"
    assert visitor.page.locator("[role=timer]").inner_text().strip()
    visitor.taps = 0
    visitor.page.locator("main .actions a.button").first.click()
    visitor.page.locator("main form button.button").click()
    visitor.page.wait_for_url("**/case")
    assert backstage.state(account=account) == "withdrawal"
    assert visitor.complaints == []


def test_a_messy_account_is_cleared_by_two_taps_and_progress_is_live(visit: Any, backstage: Any) -> None:
    """R-CLR-1, R-CLR-3, R-CLR-5: plan, confirm; then item by item until only waits are left."""
    account = backstage.person(handle="messy")
    visitor = visit()
    visitor.enter(account)
    page = visitor.page
    before = page.locator("#clearable + span").inner_text()
    assert int(before) >= 6
    page.locator(".end a.button").click()
    assert page.locator("h1").inner_text() == "清理方案"
    page.locator("button[value=confirm]").click()
    page.wait_for_url("**/clearing")
    page.wait_for_selector("#progress a.button", timeout=60_000)
    assert page.locator("#progress .icon.go").count() > 20
    assert visitor.complaints == []
    page.goto(visitor.site + "/check")
    assert page.locator("#waiting").count() == 1
    assert re.search(r"\d{4}年", page.locator(".when").first.inner_text())
