"""The order of steps of a real closing, and where to tap for what no API does."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

from closeout.policy import Policy
from closeout.venues.okx.archive import DAILY_MAX, quarters


@dataclass(frozen=True)
class Step:
    """One step, by language; ``on``: the day that it waits for, see :func:`days`.

    ``trap``: doing it otherwise starts a new wait or loses something.
    """

    en: str
    zh: str
    on: str = "today"
    trap: bool = False

    def text(self, language: str) -> str:
        """Return the step in ``language`` (zh or en)."""
        return self.zh if language == "zh" else self.en


def steps() -> tuple[Step, ...]:
    """Return every step in order."""
    text = resources.files(__package__).joinpath("steps.toml").read_text(encoding="utf-8")
    return tuple(
        Step(one["en"], one["zh"], one.get("on", "today"), one.get("trap", False))
        for one in tomllib.loads(text)["step"]
    )


def days(
    now: datetime,
    policy: Policy,
    *,
    since: int,
    password_changed: datetime | None,
    factor_changed: datetime | None,
    locked_until: datetime | None,
) -> dict[str, datetime]:
    """Return the first day for each kind of step. All times naive UTC; ``None``: not in the way.

    ``records``: the last application for quarterly files, twelve a day. ``matured``: products are paid. ``closing``:
    the records are here, what was locked is paid, and no security change is younger than its waiting period.
    """
    batches = -(-len(quarters(now, since=since)) // DAILY_MAX)
    records = now + timedelta(days=max(batches - 1, 0))
    matured = max(now, locked_until or now)
    waits = [
        changed + timedelta(days=span)
        for changed, span in (
            (password_changed, policy.password_wait_days),
            (factor_changed, policy.factor_wait_days),
        )
        if changed is not None
    ]
    closing = max([records, matured, *waits])
    return {"today": now, "records": records, "matured": matured, "closing": closing}
