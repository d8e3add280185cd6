"""What remains of an account: export, certificate, audit log, and the vault of personal data."""
