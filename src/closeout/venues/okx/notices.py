"""What OKX announces and what bears on leaving: maintenance, delisting of assets that are held, accounts at risk.

Notices are hints beside the report; no condition reads them, and one that cannot be read is named as such.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence

from closeout.facts.schema import Balance
from closeout.venues.okx.collecting import Looked
from closeout.venues.okx.endpoints import get
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.hidden import Residual
from closeout.venues.okx.values import Raw, Unreadable, flag, instant_or_none, parts, text
from closeout.venues.okx.wire import Wire

OVER = frozenset({"completed", "canceled"})
DELISTINGS = "announcements-delistings"
Read = Callable[[Sequence[Raw], Looked], Iterator[Residual]]


def maintenance(rows: Sequence[Raw], _: Looked) -> Iterator[Residual]:
    """Read ``system/status``: maintenance that is planned or runs. Raises: Unreadable."""
    for row in rows:
        if text(row, "state") not in OVER:
            begin, end = instant_or_none(row, "begin"), instant_or_none(row, "end")
            when = f"{begin:%Y-%m-%d %H:%M}" if begin else "?"
            until = f"{end:%H:%M}" if end else "?"
            yield _hint(
                None,
                f"maintenance of OKX from {when} to {until} (UTC): do not start anything large before it",
                f"OKX 将于 {when} 至 {until}（UTC）维护：此前不要发起大额操作",
                {"title": text(row, "title", ""), "href": text(row, "href", "")},
            )


def delistings(rows: Sequence[Raw], looked: Looked) -> Iterator[Residual]:
    """Read ``support/announcements``: delistings whose title names an asset that is held. Raises: Unreadable."""
    held = {
        row.asset
        for row in looked.facts["balance"]
        if isinstance(row, Balance) and row.available + row.locked
    }
    for row in rows:
        for one in parts(row, "details"):
            title = text(one, "title")
            for asset in sorted(held & set(re.findall(r"[A-Z0-9]{2,}", title))):
                yield _hint(
                    asset,
                    f"OKX announced a delisting that names {asset}: convert or withdraw it in time",
                    f"OKX 发布了涉及 {asset} 的下架公告：请及时兑换或提币",
                    {"title": title, "url": text(one, "url", "")},
                )


def risk(rows: Sequence[Raw], _: Looked) -> Iterator[Residual]:
    """Read ``account/risk-state``: borrowing that OKX may end by force. Raises: Unreadable."""
    if any(flag(row, "atRisk") for row in rows):
        yield _hint(
            None, "OKX says that this account is at risk of forced repayment: repay first",
            "OKX 提示账户有被强制还币的风险：请先还款", {"atRisk": "true"},
        )  # fmt: skip


ASKED: Sequence[tuple[str, dict[str, str], Read]] = (
    ("system/status", {}, maintenance),
    ("support/announcements", {"annType": DELISTINGS}, delistings),
    ("account/risk-state", {}, risk),
)


def noticed(wire: Wire, looked: Looked) -> Looked:
    """Return ``looked`` with what OKX announces; what is not offered on this host is left out."""
    hints, failures = list(looked.residuals), dict(looked.failures)
    for path, params, read in ASKED:
        try:
            hints += read(wire.call(get(path), params), looked)
        except Failure as failed:
            if failed.kind is not Kind.ABSENT:
                failures[path] = failed
        except (Unreadable, AttributeError, TypeError) as wrong:
            failures[path] = Failure(Kind.SHAPE, "", f"{path}: {wrong}")
    return dataclasses.replace(looked, residuals=tuple(hints), failures=failures)


def _hint(asset: str | None, en: str, zh: str, row: Raw) -> Residual:
    return Residual("balance", asset, None, en, zh, (row,))
