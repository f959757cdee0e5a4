"""What small models write when they are asked to shorten a marked context, and what becomes of it."""
