"""Hosts named in a message: whatever is not the operator's own is told before the message is shown (R-SUP-9). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from closeout import lookalikes

# Letters of host names but Chinese, Japanese and Korean, which stand against a host without a space between.
LETTER = r"[^\W_\u2e80-\u9fff\u3040-\u30ff\uac00-\ud7af\uf900-\ufaff]"
LABEL = rf"{LETTER}(?:(?:{LETTER}|[-_])*{LETTER})?"
WORDS = """
com net org info biz io app dev xyz top site online shop club vip live pro finance exchange trade money fun icu world
link click win bet work store tech space website asia mobi name wallet digital cloud support help
"""
TOPS = frozenset(WORDS.split())
CHINESE = "中国|中國|公司|网络|網絡|网址|集团|商城|在线|中文网|我爱你"
HOST = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+]*://|www\.)?(?P<names>(?:{LABEL}\.)+)(?P<top>{LABEL})"
    rf"|(?P<chinese>[\w-]+\.(?:{CHINESE}))(?![\w])",
    re.IGNORECASE,
)
DEFANGED = re.compile(r"\s?[\[({]\s?(?:\.|dot|点)\s?[\])}]\s?", re.IGNORECASE)
DOT = re.compile(rf"(?<={LETTER})[。．｡․](?={LETTER})")


@dataclass(frozen=True)
class Foreign:
    """A host that is not the operator's. ``imitates``: the own domain that it could be taken for."""

    host: str
    imitates: str = ""


def foreign(text: str, own: Sequence[str]) -> list[Foreign]:
    """Return every host in ``text`` that is neither one of ``own`` nor below one, in order, each once."""
    strange = (host for host in hosts(text) if not any(_below(host, domain) for domain in own))
    return list(dict.fromkeys(Foreign(host, _imitated(host, own)) for host in strange))


def _below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def hosts(text: str) -> list[str]:
    """Return the hosts that ``text`` names, as links or bare, lower case; hidden characters and disguises undone."""
    shown = DOT.sub(".", DEFANGED.sub(".", lookalikes.visible(text)))
    return [
        found.group().lower() if found["chinese"] else _host(found)
        for found in HOST.finditer(shown)
        if _is_host(found)
    ]


def _host(found: re.Match[str]) -> str:
    return f"{found['names']}{found['top']}".lower()


def _is_host(found: re.Match[str]) -> bool:
    if found["chinese"] or found["scheme"]:
        return True
    top = found["top"]
    if lookalikes.plain(top) in TOPS or top.lower().startswith("xn--"):
        return True
    return len(top) == 2 and top.isalpha() and not found["names"][:-1].isdigit()


def _imitated(host: str, own: Sequence[str]) -> str:
    shown = lookalikes.written_out(host)
    for domain in own:
        name = lookalikes.plain(domain.split(".")[0])
        if lookalikes.plain(shown) == domain or domain in lookalikes.plain(shown):
            return domain
        if len(name) > 2 and lookalikes.imitated(shown, [name]):
            return domain
    return ""
