"""The chatbot's modules, as Streamlit finds them: beside `app.py`."""

from __future__ import annotations

import sys
from pathlib import Path

CHATBOT = Path(__file__).parents[2] / "examples" / "chatbot"

sys.path.append(str(CHATBOT))
