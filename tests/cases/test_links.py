"""Hosts that are not the operator's are told before a message is shown. R-SUP-9, hard case 58."""

from __future__ import annotations

import pytest

from closeout.cases import links

OWN = ("closeout.example",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://closeout.example/case and www.closeout.example", []),
        ("our own case.closeout.example is fine", []),
        ("go to https://evil.test/login now", ["evil.test"]),
        ("请访问okx-help.com查看", ["okx-help.com"]),
        ("发送到 help@gmail.com 即可。谢谢", ["gmail.com"]),
        ("closeout.example.evil.org", ["closeout.example.evil.org"]),
        ("hxxp is no scheme but evil[.]com and evil (dot) com are hosts", ["evil.com"]),
        ("dots of other widths: okx。com and okx．com", ["okx.com"]),
        ("hidden: ev\u200bil.com", ["evil.com"]),
        ("用完。com 是英文", []),
        ("the file report.pdf of 1.5 USDT, e.g. at 3.14", []),
        ("https://xn--clseout-l3a.example/", ["xn--clseout-l3a.example"]),
        ("例子.中国", ["例子.中国"]),
        ("https://closeout.example@evil.top/", ["closeout.example", "evil.top"]),
    ],
)
def test_foreign_hosts(text: str, found: list[str]) -> None:
    assert [one.host for one in links.foreign(text, OWN)] == [
        one for one in found if one != "closeout.example"
    ]


@pytest.mark.parametrize(
    "host",
    [
        "clоseout.example",  # a Cyrillic letter
        "сloseout.example",
        "closeоut.example",
        "cl0seout.example",
        "closeóut.example",
        "closeout-help.com",
        "closeouts.com",
        "c1oseout.net",
        "closeout.example.evil.com",
    ],
)
def test_imitations_name_what_they_imitate(host: str) -> None:
    (only,) = links.foreign(f"open https://{host}/ please", OWN)
    assert only.imitates == "closeout.example"


def test_other_hosts_imitate_nothing() -> None:
    (only,) = links.foreign("https://kernel.org", OWN)
    assert only.imitates == ""
