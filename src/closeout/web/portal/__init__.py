"""The holder's portal."""
