from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from closeout.clearing.stages import AFTER, FRESH, Stage, before, ready


def test_the_order_of_the_stages_fits_the_graph() -> None:
    """R-CLR-1, R-CHK-19: every stage comes after everything that it depends on."""
    order = list(Stage)
    for stage in Stage:
        assert all(order.index(earlier) < order.index(stage) for earlier in before(stage)), stage
    assert set(AFTER) == set(Stage)


def test_keys_go_first_and_payment_methods_last() -> None:
    """R-CHK-19: revoke keys before cancelling orders, unbind payment methods last; hard case 34."""
    assert Stage.REVOKE in before(Stage.CANCEL)
    assert list(Stage)[-1] is Stage.UNBIND
    assert {Stage.CONVERT, Stage.WITHDRAW, Stage.EXITS} <= before(Stage.UNBIND)


@given(st.sets(st.sampled_from(list(Stage))))
def test_one_look_never_feeds_a_stage_whose_facts_it_changes(stages: set[Stage]) -> None:
    acting = ready(stages)
    assert bool(acting) is bool(stages), "something can always act"
    for position, stage in enumerate(acting):
        if stage in FRESH:
            assert before(stage).isdisjoint(acting[:position])
    put_off = stages - set(acting)
    assert all(before(stage).isdisjoint(put_off) for stage in acting)
    assert all(list(Stage).index(a) < list(Stage).index(b) for a, b in pairwise(acting))
