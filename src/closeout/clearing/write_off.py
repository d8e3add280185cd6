"""A negative fraction, taken over by the operator: booked, within the limit, never in silence (hard case 4)."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from closeout.clearing.exact import exact
from closeout.clearing.stored import amount
from closeout.facts.engine import FactsUnreachable
from closeout.policy import Policy
from closeout.reasons import refuse
from closeout.venues import commands
from closeout.venues.base import Receipt, Unreachable, Venue

NEGATIVE = """
select b.account_id, b.wallet, b.asset, b.available, b.locked, b.value, a.posted_at
from balance as b join account as a on a.account_id = b.account_id where b.available < 0
"""


@exact
def write_off(
    venue: Venue, policy: Policy, account_id: int, *, wallet: str, asset: str, reason: str
) -> Receipt:
    """Let the operator take over exactly what is negative now; the same negative amount is taken over once.

    Only for people of the operator; the door asks for a second person. The limit is that of giving up dust.
    Raises: Refused("unknown_item", "over_limit"), Unreachable.
    """
    try:
        rows = venue.engine([account_id]).rows(
            NEGATIVE, policy=policy.row(venue.now()), accounts=[account_id]
        )
    except FactsUnreachable as silent:
        raise Unreachable(str(silent)) from silent
    found = [row for row in rows if row[:3] == (account_id, wallet, asset)]
    if not found:
        raise refuse("unknown_item", item=f"{wallet}:{asset}")
    _, _, _, available, locked, value, posted_at = found[0]
    owed = -Decimal(available)
    held = available + locked
    worth = None if value is None or not held else abs(value / held) * owed
    if worth is None or worth > policy.dust_forfeit_max:
        limit = f"{amount(policy.dust_forfeit_max)} USDT"
        raise refuse("over_limit", amount=amount(owed) or "", asset=asset, limit=limit)
    command = commands.write_off(account_id, asset=asset, amount=owed, wallet=wallet, reason=reason)
    said = f"closeout.write_off/1:{command.digest()}:{posted_at}"
    return venue.submit([(hashlib.sha256(said.encode()).hexdigest()[:32], command)])[0]
