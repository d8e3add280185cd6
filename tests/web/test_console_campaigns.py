"""R-OPS-3 in the console: where everybody is, and the orders that people may give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.web.test_console import agent


@pytest.mark.parametrize(("language", "width"), [("zh", 390), ("en", 1280)])
def test_a_campaign_is_followed_paused_and_resumed(
    visit: Any, backstage: Any, language: str, width: int
) -> None:
    account = backstage.person(handle="dust" if language == "zh" else "waiting")
    name = backstage.campaigned(name=f"exit-{language}", account=account)
    operator = agent(visit(language=language, width=width), backstage, "operator-1", "/console/campaigns")
    page = operator.page
    page.get_by_role("link", name=name).click()
    assert page.locator("h1").inner_text() == name
    assert page.locator("svg.bar").count() == 8
    if pictures := os.environ.get("WEB_PICTURES"):
        page.screenshot(path=Path(pictures) / f"campaign-{language}.png", full_page=True)
    page.locator("button[value=pause]").click()
    assert page.locator("button[value=resume]").is_visible()
    page.locator("button[value=resume]").click()
    assert page.locator("button[value=pause]").is_visible()
    assert operator.complaints == []


def test_support_sees_no_campaign(visit: Any, backstage: Any) -> None:
    """A role that has nothing to do with it is refused, also by address."""
    support = agent(visit(language="en", width=1280), backstage, "support-1", "/console/campaigns")
    assert "Your role does not include this" in support.page.content()
