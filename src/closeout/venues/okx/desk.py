"""What a remedy works with: the line, the last look, our number; and moving money between own wallets once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from closeout.venues.base import Moved, ReceiptState, Rejected
from closeout.venues.okx.endpoints import get, post
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.looking import Looked
from closeout.venues.okx.values import ZERO, Raw, amount, text
from closeout.venues.okx.wire import Wire

FUNDING, TRADING = "6", "18"
BATCH_MAX = 10  # algo orders and bots that one request may end
GONE = frozenset(
    {"51291", "51293", "51400", "51401", "51402", "51405", "51410", "51503", "51603"}
)  # filled, stopped or cancelled before
REASONS = {
    "58203": "address_not_verified", "58207": "address_not_verified", "58350": "insufficient",
    "58212": "minimum", "58215": "daily_limit", "51008": "insufficient", "58370": "over_limit",
    "52908": "minimum", "58226": "wrong_network", "58222": "wrong_network",
}  # fmt: skip
NOT_PERMITTED = "key_permission"


@dataclass
class Done:
    """What sending a command led to."""

    state: ReceiptState = ReceiptState.DONE
    moved: tuple[Moved, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Desk:
    """What a remedy works with: the line, the last look, and the name under which OKX can find it again."""

    wire: Wire
    looked: Looked
    key: str

    @property
    def client_id(self) -> str:
        """Return the client's number for OKX: 32 letters and digits that follow from the key."""
        return "c" + hashlib.sha256(self.key.encode()).hexdigest()[:31]

    def get(self, path: str, **params: str) -> list[Raw]:
        """Read one operation. Raises: Failure."""
        return list(self.wire.call(get(path), params))

    def post(self, path: str, body: Mapping[str, Any] | Sequence[Raw]) -> list[Raw]:
        """Send one write. Raises: Failure."""
        return list(self.wire.call(post(path), body))

    def items(
        self, path: str, body: Mapping[str, Any] | Sequence[Raw], *, gone: frozenset[str] = GONE
    ) -> None:
        """Send one write and look at each item of the answer. Raises: Failure, Rejected."""
        for row in self.post(path, body):
            code = text(row, "sCode", "0") or "0"
            if code != "0" and code not in gone:
                raise Rejected(REASONS.get(code, f"okx_{code}"), text(row, "sMsg", ""))

    def held(self, asset: str) -> Decimal:
        """Return what is available of ``asset`` in the funding account. Raises: Failure."""
        rows = self.get("asset/balances", ccy=asset)
        return sum((amount(row, "availBal") for row in rows if text(row, "ccy") == asset), ZERO)

    def transfer(
        self, asset: str, moved: Decimal, *, source: str, target: str, sub: str | None = None
    ) -> None:
        """Transfer once: a transfer that OKX knows under our number already is not sent again. Raises: Failure."""
        body = {
            "ccy": asset, "amt": f"{moved:f}", "from": source, "to": target, "clientId": self.client_id, "type": "0",
        }  # fmt: skip
        if sub is not None:
            body |= {"type": "2", "subAcct": sub}
        if not self.transferred():
            self.post("asset/transfer", body)

    def transferred(self) -> bool:
        """Say whether OKX knows our transfer and did not fail it. Raises: Failure."""
        try:
            rows = self.get("asset/transfer-state", clientId=self.client_id)
        except Failure as failed:
            if failed.kind in (Kind.OTHER, Kind.ABSENT):
                return False  # 58129 and the like: no such transfer
            raise
        return any(text(row, "state", "") in ("success", "pending") for row in rows)
