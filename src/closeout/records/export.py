"""The archive that a holder takes along: every record as CSV, JSON and Parquet, with a signed manifest.

It is built kind by kind beside its target; each finished part stays, so that a build that was killed goes on
where it stopped. Nothing has the archive's name before it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from closeout.records import jws
from closeout.records.keys import sync_directory
from closeout.records.signing import KeyStore, PublicKeys, loads_public
from closeout.records.statement import Exported, canonical, moment

SCHEMA = "closeout.archive/1"
TYPE = "closeout-manifest+json"
MANIFEST, SIGNATURE, SUMS, KEYS = "manifest.json", "manifest.sig.json", "SHA256SUMS", "public-keys.json"
CHUNK = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # every member has the same date: equal content gives equal bytes
STORED = (".parquet", ".pdf")  # compressed already
LEDGER = "ledger"
LEVEL = 1  # Parquet is there for whoever wants it small

Rows = Iterable[Mapping[str, Any]]
Progress = Callable[[str, int], None]
Seen = dict[Path, tuple[str, int]]


class BadArchive(Exception):
    """The archive is not what was handed over. The message names the file."""


@dataclass(frozen=True)
class Archive:
    """A finished archive: its own hash, the files inside, the ledger's sum per asset."""

    path: Path
    bytes: int
    sha256: str
    files: tuple[Exported, ...]
    rows: Mapping[str, int]
    ledger_sums: tuple[tuple[str, str], ...]


def build(
    records: Callable[[str], Rows],
    kinds: Sequence[str],
    target: Path,
    *,
    account: str,
    made_at: datetime,
    keys: KeyStore,
    venue: str = "",
    extra: Mapping[str, Path] | None = None,
    progress: Progress | None = None,
) -> Archive:
    """Write the archive of one account to ``target`` in bounded memory, and return what it holds.

    With the ledger among ``kinds`` it holds a statement of account and tax files too.
    ``records(kind)`` streams one kind and gives the same rows when asked again; ``extra``: more files by
    their name inside; ``progress(kind, rows)`` is told after each kind. Called again after a crash with the
    same account and ``made_at`` (naive UTC) it keeps the parts that were finished. Raises: OSError (a full
    disk: nothing has the archive's name then), and whatever ``records`` raises.
    """
    parts = _parts(target, account=account, made_at=made_at)
    from closeout.records import tables  # heavy: pyarrow and duckdb

    rows = {}
    with tables.engine() as using:
        for kind in kinds:
            rows[kind] = _part(records, kind, parts, using)
            if progress:
                progress(kind, rows[kind])
        ledger = _ledger_sums(parts, using) if LEDGER in kinds else ()
    for name, source in (extra or {}).items():
        _place(parts / name, source)
    if LEDGER in kinds:
        _documents(parts, account=account, venue=venue or keys.name, made_at=made_at)
    seen: Seen = {}
    _finish(parts, seen, rows=rows, ledger=ledger, account=account, made_at=made_at, keys=keys)
    aside = target.with_name(f".{target.name}.partial")
    files = _zip(parts, aside, seen)
    sha256, size = _digest(aside)
    aside.replace(target)
    sync_directory(target.parent)
    shutil.rmtree(parts)
    return Archive(target, size, sha256, tuple(files), rows, ledger)


def _parts(target: Path, *, account: str, made_at: datetime) -> Path:
    """Return the directory of parts that belong to this very build; those of another are removed."""
    mark = hashlib.sha256(canonical([account, moment(made_at)])).hexdigest()[:16]
    mine = target.with_name(f".{target.name}.{mark}.parts")
    for other in target.parent.glob(f".{target.name}.*.parts"):
        if other != mine:
            shutil.rmtree(other)
    for folder in ("csv", "json", "parquet"):
        (mine / folder).mkdir(parents=True, exist_ok=True)
    return mine


def _part(records: Callable[[str], Rows], kind: str, parts: Path, using: Any) -> int:
    """Write the three files of one kind unless they are there; return the number of rows."""
    from closeout.records import tables  # heavy: pyarrow and duckdb

    done = parts / f".{kind}.rows"
    if done.exists():
        return int(done.read_text())
    files = {form: parts / form / f"{kind}.{form}" for form in ("csv", "json", "parquet")}
    aside = {form: path.with_name(f".{path.name}") for form, path in files.items()}
    count = tables.write_parquet(lambda: records(kind), aside["parquet"])
    with _disk():
        tables.derive(using, aside["parquet"], csv_to=aside["csv"], json_to=aside["json"])
    for form, path in files.items():
        aside[form].replace(path)
    write_whole(done, str(count).encode())
    return count


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """Let a disk that is full be an OSError also where another library writes. Raises: OSError."""
    import duckdb  # heavy

    try:
        yield
    except duckdb.IOException as wrong:
        full = errno.EFBIG if "too large" in str(wrong) else errno.ENOSPC
        raise OSError(full, f"{os.strerror(full)}: the records could not be written") from wrong


def _documents(parts: Path, *, account: str, venue: str, made_at: datetime) -> None:
    """Write the statement of account and the tax files, which are made from the parts."""
    from closeout.records import account_statement
    from closeout.records.tax import report

    ledger, fees = parts / "parquet" / f"{LEDGER}.parquet", parts / "parquet" / "fees.parquet"
    statement = parts / "statement.pdf"
    account_statement.write(ledger, statement, account=account, venue=venue, made_at=made_at)
    with contextlib.suppress(KeyError):  # a venue without entry numbers has no tax files, and says so by that
        report.write(ledger, fees if fees.exists() else None, parts / "tax", venue=venue)


