"""What agents were handed of a memory lately: places in texts, days, and tokens.

No text and no question is in it. It is kept in this process alone, for few users and few recalls of each.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from attngs.hosts.frames import day_of
from attngs.reading.forks import ForkSafeLock
from attngs.scale.serving.agency import Recall
from attngs.types import Document

MOST_RECALLS = 32
"""Recalls of one namespace that are listed."""
MOST_NAMESPACES = 1_024
"""Namespaces of which something is known: those that recalled last."""


@dataclass(slots=True)
class _Account:
    recalls: int = 0
    original: int = 0
    sent: int = 0
    last: deque[dict[str, object]] = field(default_factory=lambda: deque[dict[str, object]](maxlen=MOST_RECALLS))


class HandOuts:
    """What was handed out, by namespace. Threads may share it."""

    def __init__(self) -> None:
        self._accounts = OrderedDict[str, _Account]()
        self._lock = ForkSafeLock(threading.Lock)

    def note(self, namespace: str, recalled: Recall) -> None:
        """Something was recalled for this namespace."""
        result = recalled.result
        listed = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "budget_tokens": recalled.budget_tokens,
            "tokens": recalled.tokens,
            "original_tokens": result.original_tokens,
            "texts": [
                {
                    "id": source.document_id,
                    "start": source.start,
                    "end": source.end,
                    "day": day_of(Document(text="", metadata=source.metadata)) or None,
                }
                for source in result.kept
            ],
        }
        with self._lock.held():
            account = self._accounts.setdefault(namespace, _Account())
            self._accounts.move_to_end(namespace)
            account.recalls += 1
            account.original += result.original_tokens
            account.sent += recalled.tokens
            account.last.append(listed)
            while len(self._accounts) > MOST_NAMESPACES:
                self._accounts.popitem(last=False)

    def of(self, namespace: str) -> dict[str, object]:
        """Everything that is known of this namespace, the newest recall first; plain values."""
        with self._lock.held():
            account = self._accounts.get(namespace) or _Account()
            tokens = {"original": account.original, "sent": account.sent, "saved": account.original - account.sent}
            return {"recalls": account.recalls, "tokens": tokens, "last": [*reversed(account.last)]}
