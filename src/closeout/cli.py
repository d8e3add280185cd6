"""The door for a terminal. Commands are imported when they are used; ``--help`` imports none of them."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("closeout.commands.check:check", "Say what still blocks an account."),
    "clear": ("closeout.commands.clear:clear", "Clear what can be cleared, after a dry run."),
    "export": ("closeout.commands.export:export", "Take every record along, in one signed archive."),
    "close": ("closeout.commands.close:close", "Apply for closing, see how it stands, take it back."),
    "demo": ("closeout.commands.demo:demo", "Walk one messy account from blocked to closed, with proof."),
    "serve": ("closeout.commands.serve:serve", "Run the site, the worker and the database."),
    "worker": ("closeout.commands.serve:worker", "Move cases on: another worker beside the one of serve."),
    "people": ("closeout.commands.people:people", "List the seeded people and how to sign in as each."),
    "certificate": ("closeout.commands.records:certificate", "Verify a certificate of closure, offline."),
    "claim": ("closeout.commands.claim:claim", "Claim late value and statements of a closed account."),
    "identifier": ("closeout.commands.identifier:identifier", "May an address or number be used again."),
    "retention": (
        "closeout.commands.retention:retention",
        "What the law keeps; keep it longer by two people.",
    ),
    "erasure": (
        "closeout.commands.records:erasure",
        "Apply erasures again after a restore, look for traces.",
    ),
    "witness": (
        "closeout.commands.records:witness",
        "Cosign a checkpoint of the audit log, outside the operator.",
    ),
    "audit": ("closeout.commands.records:audit", "Check that the audit log is whole."),
    "venue": ("closeout.commands.venue:venue", "Check that a venue keeps its contract."),
    "facts": ("closeout.commands.facts:facts", "Show the relations of facts, check your own tables."),
    "policy": ("closeout.commands.policy:policy", "Check, propose and approve the operator's policy."),
    "campaign": ("closeout.commands.campaign:campaign", "Leave a market: plan, start, follow, end, report."),
    "screen": ("closeout.commands.screen:screen", "Check everybody: files, a lake or the live database."),
    "population": ("closeout.commands.screen:population", "Generate accounts to try screening on."),
    "conditions": ("closeout.commands.conditions:conditions", "List every condition of closing."),
    "okx": ("closeout.commands.okx:okx", "Your own OKX account, with your own key."),
    "db": ("closeout.cluster.commands:db", "Start, stop and find the embedded database."),
}


class Lazy(click.Group):
    """A group whose commands are imported only when they run; errors become sentences and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the journey."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a user's mistake or an answer of the business is a sentence, never a traceback."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as wrong:
            if ctx.params.get("debug"):
                raise
            from closeout.commands import door

            code, sentences = door.explain(wrong)
            for sentence in sentences:
                click.echo(f"closeout: {sentence}", err=True)
            raise click.exceptions.Exit(code) from wrong


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib import metadata

    click.echo(f"closeout {metadata.version('closeout')}, Python {sys.version.split()[0]}")
    click.echo("venue: " + os.environ.get("CLOSEOUT_VENUE", "sandbox"))
    click.echo(
        "database: " + ("CLOSEOUT_DATABASE_URL" if os.environ.get("CLOSEOUT_DATABASE_URL") else "embedded")
    )
    ctx.exit()


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
def main(debug: bool) -> None:
    """Close an account for good: check, clear, cool off, close, prove.

    Results go to stdout, progress to stderr. Exit codes: 0 closable or done, 1 blocked or refused, 2 usage,
    3 credentials or permission, 4 venue, database or network, 5 incomplete, 70 a fault of closeout itself.
    """


if __name__ == "__main__":
    main()