def _place(path: Path, source: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    aside = path.with_name(f"{path.name}.aside")
    aside.write_bytes(content)
    aside.replace(path)


def _ledger_sums(parts: Path, using: Any) -> tuple[tuple[str, str], ...]:
    from closeout.records import tables

    totals = tables.sums(using, parts / "parquet" / f"{LEDGER}.parquet", by="asset", amount="amount")
    return tuple((asset, decimal_text(total)) for asset, total in totals.items())


def decimal_text(value: Decimal) -> str:
    """Return an amount without exponent and without trailing zeros."""
    shown = f"{value:f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in {"-0", ""} else shown


def _finish(
    parts: Path,
    seen: Seen,
    *,
    rows: Mapping[str, int],
    ledger: Sequence[tuple[str, str]],
    account: str,
    made_at: datetime,
    keys: KeyStore,
) -> None:
    """Write keys, manifest, its signature and the list of sums: each covers the ones before."""
    write_whole(parts / KEYS, keys.public().dumps().encode())
    listed = [
        _entry(parts, path, rows, seen)
        for path in _members(parts)
        if path.name not in {MANIFEST, SIGNATURE, SUMS}
    ]
    said = {
        "schema": SCHEMA,
        "account": account,
        "made_at": moment(made_at),
        "files": listed,
        "ledger_sums": dict(ledger),
    }
    manifest = (json.dumps(said, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    write_whole(parts / MANIFEST, manifest)
    kid, key = keys.jws_key()
    signature = jws.sign(manifest, kid, key, typ=TYPE)
    write_whole(parts / SIGNATURE, (json.dumps(signature, indent=2) + "\n").encode())
    names = [path for path in _members(parts) if path.name != SUMS]
    lines = [f"{_seen(path, seen)[0]}  {path.relative_to(parts).as_posix()}\n" for path in names]
    write_whole(parts / SUMS, "".join(lines).encode())


def _members(parts: Path) -> list[Path]:
    """Return every file that goes into the archive, in one order."""
    files = [path for path in parts.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted(files, key=lambda path: path.relative_to(parts).as_posix())


def _entry(parts: Path, path: Path, rows: Mapping[str, int], seen: Seen) -> dict[str, Any]:
    sha256, size = _seen(path, seen)
    entry: dict[str, Any] = {"name": path.relative_to(parts).as_posix(), "bytes": size, "sha256": sha256}
    if path.stem in rows and path.parent.name in {"csv", "json", "parquet"}:
        entry |= {"kind": path.stem, "rows": rows[path.stem]}
    return entry


def _digest(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size of a file."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256")
        return found.hexdigest(), file.tell()


def _seen(path: Path, seen: Seen) -> tuple[str, int]:
    """Return SHA-256 and size of a file of this build, read for that once."""
    if path not in seen:
        seen[path] = _digest(path)
    return seen[path]


def _zip(parts: Path, aside: Path, seen: Seen) -> list[Exported]:
    files = []
    with zipfile.ZipFile(aside, "w", allowZip64=True) as archive:
        for path in _members(parts):
            name = path.relative_to(parts).as_posix()
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            member.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(member, "w") as into:
                if member.compress_type == zipfile.ZIP_DEFLATED:
                    _compress_fast(into)
                shutil.copyfileobj(source, into, CHUNK)
            sha256, size = _seen(path, seen)
            files.append(Exported(name, size, sha256))
    return files


def _compress_fast(into: Any) -> None:
    """Let another library compress this member: the same format in a quarter of the time that zlib takes."""
    from isal import isal_zlib  # not on every way

    into._compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)  # noqa: SLF001


def verify(path: Path, keys: PublicKeys | None = None) -> dict[str, Any]:
    """Check every file of an archive against its signed manifest and return the manifest.

    Without ``keys`` those inside are used: that finds damage, not a forger. Raises: BadArchive, OSError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, keys)
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as wrong:
        raise BadArchive(f"{path.name} is truncated or damaged: {wrong}") from wrong


def _verify(archive: zipfile.ZipFile, keys: PublicKeys | None) -> dict[str, Any]:
    manifest = archive.read(MANIFEST)
    known = keys or loads_public(archive.read(KEYS).decode())
    try:
        signed = jws.check(json.loads(archive.read(SIGNATURE)), known.jwks, typ=TYPE)
    except jws.NotSigned as wrong:
        raise BadArchive(f"{MANIFEST}: {wrong}") from wrong
    if signed.payload != manifest:
        raise BadArchive(f"{MANIFEST} is not what was signed")
    said: dict[str, Any] = json.loads(manifest)
    expected = {entry["name"]: entry["sha256"] for entry in said["files"]}
    found = {name for name in archive.namelist() if name not in {MANIFEST, SIGNATURE, SUMS}}
    for name in sorted(expected.keys() ^ found):
        raise BadArchive(f"{name} is {'missing' if name in expected else 'not in the manifest'}")
    for name, sha256 in expected.items():
        with archive.open(name) as file:
            if _stream_digest(file) != sha256:
                raise BadArchive(f"{name} is not what was signed")
    return said


def _stream_digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := file.read(CHUNK):
        found.update(chunk)
    return found.hexdigest()
