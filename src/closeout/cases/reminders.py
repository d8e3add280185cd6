"""When the holder is reminded during cooling-off: 24 hours in, 72 and 24 hours before the end."""

from __future__ import annotations

from datetime import datetime, timedelta

from closeout.lifecycle import Life, State
from closeout.policy import Policy


def next_at(life: Life, policy: Policy, *, after: datetime) -> datetime | None:
    """Return the next reminder later than ``after``, or None.

    Source: reminders of the policy page: at once (the receipt), +24 h, -72 h, -24 h.
    """
    if life.state is not State.COOLING_OFF or life.due_at is None:
        return None
    begun = life.due_at - timedelta(days=policy.cooling_off_days)
    moments = (
        begun + timedelta(hours=24),
        life.due_at - timedelta(hours=72),
        life.due_at - timedelta(hours=24),
    )
    coming = sorted(moment for moment in moments if after < moment < life.due_at)
    return coming[0] if coming else None
