"""What becomes of several statements about one thing: told twice, changed, or told again in other words."""
