"""Tell whether a link belongs to the exchange. Only the host decides; how a page looks says nothing.

Source: OKX API v5 documentation names the hosts below okx.com (www, my, app, eea, us, tr, aws, static). Every
name that OKX owns for holders ends in ``okx.com``; a link that does not is not taken for one.
"""

from __future__ import annotations

import ipaddress
import tomllib
import unicodedata
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlsplit

from closeout import lookalikes


@dataclass(frozen=True)
class Domain:
    """A domain that is the exchange's, hosts below it that its documents name, and where that is published."""

    name: str
    hosts: tuple[str, ...]
    source: str


def _load() -> tuple[Domain, ...]:
    said = tomllib.loads(resources.files(__package__).joinpath("domains.toml").read_text(encoding="utf-8"))
    return tuple(Domain(one["name"], tuple(one["hosts"]), one["source"]) for one in said["domain"])


DOMAINS = _load()
OFFICIAL = DOMAINS[0].name
BRANDS = ("okx", "okex", "oklink")


@dataclass(frozen=True)
class Verdict:
    """Whether a link is the exchange's, its true host, and every reason against it (by language)."""

    official: bool
    host: str
    reasons: tuple[dict[str, str], ...]


def _reason(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}


def judge(link: str) -> Verdict:
    """Judge one link or bare host name. Pure: nothing is opened or looked up."""
    said = link.strip()
    parts = urlsplit(said if "://" in said else f"https://{said}")
    try:
        raw = parts.hostname or ""
    except ValueError:
        raw = ""
    host = lookalikes.written_out(raw)
    reasons = [*_shape(parts.scheme, parts.netloc, raw), *_letters(host)]
    ascii_host = raw.isascii() and "xn--" not in raw
    official = ascii_host and any(raw == one.name or raw.endswith("." + one.name) for one in DOMAINS)
    if not official:
        reasons += _imitation(host)
        reasons.append(
            _reason(
                f"The host {raw or '?'} does not end in {OFFICIAL}.",
                f"域名 {raw or '?'} 不以 {OFFICIAL} 结尾。",
            )
        )
    return Verdict(official and not reasons, host, tuple(reasons))


def _shape(scheme: str, netloc: str, host: str) -> list[dict[str, str]]:
    reasons = []
    if "@" in netloc:
        reasons.append(
            _reason(
                "What stands before the @ is not the address.", "@ 之前的内容不是网址，真正的域名在 @ 之后。"
            )
        )
    if scheme != "https":
        reasons.append(_reason(f"It is {scheme}, not https.", f"协议是 {scheme}，不是 https。"))
    try:
        ipaddress.ip_address(host)
        reasons.append(_reason("It is a bare IP address.", "这是一个 IP 地址，不是域名。"))
    except ValueError:
        pass
    return reasons


def _letters(host: str) -> list[dict[str, str]]:
    found = []
    for letter in dict.fromkeys(one for one in host if not one.isascii()):
        name = unicodedata.name(letter, "UNNAMED")
        found.append(
            _reason(
                f"It holds {letter} (U+{ord(letter):04X}, {name}), which is not a Latin letter.",
                f"其中的 {letter}（U+{ord(letter):04X}，{name}）不是拉丁字母。",
            )
        )
    return found


def _imitation(host: str) -> list[dict[str, str]]:
    brand = lookalikes.imitated(host, BRANDS)
    if brand is None:
        return []
    return [
        _reason(
            f"It imitates the name {brand}: a common trick of look-alike sites.",
            f"它模仿了 {brand} 的名字，是仿冒网站的常见手法。",
        )
    ]
