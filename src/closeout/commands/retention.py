"""``closeout retention``: what the law keeps of a closed account, until when, and putting a date off by two people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from closeout.commands import door

if TYPE_CHECKING:
    from closeout.cases.models import Staff

SAY = {
    "kept": {"en": "{category}: until {until} ({law})", "zh": "{category}：至 {until}（{law}）"},
    "erased": {"en": "{category}: erased on {on}", "zh": "{category}：已于 {on} 删除"},
    "waits": {
        "en": "  request {number}: until {until}, {reason}, asked by {by}; another person agrees to it",
        "zh": "  请求 {number}：延至 {until}，{reason}，由 {by} 提出；须由另一人同意",
    },
    "nothing": {"en": "Nothing is kept of this case.", "zh": "该申请没有保留的内容。"},
    "asked": {
        "en": "Noted as request {number}. Another person agrees with: closeout retention agree {number} --by NAME",
        "zh": "已记录为请求 {number}。请另一人执行：closeout retention agree {number} --by 姓名",
    },
    "agreed": {"en": "{category} is kept until {until}.", "zh": "{category} 保留至 {until}。"},
}
by = click.option("--by", required=True, help="Who you are, among the operator's people.")
lang = click.option("--lang", type=door.LANGUAGES)


@click.group()
def retention() -> None:
    """What the law keeps of closed accounts; a date is put off case by case, by two people of compliance."""


def _begin() -> None:
    from closeout.cases import start

    start.begin()


def _say(key: str, language: str | None, **values: object) -> None:
    click.echo(SAY[key][door.language(language)].format(**values))


def _person(name: str) -> Staff:
    from closeout.cases import staff
    from closeout.reasons import refuse

    found = staff.named(name)
    if found is None:
        raise refuse("unknown_agent")
    return found


@retention.command()
@click.argument("number")
@lang
def show(number: str, lang: str | None) -> None:
    """Say what is kept of case NUMBER, until when, and what was asked."""
    _begin()
    from closeout.cases import keeping
    from closeout.cases.models import Case
    from closeout.reasons import refuse

    case = Case.objects.filter(number=number).first()
    if case is None:
        raise refuse("unknown_case")
    kept = keeping.of(case)
    if not kept:
        _say("nothing", lang)
    for one in kept:
        item = one.item
        if item.erased_at is not None:
            _say("erased", lang, category=item.category, on=f"{item.erased_at:%Y-%m-%d}")
            continue
        _say("kept", lang, category=item.category, until=f"{item.until:%Y-%m-%d}", law=item.law)
        for request in one.asked:
            _say(
                "waits", lang, number=request.number, until=f"{request.until:%Y-%m-%d}", reason=request.reason,
                by=request.asked_by,
            )  # fmt: skip


@retention.command()
@click.argument("number")
@click.argument("category", type=click.Choice(["identity", "transactions"]))
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day until when.")
@click.option(
    "--reason", required=True, help="court_order, authority_order, open_investigation, open_dispute."
)
@by
@lang
def ask(number: str, category: str, until: datetime, reason: str, by: str, lang: str | None) -> None:  # noqa: PLR0917 - click
    """Ask to keep CATEGORY of case NUMBER longer; nothing changes until another person agrees."""
    _begin()
    from closeout.cases import keeping, staff, venues

    person = _person(by)
    case = staff.case_for(person, number)
    day = until.replace(tzinfo=UTC).date()
    made = keeping.ask(person, case, category, until=day, reason=reason, now=venues.now())
    _say("asked", lang, number=made)


@retention.command()
@click.argument("request", type=int)
@by
@lang
def agree(request: int, by: str, lang: str | None) -> None:
    """Agree to REQUEST as the second person."""
    _begin()
    from closeout.cases import keeping, staff, venues

    person = _person(by)
    case = staff.case_for(person, keeping.case_of(request))
    item = keeping.agree(person, case, request, now=venues.now())
    _say("agreed", lang, category=item.category, until=f"{item.until:%Y-%m-%d}")
