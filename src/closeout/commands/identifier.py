"""``closeout identifier``: may an address or number be used again; that it is somebody else's now."""

from __future__ import annotations

import click

from closeout.commands import door

SAY = {
    "value": {"en": "E-mail address or phone number", "zh": "邮箱或手机号"},
    "free": {"en": "It may be used now.", "zh": "现在即可使用。"},
    "waits": {
        "en": "The same person may use it from {at:%Y-%m-%d %H:%M} UTC on.",
        "zh": "同一人可自 {at:%Y-%m-%d %H:%M} UTC 起使用。",
    },
    "told": {
        "en": "It belonged to {count} closed accounts; every relying party is told.",
        "zh": "它曾属于 {count} 个已注销账户；将通知每个信赖方。",
    },
}
KIND = click.Choice(["email", "phone"])


@click.group()
def identifier() -> None:
    """What a registration asks and tells about identifiers of closed accounts. They are typed, never arguments."""


def _begin() -> None:
    from closeout.cases import start

    start.begin()


@identifier.command()
@click.argument("kind", type=KIND)
@click.option(
    "--same-person/--another", required=True, help="Whether the new account is the former holder's."
)
@click.option("--lang", type=door.LANGUAGES)
def check(kind: str, same_person: bool, lang: str | None) -> None:
    """Say whether an identifier may be used for a new account. Exit codes: 0 now, 1 later.

    A number that its carrier gave to somebody else never blocks its new owner.
    """
    _begin()
    from closeout.cases import claims, venues

    language = door.language(lang)
    value = click.prompt(SAY["value"][language], err=True, hide_input=True)
    at = claims.usable_from(kind, value, same_person=same_person, now=venues.now())
    click.echo(SAY["waits"][language].format(at=at) if at else SAY["free"][language])
    raise click.exceptions.Exit(door.BLOCKED if at else door.DONE)


@identifier.command()
@click.argument("kind", type=KIND)
@click.option("--lang", type=door.LANGUAGES)
def recycle(kind: str, lang: str | None) -> None:
    """Tell the relying parties that an identifier of a closed account belongs to a new person. Twice is once."""
    _begin()
    from closeout.cases import signals, venues

    language = door.language(lang)
    value = click.prompt(SAY["value"][language], err=True, hide_input=True)
    click.echo(SAY["told"][language].format(count=signals.recycle(kind, value, now=venues.now())))
