"""The audit log: appended, sealed, proven, and every alteration located. R-REC-6."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import errors
from tests.quiet import neighbours_finished

from closeout.records import audit, audit_check, merkle, notes

NOW = datetime(2026, 3, 1, 12)
LOG = "log.closeout.example"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFIERS = [notes.public_text(LOG, KEY.public_key().public_bytes_raw())]


def entry(number: int, event: str = "case:opened") -> audit.Entry:
    at = NOW + timedelta(seconds=number)
    return audit.Entry(
        subject=f"case:{number % 7}", event=event, actor="holder", at=at, details={"n": number}
    )


@pytest.fixture
def main(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database) as opened:
        yield opened


def write(connection: psycopg.Connection[Any], begin: int, end: int) -> list[int]:
    with connection.transaction(), connection.cursor() as cursor:
        return audit.append(cursor, [entry(number) for number in range(begin, end)])


def seal(connection: psycopg.Connection[Any], key: Ed25519PrivateKey = KEY) -> notes.Checkpoint | None:
    neighbours_finished(connection.info.dsn)
    with connection.transaction(), connection.cursor() as cursor:
        return audit.seal(cursor, name=LOG, key=key, at=NOW)


def check(connection: psycopg.Connection[Any]) -> audit_check.Report:
    with connection.transaction():
        return audit_check.verify(connection, VERIFIERS)


def found(connection: psycopg.Connection[Any]) -> set[tuple[str, int]]:
    return {(problem.kind, problem.number) for problem in check(connection).problems}


def as_superuser(connection: psycopg.Connection[Any], statement: str, *values: object) -> None:
    """Do what only somebody above the database's own rules can do."""
    with connection.transaction():
        connection.execute("alter table audit.entry disable trigger user")
        connection.execute("alter table audit.checkpoint disable trigger user")
        connection.execute(statement, values)
        connection.execute("alter table audit.entry enable trigger user")
        connection.execute("alter table audit.checkpoint enable trigger user")


@pytest.mark.parametrize(
    "statement",
    [
        "update audit.entry set event = 'case:closed'",
        "delete from audit.entry",
        "truncate audit.entry cascade",
        "update audit.checkpoint set size = 9",
        "delete from audit.checkpoint",
        "truncate audit.checkpoint",
    ],
)
def test_the_database_refuses_to_change_what_was_written(
    main: psycopg.Connection[Any], statement: str
) -> None:
    write(main, 0, 2)
    seal(main)
    with pytest.raises(errors.RestrictViolation, match="append-only"), main.transaction():
        main.execute(statement)


def test_sealing_in_batches_gives_the_tree_of_all_entries(main: psycopg.Connection[Any]) -> None:
    leaves, sizes = [], [1, 255, 1, 300, 513]
    begin = 0
    for size in sizes:
        write(main, begin, begin + size)
        leaves += [merkle.leaf_hash(entry(number).record()) for number in range(begin, begin + size)]
        begin += size
        sealed = seal(main)
        assert sealed is not None
        assert (sealed.size, sealed.root) == (begin, merkle.root(leaves))
    assert seal(main) is None, "nothing new, no checkpoint"
    report = check(main)
    assert report.valid
    assert (report.entries, report.checkpoints, report.unsealed) == (sum(sizes), len(sizes), 0)


def test_each_entry_has_a_proof_that_needs_no_database(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 600)
    seal(main)
    for number in (numbers[0], numbers[255], numbers[256], numbers[599]):
        with main.cursor() as cursor:
            proof = audit.prove(cursor, number)
        assert proof is not None
        head = notes.read_checkpoint(
            notes.open_note(proof.note, {LOG: KEY.public_key().public_bytes_raw()})[0]
        )
        leaf = merkle.leaf_hash(proof.record)
        assert merkle.included(leaf, proof.index, head.size, proof.path, head.root)


def test_an_older_checkpoint_is_proven_a_beginning_of_the_newer(main: psycopg.Connection[Any]) -> None:
    write(main, 0, 300)
    old = seal(main)
    write(main, 300, 900)
    new = seal(main)
    assert old is not None
    assert new is not None
    with main.cursor() as cursor:
        path = audit.prove_consistency(cursor, old.size)
    assert merkle.consistent(old.size, new.size, old.root, new.root, path)


