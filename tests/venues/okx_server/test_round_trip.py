"""R-CHK-20, R-OPS-6: the v5 server and closeout's own reading of it, together."""

from closeout.venues.okx import declared
from closeout.venues.okx.looking import look
from tests.venues.okx_server.conftest import Place, wall_now


def answers() -> dict[str, declared.Answer]:
    return {question.code: declared.Answer(question.good, wall_now()) for question in declared.QUESTIONS}


def test_look(place: Place) -> None:
    seen = look(place.wire(place.key("messy")), now=wall_now(), answers=answers())
    for name, failure in seen.failures.items():
        print(name, failure)
    for name, rows in seen.facts.items():
        for row in rows:
            print(row)
    print(seen.residuals, {k: v.state for k, v in seen.sources.items()})
    assert not seen.failures
