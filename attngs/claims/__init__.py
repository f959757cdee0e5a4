"""What a text asserts that can be checked: one file for each kind of claim, and what holds a sentence together."""
