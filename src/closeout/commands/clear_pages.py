"""How a clearing looks in a terminal: the dry run as a table, progress on stderr, the outcome in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from closeout.clearing import words
from closeout.clearing.dry_run import DryRun, Offer
from closeout.clearing.journal import Event, refused
from closeout.clearing.plan import Plan
from closeout.clearing.run import Outcome
from closeout.clearing.stored import amount
from closeout.commands.pages import moment
from closeout.conditions import document

TEXTS: Mapping[str, Mapping[str, str]] = {
    "title": {"en": "What one click would do", "zh": "一键清理将执行"},
    "none": {"en": "There is nothing that one click could clear.", "zh": "没有可以一键清理的项目。"},
    "asking": {"en": "Worse than the slippage limit; only with --beyond-slippage",
               "zh": "超出滑点限制；需加 --beyond-slippage"},
    "later": {"en": "Later, under the same confirmation", "zh": "之后按同一确认继续"},
    "left": {"en": "What stays", "zh": "将保留"},
    "waits": {"en": "Waiting", "zh": "等待中"},
    "manual": {"en": "Not for one click", "zh": "需另行处理"},
    "traps": {"en": "Take care", "zh": "请注意"},
    "slice": {"en": "{money} on {at}", "zh": "{at} 提取 {money}"},
    "unknown": {"en": "Could not be read: {codes}. That is our fault.", "zh": "无法读取：{codes}。这是我们的问题。"},
    "fee": {"en": "fee {money}", "zh": "手续费 {money}"},
    "penalty": {"en": "penalty {money}", "zh": "损失 {money}"},
    "brings": {"en": "brings {money}", "zh": "到账 {money}"},
    "price": {"en": "price {price}", "zh": "价格 {price}"},
    "least": {"en": "at least {price}", "zh": "不低于 {price}"},
    "most": {"en": "at most {price}", "zh": "不高于 {price}"},
    "done": {"en": "{count} commands done", "zh": "已完成 {count} 项操作"},
    "asks": {"en": "Needs another yes", "zh": "需要再次确认"},
    "until": {"en": "until {at}", "zh": "至 {at}"},
    "again": {"en": "Goes on by itself from {at}", "zh": "将于 {at} 自动继续"},
    "unread": {"en": "Not known yet: {codes}. closeout check says why.",
               "zh": "尚不清楚：{codes}。运行 closeout check 可查看原因。"},
    "rerun": {"en": "Run this again from {at}.", "zh": "请在 {at} 之后再运行一次。"},
    "cleared": {"en": "Everything is cleared.", "zh": "已全部清理。"},
}  # fmt: skip


def say(name: str, language: str, **values: object) -> str:
    """Return one of the fixed sentences."""
    return TEXTS[name][language].format(**values)


def dry_run(shown: DryRun, language: str, *, own_key: bool = False) -> None:
    """Print every command with its costs, and what remains. ``own_key``: see :func:`outcome`."""
    console = Console(highlight=False)
    if shown.offers:
        console.print(f"[bold]{say('title', language)}[/bold]")
        console.print(_offers(shown.offers, language))
    else:
        console.print(say("none", language))
    for name, offers in (("asking", shown.asking), ("later", shown.later)):
        if offers:
            console.print(f"\n[bold]{say(name, language)}[/bold]")
            console.print(_offers(offers, language))
    for part in shown.slices:
        money = f"{amount(part.amount)} {part.asset}"
        console.print("  " + say("slice", language, money=money, at=moment(part.at, language)))
    _rest(console, shown.plan, language, own_key=own_key)
    console.print(f"\n[bold]{say('traps', language)}[/bold]")
    for trap in shown.plan.traps:
        console.print(f"  {escape(trap.text[language])}")


def _offers(offers: tuple[Offer, ...], language: str) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 1))
    for offer in offers:
        what = escape(words.command(offer.line, language))
        table.add_row(
            "○", f"{what}\n[dim]{escape(offer.line.things[0])}[/dim]", escape(_costs(offer, language))
        )
    return table


def _costs(offer: Offer, language: str) -> str:
    quote, said, params = offer.quote, [], offer.line.command.params
    if quote.price is not None:
        said.append(say("price", language, price=amount(quote.price)))
    for limit, name in (("price_least", "least"), ("price_most", "most")):
        if limit in params:
            said.append(say(name, language, price=params[limit]))
    if quote.fee:
        said.append(say("fee", language, money=f"{amount(quote.fee)} {quote.fee_asset or ''}"))
    if quote.penalty:
        said.append(
            say("penalty", language, money=f"{amount(quote.penalty)} {offer.line.command.asset or ''}")
        )
    if quote.proceeds and quote.proceeds_asset:
        said.append(say("brings", language, money=f"{amount(quote.proceeds)} {quote.proceeds_asset}"))
    if quote.done_at is not None:
        said.append(say("until", language, at=moment(quote.done_at, language)))
    return ", ".join(said)


def _rest(console: Console, plan: Plan, language: str, *, own_key: bool) -> None:
    if plan.leftovers:
        console.print(f"\n[bold]{say('left', language)}[/bold]")
        for left in plan.leftovers:
            money = "" if left.amount is None else f"{amount(left.amount)} {left.asset or ''} "
            why = words.reason(left.reason, language)
            console.print(f"  {escape(money + left.thing)}: {escape(why)}")
    for name, tasks in (("waits", plan.waits), ("manual", plan.manual)):
        if tasks:
            console.print(f"\n[bold]{say(name, language)}[/bold]")
        for task in tasks:
            at = task.blocker.clears_at
            until = "" if at is None else " " + say("until", language, at=moment(at, language))
            console.print(f"  {escape(document.blocker_sentence(task.blocker, language))}{until}")
    if plan.unknown:
        console.print(say("unread" if own_key else "unknown", language, codes=", ".join(plan.unknown)))


def follow(events: Iterator[Event], *, total: int, language: str) -> None:
    """Show the steps as they happen, on stderr: a bar with counts in a terminal, lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        for event in events:
            if event.command is not None and event.kind != "queued":
                console.print(
                    f"{event.done}/{event.total} {event.kind} {event.things[0]} {_why(event, language)}"
                )
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        for event in events:
            if event.command is None or event.kind == "queued":
                continue
            bar.update(task, completed=event.done, total=event.total, description=escape(event.things[0]))
            if event.reason is not None:
                bar.console.print(
                    f"[yellow]{escape(event.things[0])}: {escape(_why(event, language))}[/yellow]"
                )


def _why(event: Event, language: str) -> str:
    return "" if event.reason is None else words.reason(event.reason, language)


def outcome(result: Outcome, language: str, *, own_key: bool = False) -> None:
    """Print what was done, what was refused, and what remains.

    ``own_key``: it ran with the holder's own key, so nothing goes on by itself and nothing unread is our fault.
    """
    console = Console(highlight=False)
    rejected = [entry for entry in result.entries if refused(entry.receipt) is not None]
    console.print(f"[green]✓[/green] {say('done', language, count=len(result.entries) - len(rejected))}")
    for entry in rejected:
        why = words.reason(refused(entry.receipt), language)
        console.print(f"[yellow]✗[/yellow] {escape(words.command(entry.line, language))}: {escape(why)}")
    if result.asks:
        console.print(f"\n[bold]{say('asks', language)}[/bold]")
    for ask in result.asks:
        what = words.command(ask.line, language)
        console.print(f"  {escape(what)}: {escape(words.reason(ask.reason, language))}")
    _rest(console, result.plan, language, own_key=own_key)
    if result.state == "cleared":
        console.print(say("cleared", language))
    if result.run.wakes_at is not None:
        console.print(
            say("rerun" if own_key else "again", language, at=moment(result.run.wakes_at, language))
        )
