"""attngs makes long personal context short: a local model's attention marks the sentences that matter."""

__version__ = "0.1.0"
