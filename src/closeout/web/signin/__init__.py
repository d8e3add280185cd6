"""Sign-in for every door: OpenID Connect, and links that the exchange's app signs. Knows no page."""
