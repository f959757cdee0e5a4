"""A memory on disk: documents that are kept, and asked in milliseconds however many they are."""
