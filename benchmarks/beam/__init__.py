"""Long chats with a user's questions about them, and the messages that answer them; `__main__.py` says how to run it."""
