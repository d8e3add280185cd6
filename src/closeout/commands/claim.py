"""``closeout claim``: what a former holder may still have, with the certificate and their identity."""

from __future__ import annotations

from pathlib import Path

import click

from closeout.commands import door

SAY = {
    "name": {"en": "Name, as the account had it", "zh": "姓名（账户登记）"},
    "email": {"en": "E-mail address, as the account had it", "zh": "邮箱（账户登记）"},
    "document": {"en": "Number of the identity document", "zh": "证件号码"},
    "nothing": {"en": "{number}: nothing waits to be claimed.", "zh": "{number}：没有待申领的资产。"},
    "waits": {"en": "{number}: {amount} {asset} waits.", "zh": "{number}：{amount} {asset} 待申领。"},
    "paid": {"en": "{number}: {amount} {asset} paid out.", "zh": "{number}：已支付 {amount} {asset}。"},
    "saved": {"en": "Statements and tax files saved to {path}", "zh": "对账单与税务文件已保存到 {path}"},
}


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--pay", is_flag=True, help="Pay out what arrived after the account was closed.")
@click.option(
    "--statements", type=click.Path(path_type=Path), help="Save statements and tax files to this file."
)
@click.option("--lang", type=door.LANGUAGES, help="Language of the answer.")
def claim(certificate: Path, pay: bool, statements: Path | None, lang: str | None) -> None:
    """Show what arrived after the closing that CERTIFICATE (PDF or JSON) certifies; pay it out, save statements.

    Asks for name and e-mail address, or what the policy names, at the prompt, never in an argument.
    Exit codes: 0 done, 1 not proven.
    """
    from closeout.cases import start

    start.begin()
    from closeout.cases import claims, documents, policies, retained, venues

    language, now = door.language(lang), venues.now()
    asked = {"name": click.prompt(SAY["name"][language], err=True)}
    for proof in policies.in_force().claim_proof:
        asked[proof] = click.prompt(SAY[proof][language], err=True)
    case = claims.prove(certificate.read_bytes(), claims.Told(**asked), now=now)
    found = claims.pay(case, now=now) if pay else claims.waiting(case)
    for asset, amount in sorted(found.items()):
        line = SAY["paid" if pay else "waits"][language]
        click.echo(line.format(number=case.number, amount=f"{amount.normalize():f}", asset=asset))
    if not found:
        click.echo(SAY["nothing"][language].format(number=case.number))
    if statements is not None:
        pieces = retained.statements(case, now=now)
        documents.note_statements(case, way="terminal", now=now)
        with statements.open("wb") as file:
            file.writelines(pieces)
        click.echo(SAY["saved"][language].format(path=statements), err=True)
