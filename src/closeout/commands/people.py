"""``closeout people``: the seeded people of the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from closeout.commands import door

HOW = {
    "en": "Sign in: run closeout serve, open http://127.0.0.1:8000 and choose a person; here: --account NAME.\n"
    "Codes by e-mail and SMS arrive in {outbox}\n"
    "The authenticator app of a person shows: closeout people --authenticator NAME",
    "zh": "登录：运行 closeout serve，打开 http://127.0.0.1:8000 选择人物；在终端使用 --account 名称。\n"
    "邮箱和短信验证码写入 {outbox}\n"
    "查看某人的身份验证器验证码：closeout people --authenticator 名称",
}
AGENTS = {
    "en": "Agents of the console, http://127.0.0.1:8000/console/: {names}\n"
    "The second factor is always asked for: closeout people --authenticator support-1",
    "zh": "工作台 http://127.0.0.1:8000/console/ 的示例客服：{names}\n"
    "登录始终需要第二重验证：closeout people --authenticator support-1",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help='Print {"schema": "closeout.people/1", …}.')
@click.option("--lang", type=door.LANGUAGES, help="Language of the descriptions.")
@click.option(
    "--authenticator", metavar="NAME", help="Print the code that this person's authenticator app shows now."
)
def people(as_json: bool, lang: str | None, authenticator: str | None) -> None:
    """List the seeded people of the sandbox, what each shows, and how to sign in as each."""
    from closeout.cases import start

    start.begin()
    from closeout.cases import sandbox, staff, venues

    sandbox.prepare()
    now = datetime.now(UTC)
    agents = staff.seed(venue=venues.SANDBOX, now=now)
    if authenticator:
        agent = next((one for one in agents if one.name == authenticator), None)
        shows = (
            staff.authenticator(agent, now=now)
            if agent
            else sandbox.authenticator(door.account(authenticator))
        )
        click.echo(shows)
        return
    found = venues.sandbox().people()
    language = door.language(lang)
    if as_json:
        shown = [
            {"handle": person.handle, "account_id": person.account_id, "name": person.name,
             "language": person.language, "about": dict(person.about)}
            for person in found
        ]  # fmt: skip
        work = [{"name": one.name, "role": one.role} for one in agents]
        door.emit(
            {"schema": "closeout.people/1", "outbox": str(sandbox.outbox()), "people": shown, "agents": work}
        )
        return
    for person in found:
        click.echo(f"{person.handle:16} {person.account_id:<12} {person.about[language]}")
    click.echo("\n" + HOW[language].format(outbox=sandbox.outbox()))
    click.echo("\n" + AGENTS[language].format(names=" ".join(one.name for one in agents)))
