"""Quarterly files of trading bills: applied for, ready on the next question, fetched over a link without a key."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Mapping
from datetime import datetime

from closeout.venues.okx_server.books import Books
from closeout.venues.okx_server.ledger import trading_bills
from closeout.venues.okx_server.speaking import EPOCH, Answer, Refusal, Row, said
from closeout.venues.okx_server.writes import Body, Desk, one

COLUMNS = (
    "id",
    "Order id",
    "Time",
    "Trade Type",
    "Instrument",
    "Type",
    "Amount",
    "Unit",
    "PL",
    "Fee",
    "Position Change",
    "Position Balance",
    "Balance Change",
    "Balance",
    "Unit",
)
FOLDER = "/files/"
QUARTERS = {"Q1": 1, "Q2": 4, "Q3": 7, "Q4": 10}


class Shelf:
    """The files that were made, by the secret part of their link."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        """Keep a file and return its path."""
        name = secrets.token_urlsafe(16) + ".csv"
        self._files[name] = content
        return FOLDER + name

    def get(self, path: str) -> Answer | None:
        """Return the file at ``path``; ``None`` if there is none."""
        content = self._files.get(path.removeprefix(FOLDER))
        return None if content is None else Answer(200, content, "text/csv")


def _quarter(said_year: str, said_quarter: str) -> tuple[datetime, datetime]:
    if not said_year.isdigit() or said_quarter not in QUARTERS or not 2021 <= int(said_year) <= 2100:
        raise Refusal("51000", "year or quarter")
    year, month = int(said_year), QUARTERS[said_quarter]
    return datetime(year, month, 1), datetime(year + (month == 10), 1 if month == 10 else month + 3, 1)


def apply(desk: Desk, books: Books, body: Body) -> list[Row]:
    """Do ``POST account/bills-history-archive``."""
    year, quarter = one(body, "year"), one(body, "quarter")
    _quarter(year, quarter)
    desk.files.setdefault((books.account_id, year + quarter), books.now)
    return [said(result="true", ts=books.now)]


def fetch(desk: Desk, shelf: Shelf, books: Books, params: Mapping[str, str], base: str) -> list[Row]:
    """Answer ``GET account/bills-history-archive``: the link to a file that was applied for."""
    year, quarter = params.get("year", ""), params.get("quarter", "")
    first, after = _quarter(year, quarter)
    if (books.account_id, year + quarter) not in desk.files:
        raise Refusal("51000", message="Apply for the file first")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for bill in reversed(trading_bills(books, {})):
        if str(_stamp(first)) <= bill["ts"].zfill(13) < str(_stamp(after)):
            writer.writerow(
                [
                    bill["billId"],
                    bill["ordId"],
                    bill["ts"],
                    *_words(bill),
                    bill["balChg"],
                    bill["ccy"],
                    "0",
                    "0",
                    "",
                    "",
                    bill["balChg"],
                    bill["bal"],
                    bill["ccy"],
                ]
            )
    path = shelf.put(text.getvalue().encode("utf-8-sig"))
    return [said(fileHref=base + path, ts=books.now, state="finished")]


def _words(bill: Row) -> tuple[str, str, str]:
    """Return trade type, instrument and type in the words of the web's export."""
    bought = not bill["balChg"].startswith("-")
    if bill["type"] == "1":
        return "Transfer", "", "Transfer in" if bought else "Transfer out"
    if bill["type"] == "8":
        return "Perpetual", "", "Funding fee"
    if bill["instType"] == "SPOT":
        return "Spot", "", "Buy" if bought else "Sell"
    return "Perpetual", "CONTRACT", "Close"


def _stamp(at: datetime) -> str:
    return str(int((at - EPOCH).total_seconds() * 1000)).zfill(13)
