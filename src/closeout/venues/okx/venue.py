"""OKX as a venue: facts from the holder's key, commands exactly once with receipts kept on this computer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from closeout.facts.duck import DuckFacts
from closeout.facts.engine import Engine
from closeout.venues.base import (
    RECORD_KINDS,
    Command,
    Destination,
    Holder,
    Quote,
    Receipt,
    ReceiptState,
    Rejected,
    Remedy,
    Unreachable,
)
from closeout.venues.okx import bills, history, leaving, redeeming, remedies
from closeout.venues.okx.declared import Answer
from closeout.venues.okx.desk import NOT_PERMITTED, Desk, Done
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.looking import Looked, look
from closeout.venues.okx.notices import noticed
from closeout.venues.okx.receipts import Intent, Receipts
from closeout.venues.okx.values import Unreadable, amount
from closeout.venues.okx.wire import Wire

UNDECIDED = frozenset({Kind.OUTCOME_UNKNOWN, Kind.RETRY, Kind.NETWORK})
FRESH_SECONDS = 5  # engines asked for in one breath share one look


class OkxVenue:
    """One OKX account behind a key. ``receipts_path``: the file of receipts; ``None``: in memory."""

    name = "okx"

    def __init__(
        self,
        wire: Wire,
        *,
        answers: Mapping[str, Answer] | None = None,
        destinations: Sequence[Destination] = (),
        receipts_path: Path | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.wire = wire
        self.answers = dict(answers or {})
        self._destinations = tuple(destinations)
        self._receipts = Receipts(receipts_path)
        self._clock = clock or _utc_now
        self._looked: Looked | None = None

    def close(self) -> None:
        """Close the file of receipts."""
        self._receipts.close()

    def now(self) -> datetime:
        """Return OKX's time as far as it was measured, naive UTC."""
        off = getattr(self.wire, "clock_off_ms", 0)
        return self._clock() - timedelta(milliseconds=off)

    def look(self, *, again: bool = False) -> Looked:
        """Look at the account, or return the look of a moment ago. Raises: Failure."""
        last = self._looked
        if again or last is None or self.now() - last.as_of > timedelta(seconds=FRESH_SECONDS):
            self._looked = last = look(self.wire, now=self.now(), answers=self.answers)
        return last

    def look_around(self) -> Looked:
        """Look at the account, and at what OKX announces. Raises: Failure."""
        return noticed(self.wire, self.look())

    def engine(self, accounts: Sequence[int]) -> Engine:  # noqa: ARG002 - a key sees its own accounts only
        """Return an engine over the facts of the key's account and its sub-accounts. Raises: Unreachable."""
        try:
            looked = self.look()
        except Failure as failed:
            raise Unreachable(str(failed)) from failed
        return DuckFacts.of(looked.facts, sources=looked.sources)

    def holder(self, account_id: int) -> Holder | None:  # noqa: ARG002 - OKX tells nobody's name
        """Return ``None``: OKX does not tell who holds an account."""
        return None

    def destinations(self, account_id: int) -> Sequence[Destination]:  # noqa: ARG002
        """Return the addresses that the holder named; OKX checks that each is in its address book."""
        return self._destinations

    def quote(self, commands: Sequence[Command]) -> Sequence[Quote]:
        """Say what each command would do now; moves nothing. Raises: Unreachable."""
        try:
            small = leaving.dust(self.wire) if any(one.kind is Remedy.CONVERT for one in commands) else None
            return [self._quote(command, small) for command in commands]
        except Failure as failed:
            raise Unreachable(str(failed)) from failed

    def _quote(self, command: Command, small: leaving.Dust | None) -> Quote:
        holder = self.look().holder
        if command.kind is Remedy.WITHDRAW:
            return leaving.quote_withdraw(self.wire, command, permitted=holder.can_withdraw)
        elsewhere = None if command.kind is Remedy.CONVERT else remedies.where(command, self.look())
        if elsewhere is not None:
            return Quote(command, possible=False, reason=elsewhere)
        if not holder.can_trade:
            return Quote(command, possible=False, reason=NOT_PERMITTED)
        if command.kind is Remedy.CONVERT:
            return self._quote_convert(command, small)
        if command.kind is Remedy.REDEEM:
            return redeeming.quote(Desk(self.wire, self.look(), f"quote {self.now()}"), command)
        return Quote(command, possible=True)

    def _quote_convert(self, command: Command, small: leaving.Dust | None) -> Quote:
        target = command.params.get("to_asset", "")
        if small is not None and command.asset in small.amounts and target in small.targets:
            return Quote(command, possible=True, proceeds_asset=target)
        try:
            said = leaving.quote_convert(Desk(self.wire, self.look(), f"quote {self.now()}"), command)
            price, got = amount(said, "cnvtPx"), amount(said, "quoteSz")
        except Rejected as no:
            return Quote(command, possible=False, reason=no.reason)
        except Failure as failed:
            if failed.kind in UNDECIDED:
                raise
            return Quote(command, possible=False, reason=leaving.reason_of(failed))
        return Quote(
            command, possible=True, price=price, price_at=self.now(), proceeds=got, proceeds_asset=target
        )

    def submit(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Receipt]:
        """Do each command once per key; small conversions go by fives. Raises: Unreachable, Rejected."""
        return [receipt for some in self.steps(commands) for receipt in some]

    def steps(self, commands: Sequence[tuple[str, Command]]) -> Iterator[Sequence[Receipt]]:
        """Do what :meth:`submit` does and answer after each command. Raises: Unreachable, Rejected."""
        try:
            self._convert_small([one for one in commands if one[1].kind is Remedy.CONVERT])
            for key, command in commands:
                yield [self._once(key, command)]
        except Failure as failed:
            raise Unreachable(str(failed)) from failed
        finally:
            self._looked = None

    def receipts(self, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Return the outcomes that are known; one that is not is looked up when its command comes again."""
        return self._receipts.settled(keys)

    def settle_unknown(self) -> int:
        """Look up every command that an earlier process sent without hearing the answer; return how many.

        One that OKX does not know was not done: its key is closed, and a new plan decides anew. Raises:
        Unreachable.
        """
        open_ = self._receipts.unsettled()
        try:
            for key, command in open_:
                known = self._receipts.find(key)
                assert isinstance(known, Intent)
                found = self._looked_up(Desk(self.wire, self.look(), key), command, known)
                if found is not None:
                    self._settle(key, found)
                else:
                    self._reject(key, "not_done", "")
        except Failure as failed:
            raise Unreachable(str(failed)) from failed
        return len(open_)

    def records(self, account_id: int, kind: str) -> Iterator[Mapping[str, Any]]:
        """Stream one kind of record, oldest first, as far back as OKX tells. Raises: Unreachable, ValueError."""
        if kind not in RECORD_KINDS and kind not in history.SHELVES:
            raise ValueError(f"unknown kind of record: {kind}")
        try:
            if account_id != self.look().holder.account_id:
                return
            rows = history.stream(self.wire, kind)
            yield from bills.entries(rows, history.bill_words(self.wire)) if kind == "ledger" else rows
        except Failure as failed:
            raise Unreachable(str(failed)) from failed

    def _once(self, key: str, command: Command) -> Receipt:
        known = self._receipts.find(key, command)
        if isinstance(known, Receipt):
            return known
        desk = Desk(self.wire, self.look(), key)
        if isinstance(known, Intent):
            found = self._looked_up(desk, command, known)
            if found is not None:
                return self._settle(key, found)
        self._receipts.intend(key, command, at=self.now())
        try:
            return self._settle(key, self._send(desk, command))
        except Rejected as no:
            return self._reject(key, no.reason, str(no))
        except Unreadable as wrong:
            raise Unreachable(f"OKX answered in an unknown form: {wrong}") from wrong
        except Failure as failed:
            if failed.kind in UNDECIDED:
                raise
            return self._reject(key, leaving.reason_of(failed), failed.detail)

    def _send(self, desk: Desk, command: Command) -> Done:
        if command.kind is Remedy.CONVERT:
            return leaving.convert(desk, command)
        if command.kind is Remedy.WITHDRAW:
            return leaving.withdraw(desk, command)
        return remedies.SEND.get(command.kind, remedies.in_app)(desk, command)

    def _looked_up(self, desk: Desk, command: Command, intent: Intent) -> Done | None:
        """Find out whether a command that was sent without an answer was done; ``None`` if it was not.

        Commands that are not here look at the item themselves before they act, so repeating them is safe.
        """
        if command.kind is Remedy.CONVERT:
            easy = (
                leaving.easily_converted(desk, command.asset or "", mark=intent.mark) if intent.mark else None
            )
            return easy or leaving.converted(desk, command)
        if command.kind is Remedy.WITHDRAW:
            return leaving.withdrawn(desk, command)
        if command.kind is Remedy.GATHER and desk.transferred():
            return Done()
        return None

    def _convert_small(self, commands: Sequence[tuple[str, Command]]) -> None:
        fresh = [(key, command) for key, command in commands if self._receipts.find(key, command) is None]
        if not fresh:
            return
        small = leaving.dust(self.wire)
        by_target: dict[str, dict[str, str]] = {}
        for key, command in fresh:
            target, asset = command.params.get("to_asset", ""), command.asset or ""
            limited = (
                "price_least" in command.params
            )  # OKX names no price for small balances: not the way for these
            if asset in small.amounts and target in small.targets and not limited:
                by_target.setdefault(target, {})[asset] = key
        chosen = dict(fresh)
        for target, keys in by_target.items():
            for group in leaving.groups(sorted(keys)):
                self._convert_group({asset: keys[asset] for asset in group}, chosen, target)

    def _convert_group(self, keys: Mapping[str, str], chosen: Mapping[str, Command], target: str) -> None:
        marks = leaving.last_easy(self.wire, list(keys))
        for asset, key in keys.items():
            self._receipts.intend(key, chosen[key], at=self.now(), mark=marks[asset])
        desk = Desk(self.wire, self.look(), next(iter(keys.values())))
        try:
            answers = leaving.easy_convert(desk, list(keys), target)
        except Failure as failed:
            if failed.kind in UNDECIDED:
                raise
            for key in keys.values():
                self._reject(key, leaving.reason_of(failed), failed.detail)
            return
        for asset, done in answers.items():
            if asset in keys:
                self._settle(keys[asset], done)

    def _settle(self, key: str, done: Done) -> Receipt:
        return self._receipts.settle(Receipt(key, done.state, self.now(), None, done.moved, done.notes))

    def _reject(self, key: str, reason: str, detail: str) -> Receipt:
        notes = {} if detail in ("", reason) else {"detail": detail}
        return self._receipts.settle(Receipt(key, ReceiptState.REJECTED, self.now(), reason, (), notes))


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
