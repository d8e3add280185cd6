"""One holder sees one account, whatever a query forgets: row-level security under the ORM (threat 35).

While a signed-in holder's page is made, the connection works as the role :data:`ROLE`, which owns nothing and cannot
bypass policies, and names the account in two settings. A table of the case file shows that role the rows of this
account and no others; without the settings it shows none. Worker, console and terminal keep the role that they
signed in with. docs/adr/0060 says why the settings last for a page and not for a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import Error, ProgrammingError, connection
from django.db.backends.signals import connection_created

from closeout.cluster.migrations import MigrationError

ROLE = "closeout_portal"
SCHEMAS = ("public", "facts", "audit", "sandbox")

OWN = (
    "venue = current_setting('closeout.venue', true)"
    " and account_id = nullif(current_setting('closeout.account', true), '')::bigint"
)
OWN_CASE = "case_id in (select id from cases_case)"  # which shows this role its own case only
OWN_RUN = "run_id in (select run_id from cases_clearingrun)"
OWN_MANDATE = "mandate_id in (select id from cases_mandate)"

OPEN: Mapping[str, str] = {
    "cases_policyversion": "select, insert",  # the operator's numbers
    "cases_policychange": "select",  # which of them are in force
    "cases_ratelimit": "select, insert, update",  # keys are hashed or numbers; nothing is shown from here
    "cases_totpstep": "select, insert, update",  # marks that only grow
}
SESSIONS = f"grant select, insert, update, delete on django_session to {ROLE}"  # named by a random key only
LOG: Mapping[str, str] = {"audit.epoch": "select", "audit.entry": "select, insert"}
"""The log is written by a page, and read only for the number of what was written."""

CLOSED = frozenset({"cases_staff"})  # of no holder, although somebody of the operator may be one

COLUMNS = """
select t.table_name, array_agg(c.column_name::text)
from information_schema.tables as t join information_schema.columns as c using (table_schema, table_name)
where t.table_schema = 'public' and t.table_type = 'BASE TABLE' and t.table_name like 'cases\\_%'
group by t.table_name order by t.table_name
"""
ROLE_MADE = """
do $$
begin
    if not exists (select from pg_roles where rolname = 'closeout_portal') then
        create role closeout_portal nologin noinherit;
    end if;
exception when duplicate_object or unique_violation then null; -- another process was faster
end $$
"""
MAY_BECOME = "select pg_has_role(current_user, 'closeout_portal', %s)"
OWN_WORD = 160000  # from here on, being a member and being allowed to become are two rights
GUARDED = "select tablename from pg_policies where schemaname = 'public' and policyname = 'own'"
NARROW = """
select set_config('closeout.venue', %s, false), set_config('closeout.account', %s, false),
    set_config('role', 'closeout_portal', false)
"""
WIDEN = """
select set_config('role', 'none', false), set_config('closeout.account', '', false),
    set_config('closeout.venue', '', false)
"""

_narrowed: ContextVar[tuple[str, str] | None] = ContextVar("narrowed", default=None)


def rule(table: str, columns: Sequence[str]) -> str | None:
    """Return which rows of ``table`` are the holder's own; None if it tells of no holder's account."""
    if table in CLOSED:
        return None
    if {"venue", "account_id"} <= set(columns):
        return OWN
    if "case_id" in columns:
        return OWN_CASE
    if "mandate_id" in columns:
        return OWN_MANDATE
    return OWN_RUN if "run_id" in columns else None


def prepare() -> None:
    """Make the role, its rights and the policies where they are missing; idempotent. Called after each migration.

    Raises: MigrationError where the role is missing and the database's user may not create or become it.
    """
    with connection.cursor() as cursor:
        try:
            _make_role(cursor)
        except ProgrammingError as refused:
            raise MigrationError(
                f"The role {ROLE} is missing and this user may not create it; create it once: "
                f"create role {ROLE} nologin; grant {ROLE} to the user of CLOSEOUT_DATABASE_URL."
            ) from refused
        cursor.execute(COLUMNS)
        tables = {name: rule(name, columns) for name, columns in cursor.fetchall()}
        cursor.execute(GUARDED)
        guarded = {name for (name,) in cursor.fetchall()}
        for name in sorted(tables.keys() - guarded):
            _guard(cursor, name, tables[name])
        _admit(cursor)


def _make_role(cursor: Any) -> None:
    """Create the role, and let this user become it; nothing is asked of the server where both is so already."""
    cursor.execute("select exists (select from pg_roles where rolname = %s)", [ROLE])
    if not cursor.fetchone()[0]:
        cursor.execute(ROLE_MADE)
    newer = connection.connection.info.server_version >= OWN_WORD
    cursor.execute(MAY_BECOME, ["set" if newer else "member"])
    if not cursor.fetchone()[0]:
        cursor.execute(f"grant {ROLE} to current_user")


def _guard(cursor: Any, table: str, own: str | None) -> None:
    if own is not None:
        cursor.execute(f"alter table {table} enable row level security")
        cursor.execute(f"create policy own on {table} to {ROLE} using ({own}) with check ({own})")
        cursor.execute(f"grant select, insert, update, delete on {table} to {ROLE}")
    elif table in OPEN:
        cursor.execute(f"grant {OPEN[table]} on {table} to {ROLE}")


def _admit(cursor: Any) -> None:
    """Let the role read facts, write the log, and count. What is granted already stays as it is."""
    cursor.execute(SESSIONS)
    cursor.execute("select nspname from pg_namespace where nspname = any(%s)", [list(SCHEMAS)])
    there = {name for (name,) in cursor.fetchall()}
    for schema in sorted(there):
        cursor.execute(f"grant usage on schema {schema} to {ROLE}")
        if schema in ("public", "audit"):
            cursor.execute(f"grant usage on all sequences in schema {schema} to {ROLE}")
    if "facts" in there:
        cursor.execute(f"grant select on all tables in schema facts to {ROLE}")
    if "sandbox" in there:
        # Functions in views run with the rights of who asks: facts read the time and the market of the sandbox.
        cursor.execute(f"grant select on sandbox.clock, sandbox.asset to {ROLE}")
    if "audit" in there:
        for table, rights in LOG.items():
            cursor.execute(f"grant {rights} on {table} to {ROLE}")


@contextmanager
def only(venue: str, account_id: int) -> Iterator[None]:
    """Show this thread's connection the rows of one account until the end of the block."""
    told = _narrowed.set((venue, str(account_id)))
    try:
        connection.ensure_connection()
        _say(NARROW, venue, str(account_id))
        yield
    finally:
        _narrowed.reset(told)
        try:
            _say(WIDEN)
        except Error:
            connection.close()  # it is broken, and must not serve anybody else


def _say(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _again(*, connection: Any, **_: Any) -> None:
    """Narrow a connection that is opened anew in the middle of a page. Receiver of ``connection_created``."""
    narrowed = _narrowed.get()
    if narrowed is not None and connection.alias == "default":
        with connection.cursor() as cursor:
            cursor.execute(NARROW, narrowed)


def watch() -> None:
    """Narrow connections that are opened anew as well; called once, when Django is set up."""
    connection_created.connect(_again, dispatch_uid="isolation")
