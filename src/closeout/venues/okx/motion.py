"""What is on its way: deposits, withdrawals, fiat; one pure function per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from closeout.facts.schema import Transfer
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import Raw, amount, instant_or_none, text

DEPOSIT_FINAL = "2"
DEPOSIT_STUCK = frozenset(
    {"11", "12", "13", "14"}
)  # blacklist, frozen, intercepted, KYC limit: support ends it
WITHDRAWAL_FINAL = frozenset({"2", "-1", "-2"})
FIAT_FINAL = frozenset({"completed", "failed", "cancelled", "canceled", "rejected"})


def deposits(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``asset/deposit-history``: what is not final, plus stuck deposits, which only support ends."""
    for row in rows:
        state = text(row, "state")
        if state != DEPOSIT_FINAL:
            yield _transfer(
                seen,
                f"deposit-{text(row, 'depId', '') or text(row, 'txId')}",
                "deposit",
                row,
                disputed=state in DEPOSIT_STUCK,
            )


def withdrawals(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``asset/withdrawal-history``: every state that is not a documented end is in flight."""
    for row in rows:
        if text(row, "state") not in WITHDRAWAL_FINAL:
            yield _transfer(seen, f"withdrawal-{text(row, 'wdId')}", "withdrawal", row)


def fiat(kind: str) -> Callable[[Sequence[Raw], Seen], Iterator[Transfer]]:
    """Return the translation of a fiat order history; ``kind`` is fiat_in or fiat_out."""

    def translate(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
        for row in rows:
            if text(row, "state").lower() not in FIAT_FINAL:
                yield _transfer(seen, f"fiat-{text(row, 'ordId')}", kind, row)

    return translate


def purchases(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``fiat/buy-sell/history``: purchases and sales with fiat that are still being processed."""
    for row in rows:
        if text(row, "state").lower() not in FIAT_FINAL:
            yield Transfer(
                account_id=seen.account_id,
                transfer_id=f"fiat-{text(row, 'ordId')}",
                kind="fiat_in",
                asset=text(row, "toCcy"),
                amount=amount(row, "fillToAmt"),
                final=False,
                disputed=False,
                expected_at=None,
            )


def _transfer(seen: Seen, number: str, kind: str, row: Raw, *, disputed: bool = False) -> Transfer:
    return Transfer(
        account_id=seen.account_id,
        transfer_id=number,
        kind=kind,
        asset=text(row, "ccy"),
        amount=amount(row, "amt"),
        final=False,
        disputed=disputed,
        expected_at=instant_or_none(row, "estCompletedTime"),
    )