def test_an_unsealed_entry_has_no_proof_yet(main: psycopg.Connection[Any]) -> None:
    (number,) = write(main, 0, 1)
    with main.cursor() as cursor:
        assert audit.prove(cursor, number) is None
        assert audit.latest(cursor) is None


def test_a_late_commit_is_neither_missed_nor_waited_for(main: psycopg.Connection[Any], database: str) -> None:
    """A transaction that began before the others and commits after the seal is in the next window."""
    with psycopg.connect(database) as slow:
        with slow.cursor() as cursor:
            late = audit.append(cursor, [entry(1000)])
        write(main, 0, 5)
        assert seal(main) is None, "entries behind a running transaction wait for it"
        slow.commit()
        write(main, 5, 7)
        sealed = seal(main)
    assert sealed is not None
    assert sealed.size == 8
    with main.cursor() as cursor:
        assert audit.prove(cursor, late[0]) is not None
    assert check(main).valid


def test_a_rolled_back_entry_leaves_no_gap_that_looks_like_a_deletion(main: psycopg.Connection[Any]) -> None:
    with main.transaction(force_rollback=True), main.cursor() as cursor:
        audit.append(cursor, [entry(0)])
    write(main, 1, 3)
    seal(main)
    assert check(main).valid


def test_a_changed_entry_is_named(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 700)
    seal(main)
    forged = entry(41, "case:erased").record()
    as_superuser(
        main, "update audit.entry set rec = %s, event = 'case:erased' where number = %s", forged, numbers[41]
    )
    assert found(main) == {("changed", numbers[41])}


def test_a_column_that_differs_from_its_record_is_named(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 10)
    seal(main)
    as_superuser(main, "update audit.entry set subject = 'case:99' where number = %s", numbers[3])
    assert found(main) == {("changed", numbers[3])}


def test_what_lies_in_different_blocks_is_sealed_and_checked_alike(main: psycopg.Connection[Any]) -> None:
    """Entries are read some thousands at a time; what is missing in one block shifts all that follow."""
    count = audit.BLOCK + 300
    numbers = write(main, 0, count)
    sealed = seal(main)
    assert sealed is not None
    assert sealed.root == merkle.root([merkle.leaf_hash(entry(number).record()) for number in range(count)])
    assert check(main).entries == count
    as_superuser(main, "delete from audit.entry where number in (%s, %s)", numbers[7], numbers[audit.BLOCK])
    as_superuser(main, "update audit.entry set rec = '' where number = %s", numbers[count - 1])
    gone = {("missing", numbers[7]), ("missing", numbers[audit.BLOCK])}
    assert found(main) == {*gone, ("changed", numbers[count - 1])}


