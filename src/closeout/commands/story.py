"""The story of the demonstration: everything is done as the doors do it, by real operations on a real database."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from closeout.cases import (
    applications,
    audit,
    clearings,
    codes,
    consent,
    documents,
    operations,
    policies,
    queries,
    sandbox,
    senders,
    stories,
    vaults,
    venues,
    worker,
)
from closeout.cases.models import Case
from closeout.commands.telling import Record, Talk
from closeout.conditions import document
from closeout.conditions.check import Report, Result
from closeout.lifecycle import State
from closeout.reasons import Refused, refuse
from closeout.records import audit_check, certificate
from closeout.records.vault import KeyDestroyed
from closeout.venues.base import Rejected
from closeout.venues.sandbox import trading, world

ROUNDS_MAX = 60  # of waiting, a few hours or days each


class DemoFailed(RuntimeError):
    """The story did not go as it must; what is said tells where."""


def demand(holds: bool, what: str) -> None:
    """Stop the story if it does not go as it must. Raises: DemoFailed."""
    if not holds:
        raise DemoFailed(what)


class Story:
    """One run of the demonstration for one seeded person."""

    def __init__(self, person: str, language: str, out: Path, *, talk: Talk) -> None:
        self._language, self._out, self._talk = language, out, talk
        sandbox.prepare(at=sandbox.STORY_BEGINS)
        account = venues.account_of(person)
        if account is None:
            raise refuse("unknown_account")
        self._account = account
        self._record = Record(out / "story.json", person=person, language=language)
        self._chapter = 0

    def tell(self) -> None:
        """Tell the whole story. Raises: DemoFailed, Refused."""
        self._sums("ledger_before")
        self._self_check()
        self._one_click()
        self._wait_until_clear()
        self._apply()
        self._frozen()
        self._change_of_mind()
        self._apply()
        self._value_arrives()
        self._close()
        self._proof()
        self._late_value()
        self._erase()
        self._sums("ledger_after")

    # -- what every chapter uses

    def _begin(self, en: str, zh: str, *, after: timedelta = timedelta()) -> None:
        """Open a chapter that plays ``after`` this one; the time between passes now."""
        self._chapter += 1
        at = venues.now() + after
        self._talk.chapter(self._chapter, f"{at:%Y-%m-%d %H:%M}", zh if self._language == "zh" else en)
        if after:
            self._pass(after)

    def _say(self, en: str, zh: str, *, mark: str = " ") -> None:
        self._talk.line(zh if self._language == "zh" else en, mark=mark)

    def _keep(self, step: str, before: object, after: object) -> None:
        self._record.add(step, f"{venues.now():%Y-%m-%dT%H:%M:%SZ}", before, after)

    def _report(self) -> Report:
        found = queries.report(self._account, policies.in_force(), now=venues.now())
        if found is None:
            raise refuse("unknown_account")
        return found

    def _standing(self) -> dict[str, Any]:
        report = self._report()
        unmet = [finding.condition.code for finding in report.findings if finding.result is not Result.CLEAR]
        return {"result": report.result.value, "unmet": unmet, "holdings": self._holdings()}

    def _holdings(self) -> dict[str, str]:
        with venues.sandbox().connection() as connection:
            rows = connection.execute(
                "select wallet || ':' || asset, available + locked from facts.balance where account_id = %s "
                "and available + locked <> 0 order by 1",
                (self._account,),
            ).fetchall()
        return {place: document.plain(amount) for place, amount in rows}

    def _case(self) -> Case:
        case = queries.case_of(self._account, venue=venues.SANDBOX)
        if case is None:
            raise refuse("no_application")
        return case

    def _pass(self, span: timedelta) -> None:
        sandbox.pass_time(span)
        worker.run_until_idle(now=venues.now())

    def _sums(self, step: str) -> None:
        """Show that no money was made or lost: per asset, all ledgers of the exchange sum to zero."""
        with venues.sandbox().connection() as connection:
            rows = connection.execute("select asset, balances from sandbox.asset_sum order by 1").fetchall()
        demand(all(total == 0 for _, total in rows), f"the ledger does not sum to zero: {rows}")
        self._keep(step, {}, {asset: document.plain(total) for asset, total in rows})
        if self._chapter:
            self._say(
                f"The exchange's ledger sums to zero in each of {len(rows)} assets, as before.",
                f"交易平台的账本在全部 {len(rows)} 种资产上合计均为零，与开始时一致。", mark="✓",
            )  # fmt: skip

    # -- the chapters

    def _self_check(self) -> None:
        self._begin("The self-check tells everything that blocks", "自查：列出全部阻碍项")
        report = self._report()
        for finding in report.findings:
            if finding.result is not Result.CLEAR:
                self._talk.line(document.sentence(finding, self._language), mark="○")
        self._keep("self_check", {}, self._standing())

    def _one_click(self) -> None:
        self._begin(
            "One click: a dry run, one confirmation, then everything that can be cleared",
            "一键清理：先预览，再确认",
        )
        before = self._standing()
        if before["result"] == Result.CLEAR.value:
            self._say("There is nothing to clear.", "没有需要清理的项目。")
            return
        shown = clearings.show(self._account)
        self._say(
            f"The dry run shows {len(shown.offers)} commands with price, fee and date; nothing has moved.",
            f"预览列出 {len(shown.offers)} 条指令及价格、费用和时间，尚未执行任何操作。",
        )
        run = clearings.start(self._account, digest=shown.digest)
        done = 0
        for event in clearings.proceed(run):
            if event.kind == "done":
                done += 1
        self._say(
            f"{done} commands done, each exactly once.", f"已完成 {done} 条指令，每条仅执行一次。", mark="✓"
        )
        self._keep("one_click", before, self._standing() | {"digest": shown.digest, "commands": done})

    def _wait_until_clear(self) -> None:
        self._begin(
            "What is left passes by itself; the clearing goes on when it can",
            "剩余项目自动满足，清理会继续进行",
        )
        before, begun = self._standing(), venues.now()
        for _ in range(ROUNDS_MAX):
            report = self._report()
            if report.result is Result.CLEAR:
                break
            dates = [blocker.clears_at for blocker in report.blockers if blocker.clears_at is not None]
            now = venues.now().replace(tzinfo=None)
            coming = [date - now for date in dates if date > now]
            self._pass(min([*coming, timedelta(hours=6)]) + timedelta(seconds=1))
        else:
            raise DemoFailed("still blocked: " + ", ".join(self._standing()["unmet"]))
        days = (venues.now() - begun).total_seconds() / 86_400
        self._say(
            f"{days:.1f} days later every condition is met.", f"{days:.1f} 天后，所有条件均已满足。", mark="✓"
        )
        self._keep("waiting", before, self._standing())

    def _apply(self) -> None:
        self._begin(
            "The application: risk list point by point, records, three codes",
            "申请：逐条确认风险、保存记录、三重验证",
        )
        case = applications.open_case(
            self._account, venue=venues.SANDBOX, language=self._language, now=venues.now()
        )
        applications.show_consent(case, language=self._language, now=venues.now())
        self._pass(timedelta(seconds=policies.in_force().consent_reading_seconds))
        points = [point.code for point in consent.POINTS]
        applications.give_consent(case, points, language=self._language, now=venues.now())
        built = documents.build_archive(case, now=venues.now())
        applications.choose_records(case, "downloaded", now=venues.now())
        self._say(
            f"Records built: {built.size:,} bytes, every file hashed.",
            f"记录已导出：{built.size:,} 字节，逐文件计算哈希。",
        )
        for factor in policies.in_force().verification:
            self._verify(case, factor)
        applications.submit(case, now=venues.now())
        worker.run_until_idle(now=venues.now())
        case.refresh_from_db()
        demand(case.state == State.COOLING_OFF, f"the case is in {case.state}")
        self._say(f"{case.number} is received; cooling-off until {case.due_at:%Y-%m-%d %H:%M}.",
                  f"{case.number} 已受理，冷静期至 {case.due_at:%Y-%m-%d %H:%M}。", mark="✓")  # fmt: skip
        self._keep("application", {}, stories.document(case))
        self._pass(timedelta(hours=1))

    def _verify(self, case: Case, factor: str) -> None:
        """Get a code, try a wrong one, then the right one."""
        codes.send(case, factor, now=venues.now())
        worker.run_until_idle(now=venues.now())
        code = sandbox.authenticator(self._account) if factor == "totp" else newest_code(factor)
        wrong = f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"
        try:
            codes.confirm(case, factor, wrong, now=venues.now())
        except Refused as no:
            self._talk.line(no.sentences(self._language)[0], mark="✗")
        else:
            raise DemoFailed(f"a wrong {factor} code was accepted")
        codes.confirm(case, factor, code, now=venues.now())

    def _frozen(self) -> None:
        self._begin("The account is frozen", "账户已冻结")
        order = trading.Order("BTC-USDT", "buy", Decimal("0.001"), Decimal(50_000))
        try:
            with venues.sandbox().connection() as connection:
                world.place_order(connection, self._account, order)
        except Rejected as no:
            demand(no.reason == "frozen", f"an order was refused for {no.reason}")
            self._say("An order is refused: the account is frozen.", "下单被拒：账户已冻结。", mark="✗")
        else:
            raise DemoFailed("a frozen account could trade")
        self._keep("frozen", {"order": "BTC-USDT"}, {"refused": "frozen"})

    def _change_of_mind(self) -> None:
        self._begin(
            "A change of mind: one click and everything works as before", "改变主意：一键撤销，账户恢复如常"
        )
        case = self._case()
        before = stories.document(case)
        operations.withdraw(case, actor=operations.HOLDER, now=venues.now())
        worker.run_until_idle(now=venues.now())
        case.refresh_from_db()
        with venues.sandbox().connection() as connection:
            (state,) = connection.execute(
                "select state from sandbox.account where account_id = %s", (self._account,)
            ).fetchone() or ("",)
        demand(state == "open", f"the account is {state} after the change of mind")
        self._say(
            "The application is withdrawn; the account is open again.", "申请已撤销，账户恢复正常。", mark="✓"
        )
        self._keep("change_of_mind", before, stories.document(case))
        self._pass(timedelta(hours=2))

    def _value_arrives(self) -> None:
        self._begin(
            "Three days later a deposit arrives: the clock stops, nothing is lost",
            "三天后有资产到账：计时暂停，资产不丢失",
            after=timedelta(days=3),
        )
        with venues.sandbox().connection() as connection:
            world.deposit(connection, self._account, asset="USDT", amount=Decimal("120.5"), key="demo-late-1")
        self._pass(timedelta(minutes=15))
        case = self._case()
        demand(case.state == State.PAUSE, f"value arrived, but the case is in {case.state}")
        before = stories.document(case)
        self._say(
            "Paused: 120.5 USDT arrived. It is cleared in the same way.",
            "已暂停：到账 120.5 USDT，同样一键清理。", mark="○",
        )  # fmt: skip
        shown = clearings.show(self._account)
        for _ in clearings.proceed(clearings.start(self._account, digest=shown.digest)):
            pass
        for _ in range(ROUNDS_MAX):
            case.refresh_from_db()
            if case.state == State.COOLING_OFF:
                break
            self._pass(timedelta(minutes=20))
        demand(case.state == State.COOLING_OFF, f"cleared, but the case is in {case.state}")
        self._say("The clock runs on.", "计时继续。", mark="✓")
        self._keep("value_arrives", before, stories.document(case))

    def _close(self) -> None:
        case = self._case()
        left = (case.due_at or venues.now()) - venues.now()
        before = stories.document(case)
        self._begin(
            f"{left.days + 1} days later the cooling-off ends",
            f"{left.days + 1} 天后冷静期结束",
            after=left + timedelta(seconds=1),
        )
        case.refresh_from_db()
        demand(case.state == State.OBSERVATION, f"the case is in {case.state}")
        self._say(
            "Checked once more inside the closing transaction, records sealed, closed at the exchange.",
            "在注销事务中再次检查，封存记录，交易平台已注销账户。", mark="✓",
        )  # fmt: skip
        self._keep("closed", before, stories.document(case))

    def _proof(self) -> None:
        self._begin("The proof: certificate, archive, audit log", "证明：注销证明、记录归档、审计日志")
        case = self._case()
        for kind, name in (
            (documents.PDF, "certificate.pdf"),
            (documents.JSON, "certificate.json"),
            (documents.ARCHIVE, "archive.zip"),
        ):
            (self._out / name).write_bytes(documents.read(documents.of(case, kind)))
        public = vaults.signing(now=venues.now()).public()
        (self._out / "public-keys.json").write_text(public.dumps(), encoding="utf-8")
        for name in ("certificate.pdf", "certificate.json"):
            content = (self._out / name).read_bytes()
            demand(certificate.verify(content, public).valid, f"{name} is not valid")
            middle = len(content) // 2
            changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            demand(not certificate.verify(changed, public).valid, f"a changed {name} is taken for valid")
            self._say(
                f"{name}: valid; with one changed byte: not valid.",
                f"{name}：有效；改动一个字节即无效。", mark="✓",
            )  # fmt: skip
        self._keep("proof", {}, {"files": ["certificate.pdf", "certificate.json", "archive.zip"]})

    def _late_value(self) -> None:
        self._begin("A late deposit is kept, not lost", "注销后到账的资产不会丢失")
        with venues.sandbox().connection() as connection:
            world.deposit(connection, self._account, asset="USDT", amount=Decimal(33), key="demo-late-2")
            claimed = world.claim_suspense(connection, self._account, asset="USDT")
        demand(claimed == Decimal(33), f"claimed {claimed} of 33 USDT")
        self._say(
            "33 USDT arrived after closing, lay in suspense, and were claimed.",
            "注销后到账 33 USDT，进入暂存账户并已申领。", mark="✓",
        )  # fmt: skip
        self._keep("late_value", {"arrived": "33 USDT"}, {"claimed": "33 USDT"})

    def _erase(self) -> None:
        case, days = self._case(), policies.in_force().observation_days
        before = {"state": case.state, "holder": venues.sandbox().holder(self._account) is not None}
        self._begin(
            f"{days} days later: the personal data is erased by destroying its key",
            f"{days} 天后：销毁密钥，删除个人信息",
            after=timedelta(days=days),
        )
        case.refresh_from_db()
        demand(case.state == State.ERASED, f"the case is in {case.state}")
        try:
            vaults.vault().seal(vaults.subject_of(case.venue, self._account), "operational", b"again")
        except KeyDestroyed:
            self._say(
                "The key is gone: nobody can read the data again, backups included.",
                "密钥已销毁：包括备份在内，任何人都无法再读取。", mark="✓",
            )  # fmt: skip
        else:
            raise DemoFailed("the key of an erased person still seals")
        audit.seal(now=venues.now())
        self._keep("erased", before, {"state": case.state, "audit": self._audited()})

    def _audited(self) -> Mapping[str, Any]:
        with venues.sandbox().connection() as connection, connection.transaction():
            report = audit_check.verify(connection, vaults.signing(now=venues.now()).public().logs)
        demand(report.valid, f"the audit log is not whole: {report.problems}")
        self._say(f"Audit log: {report.entries} entries, all in the sealed tree.",
                  f"审计日志：{report.entries} 条，均在封存的树中。", mark="✓")  # fmt: skip
        return {"entries": report.entries, "checkpoints": report.checkpoints}


def newest_code(factor: str) -> str:
    """Read the newest code from the outbox, as the person reads it from mailbox or phone."""
    ending = {"email": "eml", "sms": "txt"}[factor]
    found = sorted(senders.outbox().glob(f"code-*.{ending}"), key=lambda path: path.stat().st_mtime_ns)
    content = found[-1].read_bytes()
    if ending == "eml":
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
    else:
        text = content.decode()
    digits = re.search(r"(?<!\d)\d{8}(?!\d)", text)
    if digits is None:
        raise DemoFailed(f"no code in {found[-1].name}")
    return digits.group()
