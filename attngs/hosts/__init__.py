"""What adapters share: one driver, one marker a process, documents under one budget."""
