"""The chatbot's example users and questions are what they say, and its evaluation counts right."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.store.memory import InMemoryStore
from pydantic import Field
from typer.testing import CliRunner

from attngs import CompressedContext, ContextCompressor, Document, Marker
from attngs.cli_options import typer
from attngs.errors import InputError
from attngs.files import read_documents
from attngs.testing.fakes import FakeCounter
from examples.chatbot import evaluate
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware
