"""Which attention of a real decoder points at evidence."""
