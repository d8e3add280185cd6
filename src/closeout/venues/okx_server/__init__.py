"""The sandbox exchange speaking OKX v5 on a port of its own, for clients that know nothing of closeout."""
