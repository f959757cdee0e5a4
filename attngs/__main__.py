"""`python -m attngs` is `attngs`."""

from __future__ import annotations

from attngs.cli.app import app

app()
