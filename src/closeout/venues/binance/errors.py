"""Error codes of Binance as kinds and sentences, like those of OKX. An unknown code is never "nothing there"."""

from __future__ import annotations

from importlib import resources

from closeout.venues.okx.errors import Failure, Kind, read_meanings

MEANINGS, PLAIN = read_meanings(
    resources.files(__package__).joinpath("errors.toml").read_text(encoding="utf-8")
)


class BinanceFailure(Failure):
    """Binance did not give a usable answer."""

    def sentence(self, language: str) -> str:
        """Say in ``language`` (zh or en) what happened and what to do."""
        meaning = MEANINGS.get(self.code) or PLAIN.get(self.kind) or PLAIN["other"]
        said = meaning.zh if language == "zh" else meaning.en
        return said.format(code=self.code or "?", detail=self.detail)


def failure(code: str, detail: str) -> BinanceFailure:
    """Classify an error code of Binance, or an HTTP status."""
    meaning = MEANINGS.get(code)
    return BinanceFailure(meaning.kind if meaning else Kind.OTHER, code, detail)
