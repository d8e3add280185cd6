"""Error codes of Binance as kinds and sentences, like those of OKX. An unknown code is never "nothing there"."""

from __future__ import annotations

from importlib import resources

from closeout.venues.okx.errors import Failure, Kind, read_meanings

MEANINGS, PLAIN = read_meanings(
    resources.files(__package__).joinpath("errors.toml").read_text(encoding="utf-8")
)


class BinanceFailure(Failure):
    """Binance did not give a usable answer."""

    meanings, plain = MEANINGS, PLAIN


def failure(code: str, detail: str) -> BinanceFailure:
    """Classify an error code of Binance, or an HTTP status."""
    meaning = MEANINGS.get(code)
    return BinanceFailure(meaning.kind if meaning else Kind.OTHER, code, detail)
