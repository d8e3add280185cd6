"""Who holds the account: facts out, remedies in."""
