"""The pictures of the docs come from the real pages, so that they are never stale: PICTURES names the place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

PLACE = os.environ.get("PICTURES", "")
SHOTS = (
    ("messy", "/check", "self-check"),
    ("messy", "/plan", "plan"),
    ("clean", "/application", "application"),
    ("cooling", "/case", "cooling-off"),
)


@pytest.mark.parametrize(
    ("language", "width", "scheme"), [("zh", 390, "light"), ("en", 1280, "light"), ("zh", 390, "dark")]
)
def test_pictures_can_be_taken(
    visit: Any, backstage: Any, tmp_path: Path, *, language: str, width: int, scheme: str
) -> None:
    """Issue 5: pictures in both languages, on a phone and a desktop, light and dark."""
    place = Path(PLACE) if PLACE else tmp_path
    place.mkdir(parents=True, exist_ok=True)
    accounts = {"messy": backstage.person(handle="messy"), "clean": backstage.person(handle="clean")}
    accounts["cooling"] = backstage.person(handle="clean")
    backstage.submitted(account=accounts["cooling"], language=language)
    visitor = visit(language=language, width=width, scheme=scheme)
    for who, path, name in SHOTS:
        visitor.sign_in(accounts[who])
        visitor.open(path)
        screen = ("phone" if width < 500 else "desktop") + ("-dark" if scheme == "dark" else "")
        picture = place / f"{name}-{language}-{screen}.png"
        visitor.page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000
