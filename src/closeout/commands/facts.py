"""``closeout facts``: the relations that conditions are asked of, and a check of an operator's own views."""

from __future__ import annotations

import click

from closeout.commands import door


@click.group()
def facts() -> None:
    """Show the relations of facts, check your own tables."""


@facts.command("schema")
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.facts/1.")
def schema_command(as_json: bool) -> None:
    """List relations and columns, with types and meaning."""
    from closeout.facts.schema import RELATIONS, columns

    if as_json:
        door.emit(
            {
                "schema": "closeout.facts/1",
                "relations": [
                    {
                        "name": name,
                        "meaning": (relation.__doc__ or "").strip(),
                        "retention": relation.retention,
                        "erasure": relation.erasure,
                        "columns": [
                            {"name": one.name, "type": one.type, "nullable": one.nullable, "key": one.key,
                             "personal": one.personal, "meaning": one.meaning}
                            for one in columns(relation)
                        ],
                    }
                    for name, relation in RELATIONS.items()
                ],
            }
        )  # fmt: skip
        return
    for name, relation in RELATIONS.items():
        click.echo(f"{name}: {(relation.__doc__ or '').strip()}")
        for one in columns(relation):
            null = " or null" if one.nullable else ""
            click.echo(f"  {one.name:<20} {one.type + null:<24} {one.meaning}")


@facts.command("check")
@click.option("--database-url", envvar="CLOSEOUT_DATABASE_URL", required=True, help="postgresql://…")
@click.option("--schema", "schema_name", default="facts", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.facts-check/1.")
def check_command(database_url: str, schema_name: str, as_json: bool) -> None:
    """Say which views are missing, have a wrong type, or read other accounts too.

    Exit code: 0 all is there, 1 something must change, 4 the database did not answer.
    """
    import psycopg

    from closeout.facts import mapping

    if not schema_name.isidentifier():
        raise click.UsageError(f"{schema_name!r} is no name of a schema")
    try:
        with psycopg.connect(database_url, connect_timeout=10) as connection:
            connection.read_only = True
            found = mapping.problems(connection, schema=schema_name)
    except psycopg.OperationalError as wrong:
        click.echo(f"The database did not answer: {str(wrong).strip().splitlines()[0]}", err=True)
        raise click.exceptions.Exit(door.UNREACHABLE) from None
    if as_json:
        listed = [vars(one) for one in found]
        door.emit({"schema": "closeout.facts-check/1", "usable": not found, "problems": listed})
    else:
        for one in found:
            click.echo(one.text)
        click.echo(f"{len(found)} to change" if found else "All relations are there.", err=True)
    raise click.exceptions.Exit(door.BLOCKED if found else door.DONE)
