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
    ("dust", "/plan", "small-balances"),
    ("clean", "/application", "application"),
    ("cooling", "/case", "cooling-off"),
    ("talking", "/support", "support"),
    ("clean", "/protection", "protection"),
    ("cooling", "", "change-of-mind"),  # the link of a message
)
QUESTION = {
    "zh": "我有 3 笔挂单撤不掉，是不是因为网格机器人？",
    "en": "Three of my orders cannot be cancelled. Is it because of the grid bot?",
}
ANSWER = {
    "zh": "是的。先在自查页撤销机器人的密钥，挂单就能撤掉。"
    "我们只使用 closeout.example；closeout-example.com 是仿冒网站，请不要打开。",
    "en": "Yes. Revoke the bot's key in the self-check first; then the orders can be cancelled. "
    "We only use closeout.example; closeout-example.com is an imitation, do not open it.",
}


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
    accounts["dust"] = backstage.person(handle="dust")
    accounts["cooling"] = backstage.person(handle="clean")
    accounts["talking"] = backstage.person(handle="orders")
    backstage.asked(account=accounts["talking"], text=QUESTION[language])
    backstage.answered(account=accounts["talking"], text=ANSWER[language])
    backstage.submitted(account=accounts["cooling"], language=language)
    visitor = visit(language=language, width=width, scheme=scheme)
    links = [letter["link"] for letter in backstage.letters(account=accounts["cooling"]) if letter["link"]]
    for who, path, name in SHOTS:
        visitor.sign_in(accounts[who])
        visitor.open(path or "/stop/" + links[-1].split("/stop/")[1])
        screen = ("phone" if width < 500 else "desktop") + ("-dark" if scheme == "dark" else "")
        picture = place / f"{name}-{language}-{screen}.png"
        visitor.page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000
