"""Campaigns: market exits and dormancy for many accounts, on the machinery that closes one."""
