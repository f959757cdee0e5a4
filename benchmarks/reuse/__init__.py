"""What a writer loses and gains when it reads the marker's keys and values instead of the short text."""
