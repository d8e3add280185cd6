"""Old trading bills: quarterly files that OKX prepares on application, twelve a day, in about thirty hours each.

A job in a folder: what was applied for, when, and the files that came. Each call goes on where the last one
stopped, so it survives restarts; it never waits itself. A link lives for 5.5 hours, so a file is fetched as soon as
it is named. Source: OKX API v5, account/bills-history-archive.
"""

from __future__ import annotations

import csv
import io
import json
import os
import urllib.error
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
PREPARING = timedelta(hours=30)
APPLICATION_LASTS = timedelta(days=30)  # the same quarter is not prepared a second time before
NOT_APPLIED = "51604"
LINK_OVER = frozenset({"403", "404", "410"})
Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class Progress:
    """How the job stands: quarters whose file is here, and those that are not, with the date to expect."""

    done: tuple[str, ...]
    waiting: tuple[str, ...]
    ready_at: datetime | None  # when the last file should be there; None if nothing is waiting


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
            if not _applied(job, quarter, now) and len(_today(job, now)) < DAILY_MAX:
                if not self._apply(wire, quarter):
                    break
                job[quarter] = now.isoformat()
                self._write(job)
            if quarter in job and not self._collect(wire, quarter):
                del job[quarter]  # OKX knows of no application, or could not prepare the file: apply again
                self._write(job)
        left = [one for one in wanted if not self._path(one).exists()]
        return Progress(tuple(one for one in wanted if one not in left), tuple(left), _ready(left, job, now))

    def _apply(self, wire: Wire, quarter: str) -> bool:
        try:
            wire.call(post("account/bills-history-archive"), {"year": quarter[:4], "quarter": quarter[4:]})
        except Failure as failed:
            if failed.kind is Kind.RETRY:
                return False  # the daily number is used up, perhaps by another program
            raise
        return True

    def _collect(self, wire: Wire, quarter: str) -> bool:
        """Fetch the file if it is ready; return whether the application still stands. Raises: Failure."""
        params = {"year": quarter[:4], "quarter": quarter[4:]}
        try:
            rows = wire.call(get("account/bills-history-archive"), params)
        except Failure as failed:
            if failed.code == NOT_APPLIED:
                return False
            raise
        for row in rows:
            link = str(row.get("fileHref") or "")
            if row.get("state") == "finished" and link:
                self._keep(quarter, link)
        return not any(row.get("state") == "failed" for row in rows)

    def _keep(self, quarter: str, link: str) -> None:
        try:
            content = unpacked(self._fetch(link))
        except Failure as failed:
            if failed.code in LINK_OVER:
                return  # the next question brings a new link
            raise
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


def _applied(job: Mapping[str, str], quarter: str, now: datetime) -> bool:
    return quarter in job and now - datetime.fromisoformat(job[quarter]) < APPLICATION_LASTS


def _ready(left: Sequence[str], job: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when the last of the missing files should be there."""
    if not left:
        return None
    rounds = -(-len([quarter for quarter in left if quarter not in job]) // DAILY_MAX)
    last = now + timedelta(days=rounds) if rounds else max(datetime.fromisoformat(job[one]) for one in left)
    return max(last + PREPARING, now)


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
    except urllib.error.HTTPError as wrong:
        wrong.close()
        raise Failure(Kind.NETWORK, str(wrong.code), "a link to a file") from None
    except OSError as wrong:
        raise Failure(Kind.NETWORK, "", type(wrong).__name__) from None
    return content
