"""``closeout close``: apply for closing, see how it stands, take it back."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

import click

from closeout.commands import door

if TYPE_CHECKING:
    from closeout.cases.models import Case

SAY = {
    "risk": {"en": "Read this and accept it point by point.", "zh": "请逐条阅读并确认。"},
    "accept": {"en": "I have read and accept this", "zh": "我已阅读并接受"},
    "records": {
        "en": "Your records are built before the account is closed and can be downloaded for a long time. "
        "Type 'download' to save them now, or 'decline'",
        "zh": "注销前请保存你的记录。输入 download 现在下载，或输入 decline 表示不需要",
    },
    "saved": {"en": "Records saved to {path}", "zh": "记录已保存到 {path}"},
    "code": {"en": "Code from {factor}", "zh": "{factor}验证码"},
    "sent": {
        "en": "Codes were sent. For the seeded people they are in {outbox}",
        "zh": "验证码已发送。示例人物的验证码在 {outbox}",
    },
    "state": {"en": "{number}: {title}{due}", "zh": "{number}：{title}{due}"},
    "due": {"en": " until {at}", "zh": "，至 {at}"},
    "stopped": {"en": "Nothing was submitted.", "zh": "没有提交任何内容。"},
}  # fmt: skip


@click.command()
@click.argument("action", type=click.Choice(["apply", "status", "withdraw"]), default="apply")
@click.option(
    "--account", "named", required=True, help="Number of the account, or the handle of a seeded person."
)
@click.option("--json", "as_json", is_flag=True, help='Print {"schema": "closeout.case/1", …}.')
@click.option("--lang", type=door.LANGUAGES, help="Language of the risk list, the letters and the answers.")
@click.option("--records", type=click.Choice(["download", "decline"]), help="What to do about your records.")
@click.option("--accept-risks", is_flag=True, help="Accept every point of the risk list as printed.")
def close(  # noqa: PLR0917 - Click passes options by name
    action: str, named: str, as_json: bool, lang: str | None, records: str | None, accept_risks: bool
) -> None:
    """Apply for closing (asks for codes), see how the application stands, or withdraw it.

    Codes are asked for at the prompt; for scripts they may stand in CLOSEOUT_CODE_EMAIL, CLOSEOUT_CODE_SMS
    and CLOSEOUT_CODE_TOTP, never in an argument.
    """
    from closeout.cases import start

    start.begin()
    from closeout.cases import operations, queries, venues
    from closeout.reasons import refuse

    language = door.language(lang)
    account = door.account(named)
    if action == "apply":
        case = _apply(account, language, records=records, accept_risks=accept_risks)
    else:
        found = queries.case_of(account, venue=venues.SANDBOX)
        if found is None:
            raise refuse("no_application")
        case = found
        if action == "withdraw":
            operations.withdraw(case, actor=operations.HOLDER, now=venues.now())
    _work()
    case.refresh_from_db()
    _show(case, language, as_json=as_json)


def _work() -> None:
    """Send what is to be sent now, so that a terminal works without a worker beside it."""
    from closeout.cases import venues
    from closeout.cases.worker import run_until_idle

    run_until_idle(now=venues.now())


def _apply(account: int, language: str, *, records: str | None, accept_risks: bool) -> Case:
    from closeout.cases import applications, codes, policies, queries, sandbox, venues
    from closeout.lifecycle import State

    case = queries.open_case_of(account, venue=venues.SANDBOX)
    if case is None or case.state != State.APPLICATION:
        case = applications.open_case(account, venue=venues.SANDBOX, language=language, now=venues.now())
    report = queries.reports([case], now=venues.now()).get(account)
    applications.demand_possible(report, now=venues.now())
    _consent(case, language, accepted=accept_risks)
    _records(case, language, records)
    policy = policies.of_version(case.policy_id)
    codes.send(case, *policy.verification, now=venues.now())
    _work()
    click.echo(SAY["sent"][language].format(outbox=sandbox.outbox()), err=True)
    for factor in policy.verification:
        _confirm(case, factor, language)
    applications.submit(case, now=venues.now())
    return case


def _consent(case: Case, language: str, *, accepted: bool) -> None:
    from closeout.cases import applications, consent, policies, venues

    shown = applications.show_consent(case, language=language, now=venues.now())
    click.echo(SAY["risk"][language])
    policy = policies.of_version(case.policy_id)
    for _, text in consent.points(policy, language):
        click.echo(f"  • {text}")
        if not accepted and not click.confirm(f"    {SAY['accept'][language]}"):
            click.echo(SAY["stopped"][language])
            raise click.exceptions.Exit(door.BLOCKED)
    _let_read(shown.shown_at, policy.consent_reading_seconds)
    every = [point.code for point in consent.POINTS]
    applications.give_consent(case, every, language=language, now=venues.now())


def _let_read(shown_at: datetime, seconds: int) -> None:
    """Wait until the text has been on the screen long enough; the server demands it too."""
    import time

    from closeout.cases import venues

    left = seconds - (venues.now() - shown_at).total_seconds()
    if left > 0:
        time.sleep(left)


def _records(case: Case, language: str, wanted: str | None) -> None:
    from pathlib import Path

    from closeout.cases import applications, documents, venues

    choice = wanted or click.prompt(
        SAY["records"][language], type=click.Choice(["download", "decline"]), default="download"
    )  # fmt: skip
    if choice == "download":
        document = documents.build_archive(case, now=venues.now())
        path = Path(document.name)
        path.write_bytes(documents.read(document))
        click.echo(SAY["saved"][language].format(path=path), err=True)
    kept = {"download": "downloaded", "decline": "declined"}[choice]
    applications.choose_records(case, kept, now=venues.now())


def _confirm(case: Case, factor: str, language: str) -> None:
    """Ask for a code until it is right or void; a code from the environment is tried once."""
    from closeout.cases import codes, venues
    from closeout.reasons import FACTORS, Refused

    given = os.environ.get(f"CLOSEOUT_CODE_{factor.upper()}")
    while True:
        code = given or click.prompt(SAY["code"][language].format(factor=FACTORS[factor][language]), err=True)
        try:
            codes.confirm(case, factor, code, now=venues.now())
        except Refused as no:
            if given or no.reasons[0].code not in {"wrong_code", "clock_off"}:
                raise
            click.echo("; ".join(no.sentences(language)), err=True)
        else:
            return


def _show(case: Case, language: str, *, as_json: bool) -> None:
    from closeout.cases import stories
    from closeout.commands import pages

    if as_json:
        door.emit(stories.document(case))
        return
    due = "" if case.due_at is None else SAY["due"][language].format(
        at=pages.moment(case.due_at.replace(tzinfo=None), language)
    )  # fmt: skip
    title = stories.STATES[case.state][language]
    click.echo(SAY["state"][language].format(number=case.number, title=title, due=due))
