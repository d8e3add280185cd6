"""How an account gets empty: plan, dry run, confirmation, then act and look again until nothing moves."""
