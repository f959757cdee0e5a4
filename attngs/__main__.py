"""`python -m attngs` is `attngs`."""

from __future__ import annotations

from attngs.cli import app

app()
