"""The stages of a clearing and what must come before what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cache


class Stage(StrEnum):
    """One kind of step, in the order in which a clearing walks through them."""

    REVOKE = "revoke"
    CANCEL = "cancel"
    POSITIONS = "positions"
    BUY = "buy"  # what a loan is owed in, where the holder has too little of it
    LOANS = "loans"
    RENEWAL = "renewal"
    REDEEM = "redeem"
    SUB_SWEEP = "sub_sweep"
    SUB_CLOSE = "sub_close"
    GATHER = "gather"
    CONVERT = "convert"
    WITHDRAW = "withdraw"
    EXITS = "exits"
    UNBIND = "unbind"


AFTER: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.REVOKE: (),  # first of all: a bot would place its orders again
    Stage.CANCEL: (Stage.REVOKE,),
    Stage.POSITIONS: (Stage.CANCEL,),  # an order that fills would open the position again
    Stage.BUY: (Stage.POSITIONS,),
    Stage.LOANS: (Stage.POSITIONS, Stage.BUY),
    Stage.RENEWAL: (),
    Stage.REDEEM: (Stage.RENEWAL,),
    Stage.SUB_SWEEP: (Stage.CANCEL, Stage.POSITIONS, Stage.LOANS, Stage.REDEEM),
    Stage.SUB_CLOSE: (Stage.SUB_SWEEP,),
    Stage.GATHER: (Stage.CANCEL, Stage.POSITIONS, Stage.LOANS, Stage.REDEEM),
    Stage.CONVERT: (Stage.GATHER, Stage.SUB_SWEEP),
    Stage.WITHDRAW: (Stage.CONVERT,),
    Stage.EXITS: (Stage.CONVERT,),
    Stage.UNBIND: (Stage.WITHDRAW, Stage.EXITS),  # last: money may still leave through it
}

FRESH = frozenset({Stage.SUB_SWEEP, Stage.GATHER, Stage.CONVERT, Stage.WITHDRAW, Stage.EXITS})
"""Stages whose amounts come from the facts: they wait for a new look once a stage before them has acted."""


@cache
def before(stage: Stage) -> frozenset[Stage]:
    """Return every stage that must come before ``stage``, directly or not."""
    direct = AFTER[stage]
    return frozenset(direct).union(*(before(earlier) for earlier in direct))


def ready(stages: Collection[Stage]) -> tuple[Stage, ...]:
    """Return those of ``stages`` that may act on one look at the facts, in order.

    A stage that takes its amounts from the facts is put off when a stage before it acts on the same look;
    and so is everything that comes after a stage that was put off.
    """
    acting: list[Stage] = []
    put_off: set[Stage] = set()
    for stage in Stage:
        if stage not in stages:
            continue
        stale = stage in FRESH and not before(stage).isdisjoint(acting)
        if stale or not before(stage).isdisjoint(put_off):
            put_off.add(stage)
        else:
            acting.append(stage)
    return tuple(acting)
