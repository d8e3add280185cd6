"""The exchange OKX through its public API: facts out, remedies in, with the holder's own key.

Nothing here is imported by ``closeout.cli`` at start-up, and ``ccxt`` is imported only when a wire is opened.
"""
