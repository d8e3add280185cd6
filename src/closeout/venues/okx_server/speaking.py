"""How v5 speaks: envelopes, error codes with their HTTP status, strings for everything, pages newest first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
LIMIT_MAX = 100
EPOCH = datetime(1970, 1, 1)

MESSAGES: Mapping[str, str] = {
    "50011": "Too Many Requests",
    "50014": "Parameter {detail} can not be empty",
    "50101": "APIKey does not match current environment.",
    "50102": "Timestamp request expired",
    "50103": 'Request header "OK-ACCESS-KEY" cannot be empty',
    "50104": 'Request header "OK-ACCESS-PASSPHRASE" cannot be empty',
    "50105": 'Request header "OK-ACCESS-PASSPHRASE" incorrect.',
    "50106": 'Request header "OK-ACCESS-SIGN" cannot be empty',
    "50107": 'Request header "OK-ACCESS-TIMESTAMP" cannot be empty',
    "50110": "Your IP {detail} is not included in your API key's IP whitelist.",
    "50111": "Invalid OK-ACCESS-KEY",
    "50112": "Invalid OK-ACCESS-TIMESTAMP",
    "50113": "Invalid Sign",
    "50119": "API key doesn't exist",
    "50120": "This API key doesn't have permission to use this function",
    "51000": "Parameter {detail} error",
    "50002": "JSON syntax error",
    "50027": "The account is restricted from trading",
    "58129": "No such transfer",
}
STATUS: Mapping[str, int] = {"50011": 429, "50002": 400, **{str(code): 401 for code in range(50101, 50121)}}


class Refusal(Exception):
    """The server says no with an OKX code."""

    def __init__(self, code: str, detail: str = "", *, message: str | None = None) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, detail or "Operation failed").format(detail=detail)
        super().__init__(f"{code} {self.message}")


@dataclass(frozen=True)
class Answer:
    """Status and body of one response."""

    status: int
    body: bytes
    kind: str = "application/json"


def success(rows: Sequence[Row]) -> Answer:
    """Return the envelope of a success; an item that failed sets code 1 (all) or 2 (some)."""
    failed = [row for row in rows if row.get("sCode", "0") != "0"]
    code = "0" if not failed else "1" if len(failed) == len(rows) else "2"
    return _json(200, {"code": code, "data": list(rows), "msg": "" if code == "0" else "Operation failed."})


def refused(no: Refusal) -> Answer:
    """Return the envelope of a refusal; those about key, clock and rate have no ``data``, as at OKX."""
    status = STATUS.get(no.code, 200)
    said: dict[str, Any] = {"msg": no.message, "code": no.code}
    if status == 200:
        said["data"] = []
    return _json(status, said)


def nothing_there() -> Answer:
    """Return what OKX answers for a path that it does not know: a numeric code and an object."""
    return _json(404, {"code": 404, "data": {}, "detail": "Not Found", "msg": "Not Found"})


def _json(status: int, said: Mapping[str, Any]) -> Answer:
    return Answer(status, json.dumps(said, separators=(",", ":")).encode())


def shown(value: object) -> Any:
    """Write one value as v5 does: strings, ``""`` for nothing, milliseconds for times, flags as they are."""
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return value
    if isinstance(value, Decimal):
        said = f"{value:f}"
        said = said.rstrip("0").rstrip(".") if "." in said else said
        return "0" if said in ("-0", "") else said
    if isinstance(value, datetime):
        return str((value - EPOCH) // timedelta(milliseconds=1))
    return str(value)


def said(**fields: object) -> Row:
    """Build one row of an answer."""
    return {name: shown(value) for name, value in fields.items()}


def page(
    rows: Sequence[Row], params: Mapping[str, str], field: str | None, parameter: str = "after"
) -> list[Row]:
    """Cut one page out of ``rows``: newest first, older than ``after``, newer than ``before``, at most 100.

    Raises: Refusal for a limit or a cursor that is not a number, and for a limit of zero.
    """
    if field is None:
        return list(rows)
    limit = params.get("limit", "") or str(LIMIT_MAX)
    newer = "before" if parameter == "after" else "beginId"
    for name, value in (
        ("limit", limit),
        (parameter, params.get(parameter, "0")),
        (newer, params.get(newer, "0")),
    ):
        if not value.isascii() or not value.isdigit() or (name == "limit" and int(value) == 0):
            raise Refusal("51000", name)
    ordered = sorted(rows, key=lambda row: int(row[field] or 0), reverse=True)
    if params.get(parameter):
        ordered = [row for row in ordered if int(row[field]) < int(params[parameter])]
    if params.get(newer):
        ordered = [row for row in ordered if int(row[field]) > int(params[newer])]
    return ordered[: min(int(limit), LIMIT_MAX)]


def wall_clock() -> datetime:
    """Return this computer's time, naive UTC: what signatures and ``public/time`` go by."""
    return datetime.now(UTC).replace(tzinfo=None)
