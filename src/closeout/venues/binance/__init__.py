"""Binance through its public API, read only: the holder's key, on the holder's computer."""