def test_entries_are_read_in_linear_time_whatever_the_planner_believes(
    main: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner took a window that ends at the newest transaction for a few rows, and sorted all for each block."""
    count, block = 3000, 32
    monkeypatch.setattr(audit, "BLOCK", block)
    write(main, 0, count)
    main.commit()
    main.autocommit = True
    main.execute("vacuum analyze audit.entry")
    reading = (
        "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables"
        " where schemaname = 'audit' and relname like 'entry%'"
    )
    newest = main.execute("select max(xid)::text from audit.entry").fetchone()
    assert newest is not None
    with main.transaction(), main.cursor() as cursor:
        window = audit.blocks(cursor, audit.LEAVES, since=(1, 0), until=(1, int(newest[0]) + 1))
        assert sum(len(leaves) for (leaves,) in window) == count * 32
        (read,) = cursor.execute(reading.encode()).fetchone() or (0,)
        assert count <= read <= 4 * count
        assert cursor.execute("show enable_sort").fetchone() == ("on",)


def test_a_record_that_was_altered_to_look_like_two_is_named(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 3)
    seal(main)
    whole = entry(0).record() + b"\n\x00" + entry(1).record()
    as_superuser(main, "update audit.entry set rec = %s where number = %s", whole, numbers[0])
    as_superuser(main, "delete from audit.entry where number = %s", numbers[1])
    assert found(main) == {("changed", numbers[0]), ("missing", numbers[1])}


def test_a_log_that_lost_every_entry_is_named(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 3)
    seal(main)
    as_superuser(main, "delete from audit.entry")
    assert found(main) == {("missing", number) for number in numbers}


def test_a_forged_leaf_is_not_believed(main: psycopg.Connection[Any]) -> None:
    """The database hashes entries when they are written; checking hashes them itself."""
    numbers = write(main, 0, 3)
    as_superuser(main, "alter table audit.entry alter column leaf drop expression")
    as_superuser(main, "update audit.entry set leaf = sha256('x') where number = %s", numbers[1])
    seal(main)
    assert found(main) == {("changed", numbers[1])}


def test_missing_entries_are_named_and_nothing_else(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 700)
    seal(main)
    as_superuser(main, "delete from audit.entry where number in (%s, %s)", numbers[5], numbers[699])
    assert found(main) == {("missing", numbers[5]), ("missing", numbers[699])}


def test_an_inserted_entry_is_named(main: psycopg.Connection[Any]) -> None:
    write(main, 0, 700)
    seal(main)
    as_superuser(
        main,
        "insert into audit.entry (epoch, xid, subject, event, rec)"
        " select epoch, xid, 'case:5', 'case:opened', %s from audit.entry where number = 1",
        entry(5).record(),
    )
    assert found(main) == {("inserted", 701)}


def test_swapped_entries_are_named(main: psycopg.Connection[Any]) -> None:
    numbers = write(main, 0, 50)
    seal(main)
    as_superuser(
        main,
        "update audit.entry as a set rec = b.rec, subject = b.subject, event = b.event from audit.entry as b"
        " where (a.number, b.number) in ((%s, %s), (%s, %s))",
        numbers[1], numbers[2], numbers[2], numbers[1],
    )  # fmt: skip
    assert found(main) == {("changed", numbers[1]), ("changed", numbers[2])}


def test_a_moved_entry_is_found(main: psycopg.Connection[Any]) -> None:
    """Its transaction id is changed, nothing else: it now stands behind the others."""
    for begin in range(3):
        write(main, begin, begin + 1)
    seal(main)
    as_superuser(main, "update audit.entry set xid = '1' where number = 2")
    assert ("moved", 2) in found(main)


def test_a_changed_tile_is_told_from_a_changed_entry(main: psycopg.Connection[Any]) -> None:
    write(main, 0, 300)
    seal(main)
    with main.transaction():
        main.execute(
            "update audit.tile set hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) where level = 0"
        )
    assert ("tile", 300) in found(main)


def test_a_truncated_log_is_found(main: psycopg.Connection[Any]) -> None:
    write(main, 0, 10)
    seal(main)
    write(main, 10, 20)
    seal(main)
    as_superuser(main, "delete from audit.checkpoint where size = 10")
    assert ("checkpoint", 20) in found(main)


def test_a_checkpoint_signed_by_another_key_is_found(main: psycopg.Connection[Any]) -> None:
    write(main, 0, 10)
    assert seal(main, Ed25519PrivateKey.generate()) is not None
    assert found(main) == {("checkpoint", 10)}


def test_after_a_restore_a_new_epoch_keeps_the_order(main: psycopg.Connection[Any]) -> None:
    """Transaction ids start again in a restored database: entries with a much later id come first."""
    write(main, 0, 3)
    as_superuser(main, "update audit.entry set xid = (xid::text::bigint + 1000000)::text::xid8")
    with main.transaction(), main.cursor() as cursor:
        assert audit.open_epoch(cursor, NOW) == 2
    write(main, 3, 5)
    sealed = seal(main)
    assert sealed is not None
    assert sealed.root == merkle.root([merkle.leaf_hash(entry(number).record()) for number in range(5)])
    write(main, 5, 6)
    assert seal(main) is not None
    assert check(main).valid


@pytest.mark.parametrize("words", ["ada@example.org", "张伟", "Ada Lovelace", "+1 555"])
def test_personal_data_cannot_be_written(main: psycopg.Connection[Any], words: str) -> None:
    with main.cursor() as cursor, pytest.raises(audit.Personal):
        audit.append(
            cursor,
            [
                audit.Entry(
                    subject="case:1", event="case:opened", actor="holder", at=NOW, details={"x": words}
                )
            ],
        )


def test_an_event_is_a_subject_and_an_action() -> None:
    with pytest.raises(ValueError, match="subject:action"):
        audit.Entry(subject="case:1", event="opened", actor="holder", at=NOW).record()


def test_an_entry_has_one_spelling() -> None:
    assert entry(3).record() == (
        b'{"actor":"holder","at":"2026-03-01T12:00:03Z","details":{"n":3},"event":"case:opened",'
        b'"schema":"closeout.audit/1","subject":"case:3"}'
    )
