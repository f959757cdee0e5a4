"""What compression returns, and how it is shown."""
