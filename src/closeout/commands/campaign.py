"""``closeout campaign``: plan, start, follow and end a market exit or a dormancy campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from closeout.commands import door

if TYPE_CHECKING:
    from closeout.cases.campaigns.planning import DryRun

SAY = {
    "dry": {
        "en": "{accounts:,} accounts, {value} USDT. On {day} {free:,} could be closed, {blocked:,} not "
        "({stake} USDT at stake), {unknown:,} unknown. {notices:,} notices.",
        "zh": "{accounts:,} 个账户，{value} USDT。到 {day} 可注销 {free:,} 个，不可注销 {blocked:,} 个"
        "（涉及 {stake} USDT），未知 {unknown:,} 个。通知 {notices:,} 份。",
    },
    "next": {
        "en": "Planned. Two other people start it with: closeout campaign start {name} --by NAME",
        "zh": "计划已保存。请另外两人分别执行：closeout campaign start {name} --by 姓名",
    },
    "approved": {
        "en": "Approved. One more person has to start it.",
        "zh": "已批准，还需另一人启动。",
    },
    "running": {"en": "The campaign runs.", "zh": "活动已开始运行。"},
    "paused": {
        "en": "Paused: nothing that cannot be undone happens any more.",
        "zh": "已暂停：不再执行任何不可撤销的操作。",
    },
    "one_more": {"en": "Noted. One more person has to resume it.", "zh": "已记录，还需另一人恢复。"},
    "stopped": {
        "en": "Stopped for good. What was not closed is given back.",
        "zh": "已终止。未注销的账户将恢复原状。",
    },
    "everything": {
        "en": "Everything that cannot be undone is stopped. Two people release it: campaign resume --everything",
        "zh": "所有不可撤销的操作已停止。须由两人解除：closeout campaign resume --everything",
    },
    "released": {"en": "Released.", "zh": "已解除。"},
    "asked": {"en": "Noted. Another person decides.", "zh": "已记录，由另一人决定。"},
    "decided": {"en": "Decided.", "zh": "已决定。"},
}  # fmt: skip

by = click.option("--by", required=True, help="Who you are.")
lang = click.option("--lang", type=door.LANGUAGES)


@click.group()
def campaign() -> None:
    """Plan, start, follow and end a market exit or a dormancy campaign."""


def _begin() -> None:
    from closeout.cases import start

    start.begin()


def _say(key: str, language: str | None, **values: Any) -> None:
    click.echo(SAY[key][door.language(language)].format(**values))


@campaign.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@by
@click.option("--json", "as_json", is_flag=True, help="Print the dry run as JSON.")
@lang
def plan(file: Path, by: str, as_json: bool, lang: str | None) -> None:
    """Store the plan in FILE with its population, and say what would stand in the way on the last day."""
    _begin()
    from closeout.cases import venues
    from closeout.cases.campaigns import planning

    text = file.read_text(encoding="utf-8")
    stored, dry = planning.plan(text, by=by, now=venues.now())
    if as_json:
        door.emit({"schema": "closeout.campaign_plan/1", "name": stored.name, "digest": stored.digest}
                  | dry.document())  # fmt: skip
        return
    _tell(dry, stored.plan, lang)
    _say("next", lang, name=stored.name)


def _tell(dry: DryRun, document: dict[str, Any], lang: str | None) -> None:
    for stage, at in document["stages"]:
        click.echo(f"  {stage:16} {at}")
    _say(
        "dry", lang, accounts=dry.accounts, value=f"{dry.value:,.2f}", day=dict(document["stages"])["close"][:10],
        free=dry.free, blocked=dry.blocked_accounts, stake=f"{dry.blocked_value:,.2f}", unknown=dry.unknown,
        notices=dry.notices,
    )  # fmt: skip
    for code, count in dry.blocked.items():
        click.echo(f"  {code:28} {count:>10,}")


@campaign.command()
@click.argument("name")
@by
@lang
def start(name: str, by: str, lang: str | None) -> None:
    """Approve the start of NAME; with the second person it runs."""
    _begin()
    from closeout.cases import venues
    from closeout.cases.campaigns import starting

    _say("running" if starting.start(name, by=by, now=venues.now()) else "approved", lang)


@campaign.command()
@click.argument("name")
@by
@lang
def pause(name: str, by: str, lang: str | None) -> None:
    """Stop closing at once; it can go on later."""
    _begin()
    from closeout.cases import venues
    from closeout.cases.campaigns import starting

    starting.pause(name, by=by, now=venues.now())
    _say("paused", lang)


@campaign.command()
@click.argument("name", required=False)
@click.option("--everything", is_flag=True, help="Release the kill switch instead (two people).")
@by
@lang
def resume(name: str | None, everything: bool, by: str, lang: str | None) -> None:
    """Let a paused campaign go on; after the failsafe, the second of two people does it."""
    _named(name, everything)
    _begin()
    from closeout.cases import brakes, policies, venues
    from closeout.cases.campaigns import starting

    if name is None:
        done = brakes.release(by=policies.person(by), now=venues.now())
        _say("released" if done else "one_more", lang)
        return
    _say("running" if starting.resume(name, by=by, now=venues.now()) else "one_more", lang)


@campaign.command()
@click.argument("name", required=False)
@click.option("--everything", is_flag=True, help="Stop every closing and erasing of everybody instead.")
@by
@lang
def stop(name: str | None, everything: bool, by: str, lang: str | None) -> None:
    """End NAME for good and give back what is not closed; or pull the kill switch."""
    _named(name, everything)
    _begin()
    from closeout.cases import brakes, policies, venues
    from closeout.cases.campaigns import starting

    if name is None:
        brakes.pull(by=policies.person(by), why="person", now=venues.now())
        _say("everything", lang)
        return
    starting.stop(name, by=by, now=venues.now())
    _say("stopped", lang)


def _named(name: str | None, everything: bool) -> None:
    if (name is None) != everything:
        raise click.UsageError("give either NAME or --everything")


@campaign.command()
@click.argument("name")
@click.argument("account", type=int)
@click.option("--kind", type=click.Choice(["add", "appeal"]), required=True)
@click.option("--why", required=True)
@by
@lang
def ask(lang: str | None, **asked: str) -> None:
    """Ask that ACCOUNT joins NAME, or leaves it by evidence; an appeal suspends it at once."""
    _begin()
    from closeout.cases import venues
    from closeout.cases.campaigns import changing

    changing.ask(
        asked["name"],
        int(asked["account"]),
        kind=asked["kind"],
        by=asked["by"],
        why=asked["why"],
        now=venues.now(),
    )
    _say("asked", lang)


@campaign.command()
@click.argument("name")
@click.argument("account", type=int)
@click.option("--grant/--deny", required=True)
@by
@lang
def decide(name: str, account: int, grant: bool, by: str, lang: str | None) -> None:
    """Grant or deny what somebody else asked for ACCOUNT."""
    _begin()
    from closeout.cases import venues
    from closeout.cases.campaigns import changing

    changing.decide(name, account, by=by, granted=grant, now=venues.now())
    _say("decided", lang)


@campaign.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write report.json, .csv, .pdf here."
)
@click.option("--json", "as_json", is_flag=True, help='Print {"schema": "closeout.campaign/1", …}.')
@lang
def report(name: str, out: Path | None, as_json: bool, lang: str | None) -> None:
    """Say where everybody is; with --out, write the report for a regulator with a line for every account."""
    _begin()
    from closeout.cases.campaigns import funnel, starting
    from closeout.cases.campaigns.words import WORDS

    language = door.language(lang)
    named = starting.named(name)
    found = funnel.report(named)
    if out is not None:
        _write(out, named, found, language)
    if as_json:
        door.emit(found)
        return
    click.echo(f"{found['name']}  {found['state']} {found['why']}  {found['population']:,}")
    for one in found["stages"]:
        click.echo(f"  {one['stage']:16} {one['at']}  {one['reached']:>10,}")
    for outcome, count in found["outcomes"].items():
        click.echo(f"  {WORDS[outcome][language]:32} {count:>10,}")
    for codes, count in found["blockers"].items():
        click.echo(f"    {codes:40} {count:>10,}")


def _write(out: Path, named: Any, found: dict[str, Any], language: str) -> None:
    import json

    from closeout.cases.campaigns import funnel, paper

    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")
    with (out / "report.csv").open("w", encoding="utf-8") as file:
        file.writelines(funnel.lines(named))
    (out / "report.pdf").write_bytes(paper.pdf(found, language=language))
    click.echo(f"{out}/report.json, report.csv, report.pdf", err=True)


@campaign.command(name="list")
def listed() -> None:
    """List the campaigns, newest first, and whether everything is stopped."""
    _begin()
    from closeout.cases import brakes
    from closeout.cases.models import Campaign
    from closeout.reasons import Reason

    brake = brakes.standing()
    if brake.engaged:
        click.echo(Reason("brake", {"why": brake.why}).sentence(door.language()))
    for one in Campaign.objects.order_by("-id"):
        click.echo(f"{one.name:32} {one.kind:9} {one.state:9} {one.population:>10,}  {one.leased:,}")
