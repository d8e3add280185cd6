"""What is on its way: deposits, withdrawals, fiat; one pure function per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from closeout.facts.schema import Transfer
from closeout.venues.okx.seen import Seen
from closeout.venues.okx.values import Raw, Unreadable, amount, instant_or_none, text

DEPOSIT_FINAL = "2"
DEPOSIT_STUCK = frozenset(
    {"11", "12", "13", "14"}
)  # blacklist, frozen, intercepted, KYC limit: support ends it
WITHDRAWAL_FINAL = frozenset({"2", "-1", "-2"})
ASKED_MAX = 3  # of each list: the exchange answers one question about a transfer in two seconds
HONG_KONG = "+0800"
FIAT_FINAL = frozenset({"completed", "failed", "cancelled", "canceled", "rejected"})


def deposits(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``asset/deposit-history``: what is not final, plus stuck deposits, which only support ends."""
    for row in rows:
        state = text(row, "state")
        if state != DEPOSIT_FINAL:
            yield _transfer(
                seen,
                _deposit_number(row),
                "deposit",
                row,
                disputed=state in DEPOSIT_STUCK,
            )


def _deposit_number(row: Raw) -> str:
    return f"deposit-{text(row, 'depId', '') or text(row, 'txId')}"


def withdrawals(rows: Sequence[Raw], seen: Seen) -> Iterator[Transfer]:
    """Read ``asset/withdrawal-history``: every state that is not a documented end is in flight."""
    for row in rows:
        if text(row, "state") not in WITHDRAWAL_FINAL:
            yield _transfer(seen, _withdrawal_number(row), "withdrawal", row)


def _withdrawal_number(row: Raw) -> str:
    return f"withdrawal-{text(row, 'wdId')}"


def asked_deposits(rows: Sequence[Raw]) -> dict[str, dict[str, str]]:
    """Return what ``asset/deposit-withdraw-status`` is asked about deposits, by number. Raises: Unreadable."""
    names = ("txId", "ccy", "to", "chain")
    moving = [row for row in rows if text(row, "state") not in {DEPOSIT_FINAL, *DEPOSIT_STUCK}]
    known = [row for row in moving if all(text(row, name, "") for name in names)]
    return {_deposit_number(row): {name: text(row, name) for name in names} for row in known[:ASKED_MAX]}


def asked_withdrawals(rows: Sequence[Raw]) -> dict[str, dict[str, str]]:
    """Return what ``asset/deposit-withdraw-status`` is asked about withdrawals, by number. Raises: Unreadable."""
    moving = [row for row in rows if text(row, "state") not in WITHDRAWAL_FINAL]
    return {_withdrawal_number(row): {"wdId": text(row, "wdId")} for row in moving[:ASKED_MAX]}


def arrival(rows: Sequence[Raw]) -> datetime | None:
    """Read ``asset/deposit-withdraw-status``: when the transfer is expected to be over, in naive UTC.

    Raises: Unreadable. Source: OKX API v5 documentation: ``MM/dd/yyyy, h:mm:ss AM/PM`` in UTC+8, an estimate.
    """
    for row in rows:
        said = text(row, "estCompleteTime", "")
        if said:
            try:
                at = datetime.strptime(f"{said} {HONG_KONG}", "%m/%d/%Y, %I:%M:%S %p %z")
            except ValueError as wrong:
                raise Unreadable("field estCompleteTime is not a time") from wrong
            return at.astimezone(UTC).replace(tzinfo=None)
    return None


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
        expected_at=instant_or_none(row, "estCompletedTime") or seen.arrivals.get(number),
    )
