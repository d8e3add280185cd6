"""When people answer: the hours of the office, and by when a message has its answer."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

HOURS = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


@dataclass(frozen=True)
class Office:
    """Open every day between two times of one zone; ``answer`` is the time that an answer takes while it is open."""

    opens: time
    closes: time
    zone: tzinfo
    answer: timedelta

    def is_open(self, at: datetime) -> bool:
        """Say whether somebody is there. ``at``: aware."""
        return self.opens <= at.astimezone(self.zone).time() < self.closes

    def answer_by(self, asked_at: datetime) -> datetime:
        """Return when a message of then has its answer; only open hours count. ``asked_at``: aware."""
        at, left = asked_at.astimezone(self.zone), self.answer
        while True:
            opens = datetime.combine(at.date(), self.opens, self.zone)
            closes = datetime.combine(at.date(), self.closes, self.zone)
            at = max(at, opens)
            if at < closes and left <= closes - at:
                return at + left
            left -= max(closes - at, timedelta(0))
            at = datetime.combine(at.date() + timedelta(days=1), self.opens, self.zone)


def office() -> Office:
    """Return the office of this installation: ``CLOSEOUT_OFFICE``, ``CLOSEOUT_ZONE``, ``CLOSEOUT_ANSWER_HOURS``.

    Raises: ValueError.
    """
    said = HOURS.fullmatch(os.environ.get("CLOSEOUT_OFFICE", "09:00-21:00"))
    if said is None:
        raise ValueError("CLOSEOUT_OFFICE must look like 09:00-21:00")
    opens, closes = time(int(said[1]), int(said[2])), time(int(said[3]), int(said[4]))
    hours = int(os.environ.get("CLOSEOUT_ANSWER_HOURS", "4"))
    if opens >= closes or hours < 1:
        raise ValueError("CLOSEOUT_OFFICE must open before it closes, CLOSEOUT_ANSWER_HOURS be at least 1")
    zone = ZoneInfo(os.environ.get("CLOSEOUT_ZONE", "Asia/Shanghai"))
    return Office(opens, closes, zone, timedelta(hours=hours))
