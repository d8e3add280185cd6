"""Every page in every state, in both languages: axe, widths, markup, policy, weight, at one visit each."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.looking import faults_of, markup_faults

PUBLIC = ("/", "/signin", "/help", "/help?q=close+acount", "/help?q=zzzz", "/help/codes", "/help/closing-fails",
          "/domains", "/preferences", "/dormant", "/stop", "/nothing-here", "/mandate", "/closed")  # fmt: skip
SIGNED_IN = {
    "": PUBLIC,
    "messy": ("/check", "/plan", "/case", "/support?about=closing", "/protection", "/help/identity_verified"),
    "dust": ("/plan",),
    "clean": ("/check", "/records", "/passkey", "/proof", "/certificate.pdf"),
    "waiting": ("/check",),
    "frozen": ("/check",),
    "kyc": ("/check", "/proof"),
    "applied": ("/application", "/verification", "/verification?without=1", "/mailbox", "/case"),
    "cooling": ("/case?received=1", "/withdrawal", "/stop/link"),
    "wavering": ("/withdrawal", "/stop/link"),
    "paused": ("/case",),
    "closed": ("/case", "/stop/link"),
    "withdrawn": ("/case", "/stop/link"),
    "scheduled": ("/case",),
    "reviewed": ("/case", "/proof", "/support"),
    "cleared": ("/clearing",),
    "talking": ("/support",),
    "lapse": ("/case", "/stop/link"),
    "refusal": ("/case",),
    "closing": ("/case", "/stop/link"),
    "erased": ("/case",),
}
PICTURED = {  # the pictures of the docs, by whom and where
    ("", "/"): "home", ("", "/help/closing-fails"): "help",
    ("messy", "/check"): "self-check", ("messy", "/plan"): "plan", ("messy", "/protection"): "protection",
    ("dust", "/plan"): "small-balances",
    ("clean", "/check"): "self-check-met",
    ("applied", "/application"): "application", ("applied", "/verification"): "verification",
    ("cooling", "/case?received=1"): "cooling-off", ("cooling", "/stop/link"): "change-of-mind",
    ("paused", "/case"): "paused", ("closed", "/case"): "closed", ("talking", "/support"): "support",
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", SIGNED_IN)
def test_pages_are_right(visit: Any, cast: Any, who: str, language: str) -> None:
    """Issue 5: 0 axe violations in light and dark at 390 and 1280; nothing wider than the window at any width.

    Valid markup; strict CSP with Trusted Types and 0 complaints of the browser.
    """
    visitor = visit(language=language)
    if who:
        visitor.sign_in(cast[who, language])
    wrong: list[str] = []
    for path in SIGNED_IN[who]:
        answer = visitor.open(cast.link(who, language) if path == "/stop/link" else path)
        name = PICTURED.get((who, path), f"{who or 'public'}{path.partition('?')[0].replace('/', '-')}")
        found = [*markup_faults(answer.body()), *faults_of(visitor, picture=name)]
        wrong += [f"{path}: {text}" for text in found]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ["/", "/check"])
def test_a_first_visit_is_light(visit: Any, cast: Any, path: str) -> None:
    """At most 40 KB over the wire and 6 requests, none to a third party."""
    visitor = visit()
    if path == "/check":
        first = visit()
        first.sign_in(cast["messy", "zh"])
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


def test_targets_of_the_main_path_are_large_enough(visit: Any, cast: Any) -> None:
    """44 px in the main path, 24 px elsewhere (WCAG 2.2, 2.5.8)."""
    visitor = visit()
    visitor.sign_in(cast["messy", "zh"], then="/check")
    heights = visitor.page.evaluate(
        "[...document.querySelectorAll('.button, .languages button, input[type=text]')]"
        ".filter((e) => e.offsetParent).map((e) => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    small = visitor.page.evaluate(
        "[...document.querySelectorAll('summary')].map((e) => e.getBoundingClientRect().height)"
    )
    assert min(small) >= 24
