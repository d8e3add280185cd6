"""``closeout policy``: check a policy against the law, propose it, approve it, see who changed what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from closeout.commands import door

SAY = {
    "lawful": {
        "en": "{version}: nothing contradicts, nothing is unlawful.",
        "zh": "{version}：没有矛盾，也没有违法之处。",
    },
    "changes": {"en": "  {name}: {before} → {after}", "zh": "  {name}：{before} → {after}"},
    "drafted": {
        "en": "Drafted {version}. Another person approves it with: closeout policy approve {version} --by NAME",
        "zh": "已起草 {version}。请另一个人执行：closeout policy approve {version} --by 姓名",
    },
    "approved": {
        "en": "{version} is in force. New cases are opened under it; open cases keep theirs, except what favours "
        "their holders.",
        "zh": "{version} 已生效。新申请适用新策略；已有申请保留原策略，对持有人更有利的部分除外。",
    },
    "assumed": {
        "en": "Rules marked assumed must be confirmed by a lawyer. closeout is not legal advice.",
        "zh": "标为 assumed 的规则须由律师确认。closeout 不构成法律意见。",
    },
}  # fmt: skip


@click.group()
def policy() -> None:
    """Check a policy against the law, propose it, approve it with a second person, see who changed what."""


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help='Print {"schema": "closeout.policy/1", …}.')
@click.option("--lang", type=door.LANGUAGES)
def lint(file: Path, as_json: bool, lang: str | None) -> None:
    """Say everything that is wrong with FILE: ranges, contradictions, sums the law forbids. Exit 2 if anything is."""
    from closeout.policy import PolicyError, load

    try:
        version, problems = load(file).version, []
    except PolicyError as wrong:
        version, problems = None, wrong.problems
    if as_json:
        door.emit({"schema": "closeout.policy/1", "version": version, "problems": problems})
    else:
        click.echo("\n".join(problems) or SAY["lawful"][door.language(lang)].format(version=version))
    if problems:
        raise click.exceptions.Exit(door.USAGE)


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--by", required=True, help="Who proposes it.")
@click.option("--why", required=True, help="Why, for those who come later.")
@click.option("--lang", type=door.LANGUAGES)
def draft(file: Path, by: str, why: str, lang: str | None) -> None:
    """Propose FILE; it changes nothing until another person approves it."""
    from closeout import policy as numbers

    chosen = numbers.load(file)
    _begin()
    from closeout.cases import policies, venues

    for name, before, after in numbers.differences(policies.in_force(), chosen):
        click.echo(SAY["changes"][door.language(lang)].format(name=name, before=before, after=after))
    change = policies.draft(chosen, by=by, why=why, now=venues.now())
    click.echo(SAY["drafted"][door.language(lang)].format(version=change.version_id))


@policy.command()
@click.argument("version")
@click.option("--by", required=True, help="Who approves it; not who drafted it.")
@click.option("--lang", type=door.LANGUAGES)
def approve(version: str, by: str, lang: str | None) -> None:
    """Let a draft come into force."""
    _begin()
    from closeout.cases import policies, venues

    policies.approve(version, by=by, now=venues.now())
    while policies.favour(now=venues.now()):
        pass
    click.echo(SAY["approved"][door.language(lang)].format(version=version))


@policy.command()
@click.argument("version", required=False)
def show(version: str | None) -> None:
    """Print the policy in force, or VERSION, as TOML."""
    _begin()
    from closeout import policy as numbers
    from closeout.cases import policies
    from closeout.cases.models import PolicyVersion
    from closeout.reasons import refuse

    if version is not None and not PolicyVersion.objects.filter(pk=version).exists():
        raise refuse("no_draft", version=version)
    chosen = policies.of_version(version) if version else policies.in_force()
    click.echo(f"# {version or chosen.version}\n{numbers.dumps(chosen)}", nl=False)


@policy.command(name="list")
@click.option("--json", "as_json", is_flag=True, help='Print {"schema": "closeout.policies/1", …}.')
def listed(as_json: bool) -> None:
    """List who changed the policy, when, and why, newest first."""
    _begin()
    from closeout.cases import policies

    rows = [_row(change) for change in policies.changes()]
    if as_json:
        door.emit({"schema": "closeout.policies/1", "changes": rows})
        return
    for row in rows:
        place = f"{row['number']:>3}" if row["number"] else "  –"
        click.echo(
            f"{place}  {row['version']}  {row['drafted_by']} → {row['approved_by'] or '…'}  {row['why']}"
        )


def _row(change: Any) -> dict[str, Any]:
    return {
        "number": change.number,
        "version": change.version_id,
        "drafted_by": change.drafted_by,
        "drafted_at": f"{change.drafted_at:%Y-%m-%dT%H:%M:%SZ}",
        "approved_by": change.approved_by or None,
        "approved_at": f"{change.approved_at:%Y-%m-%dT%H:%M:%SZ}" if change.approved_at else None,
        "why": change.why,
    }


@policy.command()
@click.option("--lang", type=door.LANGUAGES)
def packs(lang: str | None) -> None:
    """List the law packs: every rule with its source and whether it was checked."""
    from closeout.policy import laws

    language = door.language(lang)
    for pack in laws.packs().values():
        click.echo(f"{pack.code}  {pack.name[language]}")
        for name, rule in pack.rules.items():
            click.echo(f"  {name:28} {rule.value:>4}  {rule.mark:8} {rule.source}")
    click.echo(SAY["assumed"][language])


def _begin() -> None:
    from closeout.cases import start

    start.begin()
