"""`attngs chat`: the chatbot of `examples/chatbot`, which Streamlit runs in this process."""

from __future__ import annotations

import importlib.util
import os
import runpy
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from attngs.cli.console import reported_errors
from attngs.cli.shipped import shipped
from attngs.errors import ConfigError, MissingDependencyError
from attngs.writing.chat.smollm import INSTALL, smollm_file

NEEDED = ("streamlit", "langchain")
"""Packages of the extra `app` without which the page cannot say what is missing."""


def chat(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            envvar="ATTNGS_CHAT_MODEL",
            metavar="NAME",
            help="Who answers: a name that LangChain's init_chat_model takes, such as openai:gpt-5-mini (its key is read from its usual "
            "variable), a server's name for a model with --base-url, or local: and a Hugging Face name, folder or GGUF file. Without one, "
            "the page answers with the memories that matter most.",
            show_default=False,
        ),
    ] = "",
    base_url: Annotated[
        str,
        typer.Option(
            "--base-url",
            envvar="ATTNGS_BASE_URL",
            metavar="URL",
            help="The URL of an OpenAI-compatible server for --model, such as http://localhost:11434/v1 for Ollama.",
            show_default=False,
        ),
    ] = "",
    local: Annotated[
        bool,
        typer.Option(
            "--local",
            help="Answer with SmolLM2 on this machine. It is very small (135 million parameters), and often wrong. Nothing is fetched: get "
            f"it with `{INSTALL}` and `pip install 'attngs[gguf]'`.",
        ),
    ] = False,
    memory: Annotated[
        str,
        typer.Option(
            "--memory",
            envvar="ATTNGS_CHATBOT_DB",
            metavar="FILE",
            help="The SQLite file with everybody's chats, or postgresql://... It is made if it is not there. Memories are beside it, in a "
            "file that ends in .memory.db.",
        ),
    ] = str(Path(typer.get_app_dir("attngs")) / "chatbot.sqlite"),
    memory_file: Annotated[
        str,
        typer.Option(
            "--memory-file",
            envvar="ATTNGS_CHATBOT_MEMORY",
            metavar="FILE",
            help="The file with everybody's memories, if it is not beside the chats. PostgreSQL needs it.",
            show_default=False,
        ),
    ] = "",
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help="The page's port on this machine. Default: 8501, or the next one that is free.", show_default=False
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in your browser.")] = True,
) -> None:
    """Open a personal assistant that remembers, in your browser.

    It runs on this machine alone, and needs neither a key nor a network. It comes with three example people and their memories, and
    answers with these until a model is connected.

    With a model that answers:
    attngs chat --model openai:gpt-5-mini
    attngs chat --model qwen3:4b --base-url http://localhost:11434/v1
    """
    with reported_errors():
        missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
        if missing:
            raise MissingDependencyError(f"the chatbot needs {' and '.join(missing)}: pip install 'attngs[app]'")
        if local and (model or base_url):
            raise ConfigError("--local has a model of its own; leave out --model and --base-url, or leave out --local.")
        if "://" in memory and not memory_file:
            raise ConfigError("PostgreSQL keeps the chats, and the memories are in a file: name it with --memory-file.")
        if port is not None:
            _check_port(port)
        if local:
            model = f"local:{smollm_file()}"
            typer.echo("SmolLM2 is very small (135 million parameters) and often wrong. Unpacking it once takes a minute or two.")
        page = shipped("chatbot/app.py")
    # the page reads these
    os.environ |= {
        "ATTNGS_CHAT_MODEL": model,
        "ATTNGS_BASE_URL": base_url,
        "ATTNGS_CHATBOT_DB": memory,
        "ATTNGS_CHATBOT_MEMORY": memory_file,
    }
    sys.argv = ["streamlit", "run", str(page), f"--server.headless={str(not browser).lower()}"]
    if port is not None:
        sys.argv.append(f"--server.port={port}")
    runpy.run_module("streamlit", run_name="__main__")


def _check_port(port: int) -> None:
    """Streamlit would only say that the port is not available."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise ConfigError(f"nothing can listen at port {port}: {error.strerror}; choose another `--port`, or leave it out.") from error
