"""What attngs costs and what it finds, measured beside what it must beat. See README.md here."""

from __future__ import annotations
