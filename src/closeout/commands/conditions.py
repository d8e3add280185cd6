"""``closeout conditions``: every condition of closing, as compliance reads it."""

from __future__ import annotations

import click

from closeout.commands import door


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the document closeout.conditions/1.")
@click.option("--lang", type=door.LANGUAGES, help="Language of the list.")
@click.option("--sql", "with_sql", is_flag=True, help="Show each condition's select as well.")
def conditions(as_json: bool, lang: str | None, with_sql: bool) -> None:
    """List every condition of closing: what must hold, who can end it, and why it exists."""
    from closeout.conditions.catalog import catalog, data_faults
    from closeout.conditions.document import conditions_document

    if as_json:
        door.emit(conditions_document())
        return
    spoken = door.language(lang)
    for one in (*catalog(), *data_faults()):
        click.echo(f"{one.code:<30} {one.met[spoken]}  [{', '.join(one.rows)}]")
        click.echo(f"{'':<30} {one.reason[spoken]}")
        click.echo(f"{'':<30} {one.remedy or (one.no_remedy or {}).get(spoken, '')}")
        if with_sql:
            click.echo("\n" + one.sql + "\n")
