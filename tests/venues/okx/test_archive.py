"""R-REC-1: the export of old bills is a job: twelve applications a day, restarts, links that expire."""

import io
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from closeout.venues.okx.archive import Archive, quarters, unpacked
from closeout.venues.okx.errors import Failure, Kind

NOW = datetime(2026, 11, 22, 4)
HEADER = (
    "\ufeffid,Order id,Time,Trade Type,Instrument,Type,Amount,Unit,PL,Fee,Position Change,Position Balance,"
    "Balance Change,Balance,Unit\n"
)


class Desk:
    """Prepares a file on the second question; refuses more than ``daily`` applications until told the day is over."""

    def __init__(self, daily: int = 12) -> None:
        self.left = daily
        self.applied: dict[str, int] = {}

    def call(self, endpoint: Any, params: Any) -> list[Any]:
        """Take an application or say how it stands. Raises: Failure."""
        quarter = params["year"] + params["quarter"]
        if endpoint.method == "POST":
            if not self.left:
                raise Failure(Kind.RETRY, "50011")
            self.left -= 1
            assert quarter not in self.applied, "OKX refuses a second application within 30 days"
            self.applied[quarter] = 0
            return [{"result": "true"}]
        self.applied[quarter] += 1
        state = "finished" if self.applied[quarter] > 1 else "ongoing"
        return [
            {"state": state, "fileHref": f"https://files.example/{quarter}" if state == "finished" else ""}
        ]


def file_of(link: str) -> bytes:
    quarter = link[-6:]
    row = f"{quarter},,2022-01-01 10:00:00,Spot,BTC-USDT,Buy,1,BTC,0,0,,,0.000000000000000001,1,BTC\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writing:
        writing.writestr("bills.csv", HEADER + row)
    return packed.getvalue()


def test_quarters_are_those_that_no_list_reaches() -> None:
    found = quarters(NOW)
    assert (found[0], found[-1], len(found)) == ("2021Q1", "2025Q4", 20)
    assert quarters(NOW, since=2025) == ["2025Q1", "2025Q2", "2025Q3", "2025Q4"]


def test_the_job_takes_days_survives_restarts_and_asks_for_nothing_twice(tmp_path: Path) -> None:
    desk, day = Desk(), timedelta(days=1)
    first = Archive(tmp_path, fetch=file_of).proceed(desk, now=NOW)
    assert (len(first.done), len(first.waiting), first.ready_at) == (0, 20, NOW + day + timedelta(hours=30))
    again = Archive(tmp_path, fetch=file_of).proceed(desk, now=NOW + timedelta(hours=1))
    assert len(again.done) == 12
    assert len(desk.applied) == 12
    desk.left = 12
    Archive(tmp_path, fetch=file_of).proceed(desk, now=NOW + day + timedelta(hours=1))
    last = Archive(tmp_path, fetch=file_of).proceed(desk, now=NOW + day + timedelta(hours=2))
    assert (len(last.done), last.waiting, last.ready_at) == (20, (), None)
    rows = list(Archive(tmp_path).ledger())
    assert [row["id"] for row in rows] == sorted(quarters(NOW))
    assert {row["amount"] for row in rows} == {Decimal("0.000000000000000001")}
    assert rows[0]["at"] == datetime(2022, 1, 1, 10)


def test_a_day_that_another_program_used_up_waits(tmp_path: Path) -> None:
    progress = Archive(tmp_path, fetch=file_of).proceed(Desk(daily=0), now=NOW)
    assert len(progress.waiting) == 20


class Scripted(Desk):
    """Answers the first questions about a quarter as told; then as ever."""

    def __init__(self, **said: list[Any]) -> None:
        super().__init__()
        self.said = said

    def call(self, endpoint: Any, params: Any) -> list[Any]:
        """Take an application again, or answer as told. Raises: Failure."""
        quarter = params["year"] + params["quarter"]
        if endpoint.method == "POST":
            self.applied.pop(quarter, None)
        elif told := self.said.get(f"q{quarter[-1]}"):
            answer = told.pop(0)
            if isinstance(answer, Failure):
                raise answer
            return [answer]
        return super().call(endpoint, params)


def test_what_okx_forgot_or_could_not_prepare_is_applied_for_again(tmp_path: Path) -> None:
    """A failed file, an application that OKX does not know, a dead link, and silence for thirty days."""
    silent = {"state": "ongoing", "fileHref": ""}
    desk = Scripted(
        q1=[{"state": "failed", "fileHref": ""}], q2=[Failure(Kind.OTHER, "51604")], q3=[silent] * 5
    )
    links: list[str] = []

    def fetch(link: str) -> bytes:
        links.append(link)
        if len(links) == 1:
            raise Failure(Kind.NETWORK, "403")
        return file_of(link)

    for hours in range(4):
        progress = Archive(tmp_path, fetch=fetch).proceed(desk, now=NOW + timedelta(hours=hours), since=2025)
    assert progress.done == ("2025Q1", "2025Q2", "2025Q4")
    assert progress.ready_at == NOW + timedelta(hours=30)
    for hours in range(3):
        late = NOW + timedelta(days=31, hours=hours)
        progress = Archive(tmp_path, fetch=fetch).proceed(desk, now=late, since=2025)
    assert progress.waiting == ()


@pytest.mark.parametrize("content", [b"<html>", b"", b"PK\x03\x04 cut", HEADER.encode() + b"1,2\n"])
def test_a_file_that_cannot_be_read_is_not_kept(tmp_path: Path, content: bytes) -> None:
    desk = Desk()
    Archive(tmp_path, fetch=lambda _: content).proceed(desk, now=NOW, since=2025)
    if content == b"":
        return  # an empty quarter
    with pytest.raises(Failure):
        Archive(tmp_path, fetch=lambda _: content).proceed(desk, now=NOW, since=2025)
    assert not list(tmp_path.glob("*.csv"))


def test_only_the_one_table_in_a_package_is_taken() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as writing:
        writing.writestr("a.csv", "x")
        writing.writestr("b.csv", "y")
    with pytest.raises(Failure):
        unpacked(packed.getvalue())
