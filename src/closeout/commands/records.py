"""``closeout certificate`` and ``closeout audit``: what remains, checked by anybody, mostly without a database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from closeout.commands import door

if TYPE_CHECKING:
    from closeout.records.certificate import Verification
    from closeout.records.signing import PublicKeys

KEYS_FILE = "public-keys.json"
PINNED = "CLOSEOUT_PUBLIC_KEYS"
NEAR = (
    "Note: the public keys lay beside the certificate ({path}) and may come from whoever made it; compare their "
    "fingerprint {sha256} with the one that the operator publishes."
)
SOURCES = {
    "named": ("公钥：{path}（指定），指纹 {sha256}", "Public keys: {path} (as named), fingerprint {sha256}"),
    "pinned": ("公钥：{path}（固定），指纹 {sha256}", "Public keys: {path} (pinned), fingerprint {sha256}"),
    "installed": ("公钥：本系统，指纹 {sha256}", "Public keys: of this installation, fingerprint {sha256}"),
    "beside": (
        "注意：公钥取自证明旁边的 {path}，可能与证明出自同一人；请将指纹 {sha256} 与平台公布的指纹比对。",
        NEAR,
    ),
}
SAID = {
    "malformed": ("这不是 closeout 出具的证明", "this is not a certificate of closeout"),
    "unknown_key": ("签名密钥不在所给的公钥之中", "it was signed by a key that is not among the public keys"),
    "altered": ("内容在签发之后被改动过", "it was changed after it was issued"),
}


@click.group()
def certificate() -> None:
    """Verify a certificate of closure, offline and without a database."""


@certificate.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--keys", type=click.Path(path_type=Path), help="public-keys.json, or the folder that holds it."
)
@click.option("--lang", type=door.LANGUAGES, help="Language of the answer.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON (schema closeout.verification/1).")
def verify(file: Path, keys: Path | None, lang: str | None, as_json: bool) -> None:
    """Say whether FILE (PDF, JSON, or the text of the QR code) is what the operator signed.

    Public keys are taken from --keys, else from the file that CLOSEOUT_PUBLIC_KEYS names, else from
    public-keys.json beside FILE, else from this installation; the answer says which. Keys that lie beside FILE may
    come from whoever made it: compare their fingerprint with the one that the operator publishes.
    Exit codes: 0 valid, 1 not valid, 2 the file or the keys cannot be read.
    """
    from closeout.records import certificate as certificates

    content = _read(file)
    trusted = _trusted(keys, file)
    found = certificates.verify(content, trusted.keys)
    if as_json:
        door.emit(
            {
                "schema": "closeout.verification/1",
                "file": str(file),
                "valid": found.valid,
                "form": found.form,
                "reason": found.reason,
                "detail": found.detail,
                "signed_by": found.signed_by,
                "statement": found.statement,
                "keys": {
                    "source": trusted.source,
                    "path": str(trusted.path),
                    "sha256": trusted.keys.fingerprint(),
                },
            }
        )
    else:
        click.echo(_sentence(found, door.language(lang)))
        click.echo(_trust(trusted, door.language(lang)), err=trusted.source == "beside")
    raise click.exceptions.Exit(door.DONE if found.valid else door.BLOCKED)


@certificate.command()
@click.argument("root", type=click.Path(path_type=Path))
def authority(root: Path) -> None:
    """Publish ROOT, the root certificate (PEM) of the time stamp authority that CLOSEOUT_TSA names."""
    from closeout.records import signing

    try:
        signing.KeyStore(_installed()).trust_authority(_read(root))
    except signing.KeysUnreadable as wrong:
        _usage(f"{root}: {wrong}; give the authority's root certificate as PEM.")
    click.echo(f"Published in {_installed() / 'public' / KEYS_FILE}; hand that file out again.")


def _sentence(found: Verification, language: str) -> str:
    zh = language == "zh"
    if not found.valid:
        why = SAID[found.reason or "malformed"][0 if zh else 1]
        return f"无效：{why}（{found.detail}）。" if zh else f"Not valid: {why} ({found.detail})."
    said = found.statement or {}
    number, closed = said.get("number", said.get("n")), said.get("closed_at", said.get("c"))
    if zh:
        return f"有效：证明 {number}，账户于 {closed} 注销，签名者 {found.signed_by}。"
    return f"Valid: certificate {number}, account closed at {closed}, signed by {found.signed_by}."


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as wrong:
        _usage(f"{file} cannot be read ({wrong.strerror}); name the certificate's PDF or JSON file.")


def _usage(sentence: str) -> NoReturn:
    raise click.UsageError(sentence)


@dataclass(frozen=True)
class Trusted:
    """The public keys that an answer rests on, and where they were found."""

    keys: PublicKeys
    source: str
    path: Path


def _trusted(named: Path | None, beside: Path) -> Trusted:
    """Return the public keys that were named, are pinned, lie beside the file, or are of this installation."""
    from closeout.records import signing

    pinned = os.environ.get(PINNED)
    near = beside.parent / KEYS_FILE
    if named:
        source, place = "named", named
    elif pinned:
        source, place = "pinned", Path(pinned)
    elif near.exists():
        source, place = "beside", near
    else:
        source, place = "installed", _installed()
    try:
        return Trusted(signing.read_public(place), source, place)
    except signing.KeysUnreadable as wrong:
        _usage(f"The public keys cannot be read ({wrong}); name the operator's {KEYS_FILE} with --keys.")


def _trust(trusted: Trusted, language: str) -> str:
    said = SOURCES[trusted.source][0 if language == "zh" else 1]
    return said.format(path=trusted.path, sha256=trusted.keys.fingerprint())


def _installed() -> Path:
    """Return where this installation keeps its public keys."""
    own = os.environ.get("CLOSEOUT_KEYS")
    if own is None:
        from closeout.cluster import data_dir

        own = str(data_dir() / "keys")
    return Path(own) / "signing"


@click.group()
def audit() -> None:
    """The audit log: is it whole, is it what was sealed."""


@audit.command(name="verify")
@click.option(
    "--keys", type=click.Path(path_type=Path), help="public-keys.json, or the folder that holds it."
)
@click.option("--case", help="Only the entries of this case, each by its own proof.")
@click.option("--database", help="Another database on the same server: closeout_demo after a demonstration.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON (schema closeout.audit-check/1).")
def verify_audit(keys: Path | None, case: str | None, database: str | None, as_json: bool) -> None:
    """Check every entry against the sealed tree and every checkpoint against its signature.

    Names each entry that was changed, is missing, was inserted or moved. Exit codes: 0 whole, 1 not whole,
    2 no keys, 4 no database.
    """
    from psycopg import errors

    from closeout import cluster
    from closeout.records import audit_check

    public = _trusted(keys, Path(KEYS_FILE).absolute()).keys
    url = cluster.ensure()
    url = cluster.with_name(url, database) if database else url
    try:
        with cluster.connect(url) as connection:
            report = audit_check.verify(connection, public.logs, subject=case)
    except errors.UndefinedTable:
        _usage("This database has no audit log yet; start closeout once, or name another with --database.")
    if as_json:
        door.emit(
            {
                "schema": "closeout.audit-check/1",
                "valid": report.valid,
                "entries": report.entries,
                "checkpoints": report.checkpoints,
                "unsealed": report.unsealed,
                "problems": [vars(problem) for problem in report.problems],
            }
        )
    else:
        for problem in report.problems:
            click.echo(f"{problem.kind} {problem.number}: {problem.detail}")
        state = "whole" if report.valid else "NOT whole"
        click.echo(
            f"The audit log is {state}: {report.entries} sealed entries, {report.checkpoints} checkpoints, "
            f"{report.unsealed} entries not sealed yet."
        )
    raise click.exceptions.Exit(door.DONE if report.valid else door.BLOCKED)


@audit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--keys", type=click.Path(path_type=Path), help="public-keys.json, or the folder that holds it."
)
def receipt(file: Path, keys: Path | None) -> None:
    """Check the receipt in FILE (audit-receipt.json of an archive), offline; print what it proves.

    Exit codes: 0 every entry is in the signed log, 1 not, 2 the file or the keys cannot be read.
    """
    from closeout.records import audit_receipt

    content, trusted = _read(file), _trusted(keys, file)
    try:
        entries = audit_receipt.check(content, trusted.keys.logs)
    except audit_receipt.BadReceipt as wrong:
        click.echo(f"Not proven: {wrong}.")
        raise click.exceptions.Exit(door.BLOCKED) from wrong
    for entry in entries:
        click.echo(f"{entry['at']}  {entry['event']}  {entry['actor']}")
    click.echo(f"{len(entries)} entries, each in the signed log.")
    click.echo(_trust(trusted, "en"), err=trusted.source == "beside")


@click.command()
@click.argument("note", type=click.Path(path_type=Path))
@click.option("--log", required=True, help="Verifier key of the log that is witnessed.")
@click.option(
    "--memory", required=True, type=click.Path(path_type=Path), help="Folder of the witness's key and memory."
)
@click.option("--name", default="witness.example", show_default=True, help="Name that the witness signs by.")
@click.option("--old", default=0, show_default=True, help="Size that was signed last.")
@click.option("--proof", multiple=True, help="Hashes of the consistency proof, base64, in order.")
def witness(  # noqa: PLR0917 - click passes them by name
    note: Path, log: str, memory: Path, name: str, old: int, proof: tuple[str, ...]
) -> None:
    """Cosign the checkpoint in file NOTE if it continues what was signed before; print the signature line.

    Run it where the operator has no hands. Exit codes: 0 signed, 1 refused, 2 the file cannot be read.
    """
    import base64
    from datetime import UTC, datetime

    from closeout.records import notes
    from closeout.records import witness as witnesses

    try:
        mine = witnesses.Witness(name, witnesses.key_in(memory), memory, logs=[log])
        proven = [base64.b64decode(part, validate=True) for part in proof]
    except (notes.BadNote, ValueError) as wrong:
        _usage(f"{wrong}; give the log's verifier key and the proof as the log's operator printed them.")
    try:
        line = mine.cosign(
            _read(note).decode(errors="replace"),
            old=old,
            proof=proven,
            at=datetime.now(UTC).replace(tzinfo=None),
        )
    except witnesses.NotCosigned as refused:
        click.echo(f"Not signed: {refused.reason} ({refused}).", err=True)
        raise click.exceptions.Exit(door.BLOCKED) from refused
    click.echo(f"verifier key of this witness: {mine.verifier()}", err=True)
    click.echo(line, nl=False)


@click.group()
def erasure() -> None:
    """Erasures: apply them again after a restore, look for what escaped."""


@erasure.command()
def reapply() -> None:
    """Apply every erasure that this database has not seen: after a backup was restored, before it serves."""
    from datetime import UTC, datetime

    from closeout.cases import start

    start.begin(behind=True)
    from closeout.cases import erasures

    again = erasures.reapply(now=datetime.now(UTC).replace(tzinfo=None))
    click.echo(
        f"{len(again)} erasures applied again." if again else "Nothing to apply: this database has seen all."
    )


@erasure.command()
@click.argument("words", type=click.File("r"))
@click.option(
    "--files", multiple=True, type=click.Path(path_type=Path, exists=True), help="Search these places too."
)
def scan(words: TextIO, files: tuple[Path, ...]) -> None:
    """Search every table for the WORDS in a file, one a line (- reads them from stdin, so that no shell keeps them).

    Exit codes: 0 nothing found, 1 found.
    """
    from closeout import cluster
    from closeout.records import traces

    needles = [line.strip() for line in words if line.strip()]
    try:
        with cluster.connect(cluster.ensure()) as connection:
            found = traces.in_tables(connection, needles) + traces.in_files(files, needles)
    except ValueError as wrong:
        _usage(f"{wrong}, one a line.")
    for trace in found:
        click.echo(f"{trace.place}: {trace.count}")
    click.echo("Something was found." if found else "Nothing was found.")
    raise click.exceptions.Exit(door.BLOCKED if found else door.DONE)


@erasure.command()
@click.option("--database", help="Another database on the same server.")
@click.option("--rows", default=1000, show_default=True, help="How many rows of each table to look into.")
def suggest(database: str | None, rows: int) -> None:
    """Name the columns that look personal, by their names and by what stands in them, and the rule that ends each.

    For tables of your own, too: a column without a rule is one that an erasure would forget. Exit codes: 0 every
    one has a rule, 1 some have none.
    """
    from closeout import cluster
    from closeout.cases import schedule
    from closeout.records import traces

    url = cluster.ensure()
    with cluster.connect(cluster.with_name(url, database) if database else url) as connection:
        places = {trace.place for trace in traces.contents(connection, sample=rows)}
        places |= set(traces.suggestions(connection))
    without = 0
    for place in sorted(places):
        rule = schedule.rule_of(place)
        without += rule is None
        click.echo(f"{place}: {rule or 'NO RULE'}")
    raise click.exceptions.Exit(door.BLOCKED if without else door.DONE)
