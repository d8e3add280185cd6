"""What the terminal door can do, one file a command."""
