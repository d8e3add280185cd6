"""Old trading bills: quarterly files that OKX prepares on application, twelve a day, links for 5.5 hours.

A job in a folder: what was applied for, when, and the files that came. Each call goes on where the last one
stopped, so it survives restarts; it never waits itself. Source: OKX API v5, account/bills-history-archive.
"""

from __future__ import annotations

import csv
import io
import json
import os
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from closeout.venues.okx.endpoints import get, post
from closeout.venues.okx.errors import Failure, Kind
from closeout.venues.okx.history import from_file
from closeout.venues.okx.values import Unreadable
from closeout.venues.okx.wire import LOOPBACK, Wire

FIRST_YEAR = 2021
DAILY_MAX = 12
REACH = timedelta(days=365)  # account/bills-archive tells the last year without files
BYTES_MAX = 1 << 30
Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class Progress:
    """How the job stands: quarters whose file is here, and those that are not, with the date to expect."""

    done: tuple[str, ...]
    waiting: tuple[str, ...]
    ready_at: datetime | None  # when the last application can be made; None if nothing is waiting


def quarters(now: datetime, *, since: int = FIRST_YEAR) -> list[str]:
    """Return the quarters that only files tell, oldest first: those that began more than a year ago."""
    found = []
    for year in range(max(since, FIRST_YEAR), now.year + 1):
        for number in range(1, 5):
            ends = datetime(year + (number == 4), 1 if number == 4 else number * 3 + 1, 1)
            if datetime(year, number * 3 - 2, 1) < now - REACH and ends <= now:
                found.append(f"{year}Q{number}")
    return found


class Archive:
    """The job of one account in ``folder``."""

    def __init__(self, folder: Path, *, fetch: Fetch | None = None) -> None:
        self._folder = folder
        self._fetch = fetch or download
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def proceed(self, wire: Wire, *, now: datetime, since: int = FIRST_YEAR) -> Progress:
        """Apply for what may be applied for today, and fetch what is ready. Raises: Failure."""
        job = self._read()
        wanted = quarters(now, since=since)
        for quarter in (one for one in wanted if not self._path(one).exists()):
            if quarter not in job and len(_today(job, now)) < DAILY_MAX:
                if not self._apply(wire, quarter):
                    break
                job[quarter] = now.isoformat()
                self._write(job)
            if quarter in job:
                self._collect(wire, quarter)
        left = [one for one in wanted if not self._path(one).exists()]
        unapplied = [one for one in left if one not in job]
        ready_at = None if not left else now + timedelta(days=-(-len(unapplied) // DAILY_MAX))
        return Progress(tuple(one for one in wanted if one not in left), tuple(left), ready_at)

    def _apply(self, wire: Wire, quarter: str) -> bool:
        try:
            wire.call(post("account/bills-history-archive"), {"year": quarter[:4], "quarter": quarter[4:]})
        except Failure as failed:
            if failed.kind is Kind.RETRY:
                return False  # the daily number is used up, perhaps by another program
            raise
        return True

    def _collect(self, wire: Wire, quarter: str) -> None:
        params = {"year": quarter[:4], "quarter": quarter[4:]}
        for row in wire.call(get("account/bills-history-archive"), params):
            link = str(row.get("fileHref") or "")
            if row.get("state") == "finished" and link:
                content = unpacked(self._fetch(link))
                list(_rows(content, quarter))  # a file that cannot be read is not kept
                aside = self._path(quarter).with_suffix(".part")
                aside.write_bytes(content)
                aside.replace(self._path(quarter))

    def ledger(self) -> Iterator[Mapping[str, Any]]:
        """Yield the records in all files that are here, quarter by quarter. Raises: Failure."""
        for path in sorted(self._folder.glob("*.csv")):
            yield from _rows(path.read_bytes(), path.stem)

    def _path(self, quarter: str) -> Path:
        return self._folder / f"{quarter}.csv"

    def _read(self) -> dict[str, str]:
        try:
            said = json.loads((self._folder / "job.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(quarter): str(at) for quarter, at in said.items()}

    def _write(self, job: Mapping[str, str]) -> None:
        aside = self._folder / "job.part"
        with aside.open("w", encoding="utf-8") as file:
            json.dump(job, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._folder / "job.json")


def _today(job: Mapping[str, str], now: datetime) -> Sequence[str]:
    return [at for at in job.values() if datetime.fromisoformat(at) > now - timedelta(days=1)]


def _rows(content: bytes, quarter: str) -> Iterator[Mapping[str, Any]]:
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        yield from from_file(lines, f"bills {quarter}")
    except (Unreadable, UnicodeDecodeError, csv.Error) as wrong:
        raise Failure(Kind.SHAPE, "", f"file {quarter}: {wrong}") from None


def unpacked(content: bytes) -> bytes:
    """Return the one CSV inside ``content``, which may be a ZIP. Raises: Failure."""
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = [name for name in packed.namelist() if name.lower().endswith(".csv")]
            if len(names) != 1 or packed.getinfo(names[0]).file_size > BYTES_MAX:
                raise Failure(Kind.SHAPE, "", "a file that does not hold exactly one table")
            return packed.read(names[0])
    except zipfile.BadZipFile:
        raise Failure(Kind.SHAPE, "", "a damaged file") from None


def download(link: str) -> bytes:
    """Fetch a file over its link, without the key. Raises: Failure."""
    parts = urlsplit(link)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise Failure(Kind.SHAPE, "", "a link that is not https")
    try:
        with urllib.request.urlopen(link, timeout=120) as answer:  # noqa: S310 - the scheme was checked
            content: bytes = answer.read(BYTES_MAX)
    except OSError as wrong:
        raise Failure(Kind.NETWORK, "", type(wrong).__name__) from None
    return content
