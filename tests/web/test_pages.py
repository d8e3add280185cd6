"""Every page: no axe violation, no overflow, no complaint of the browser, in both languages and both schemes."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT as AXE

WIDTHS = (320, 390, 768, 1280)
PUBLIC = ("/", "/signin", "/help", "/help?q=close+acount", "/help/codes", "/domains", "/preferences", "/dormant",
          "/closed", "/nothing-here")  # fmt: skip
SIGNED_IN = {
    "messy": ("/check", "/plan"),
    "clean": ("/check", "/records", "/passkey"),
    "waiting": ("/check",),
    "frozen": ("/check",),
    "applied": ("/application", "/verification", "/verification?without=1", "/mailbox", "/case"),
    "cooling": ("/case", "/withdrawal"),
    "paused": ("/case",),
    "closed": ("/case",),
    "withdrawn": ("/case",),
    "cleared": ("/clearing",),
}
ALL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SIGHT = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}}


@pytest.fixture(scope="session")
def cast(backstage: Any) -> dict[str, int]:
    """One account in every state that a page can show."""
    made = {"closed": backstage.person(handle="clean")}
    backstage.submitted(account=made["closed"])
    backstage.passed(days=8)
    assert backstage.reached(account=made["closed"], wanted="observation") == "observation"
    for name in ("messy", "frozen"):
        made[name] = backstage.person(handle=name)
    for name in ("clean", "applied", "cooling", "paused", "withdrawn"):
        made[name] = backstage.person(handle="clean")
    made["cleared"] = backstage.cleared(account=backstage.person(handle="keys"))
    made["waiting"] = backstage.person(handle="waiting")
    backstage.applied(account=made["applied"])
    for name in ("cooling", "paused", "withdrawn"):
        backstage.submitted(account=made[name])
    backstage.deposited(account=made["paused"])
    assert backstage.reached(account=made["paused"], wanted="pause") == "pause"
    backstage.withdrawn(account=made["withdrawn"])
    return made


def _violations(page: Any, options: dict[str, Any]) -> list[str]:
    """Run axe, put into the page once, and bring back what is wrong only: the rest is long."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    ask = "(options) => axe.run({...options, resultTypes: ['violations']}).then((said) => said.violations)"
    found = page.evaluate(ask, options)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", ["", *SIGNED_IN])
def test_pages_are_accessible_and_fit(visit: Any, cast: dict[str, int], who: str, language: str) -> None:
    """Issue 5: 0 axe violations in light and dark at 390 and 1280; nothing wider than the window at any width.

    Every rule runs once; the rules that depend on colours and sizes run in all four combinations.
    """
    visitor = visit(language=language, axe=True)
    page = visitor.page
    if who:
        visitor.sign_in(cast[who])
    wrong: list[str] = []
    for path in SIGNED_IN.get(who, PUBLIC):
        visitor.open(path)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 844})
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    wrong.append(f"{path} is wider than {width}")
                if width in (390, 1280):
                    options = ALL if (scheme, width) == ("light", 390) else SIGHT
                    wrong += [f"{path} {scheme} {width} {text}" for text in _violations(page, options)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_browser_has_nothing_to_complain_about(visit: Any, cast: dict[str, int], language: str) -> None:
    """Strict CSP with Trusted Types: 0 console errors on every page."""
    visitor = visit(language=language)
    for path in PUBLIC:
        visitor.open(path)
    for who, paths in SIGNED_IN.items():
        visitor.sign_in(cast[who])
        for path in paths:
            visitor.open(path)
    assert visitor.complaints == []


@pytest.mark.parametrize("path", ["/", "/check"])
def test_a_first_visit_is_light(visit: Any, cast: dict[str, int], path: str) -> None:
    """At most 40 KB over the wire and 6 requests, none to a third party."""
    visitor = visit()
    if path == "/check":
        first = visit()
        first.sign_in(cast["messy"])
        visitor.context.add_cookies(first.context.cookies())
    sizes: list[int] = []
    client = visitor.context.new_cdp_session(visitor.page)
    client.send("Network.enable")
    client.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    visitor.open(path)
    visitor.page.wait_for_load_state("networkidle")
    addresses = [request.url for request in visitor.requests if not request.url.startswith("data:")]
    assert len(addresses) <= 6, addresses
    assert all(address.startswith(visitor.site) for address in addresses)
    assert sum(sizes) <= 40 * 1024, sum(sizes)


def test_targets_of_the_main_path_are_large_enough(visit: Any, cast: dict[str, int]) -> None:
    """44 px in the main path, 24 px elsewhere (WCAG 2.2, 2.5.8)."""
    visitor = visit()
    visitor.sign_in(cast["messy"])
    heights = visitor.page.evaluate(
        "[...document.querySelectorAll('.button, .languages button, input[type=text]')]"
        ".filter((e) => e.offsetParent).map((e) => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    small = visitor.page.evaluate(
        "[...document.querySelectorAll('summary')].map((e) => e.getBoundingClientRect().height)"
    )
    assert min(small) >= 24
