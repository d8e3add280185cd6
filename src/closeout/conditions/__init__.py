"""What must hold before an account is closed: one SQL file is one condition."""
