"""The commands that ask a question of texts: `attngs compress`, `attngs plan` and `attngs mark`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attngs.cli import console
from attngs.cli.options import (
    AdapterName,
    Inputs,
    MarkerName,
    Out,
    ProbeName,
    Query,
    TargetTokens,
    TokensOf,
    UnitName,
    check_asked,
    documents_of,
    format_of,
    marker_of,
    put,
)
from attngs.errors import ChatError
from attngs.text.sentences import UnitSize
from attngs.types import Message

if TYPE_CHECKING:
    from attngs.compressor import ChatFunction, ContextCompressor
    from attngs.writing.chat.openai_chat import OpenAIChat


View = Literal["all", "marked"]
"""What a writer sees."""

ChatName = Annotated[
    str | None,
    typer.Option(
        "--chat",
        metavar="MODEL",
        help="The chat model that writes the short context, such as gpt-5-mini, behind an OpenAI-compatible API. The key is read from "
        "OPENAI_API_KEY. Unsupported sentences are replaced by their sources. If the model fails, or an extract of that length holds more, "
        "you get the sentences verbatim.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="The URL of the API for --chat, such as http://localhost:11434/v1 for Ollama. Default: OPENAI_BASE_URL, else OpenAI.",
    ),
]
PlannedChat = Annotated[
    str | None,
    typer.Option(
        "--chat", metavar="MODEL", help="The chat model that compress would ask. plan asks nobody, and needs neither a key nor a network."
    ),
]
ContextView = Annotated[
    View,
    typer.Option("--context", help="What the writer sees: the whole context with marks (all), or only the marked sentences (marked)."),
]
Cite = Annotated[
    bool, typer.Option("--cite", help="Ask the writer to cite sentences, and check each of its sentences against what it cites.")
]

MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score",
        min=0,
        max=1,
        metavar="P",
        help="Keep only sentences that bear on the question with at least this probability; .1 suits memories. Where none does, the result "
        "is empty.",
    ),
]


def compress(
    inputs: Inputs,
    query: Query,
    target_tokens: TargetTokens = 256,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    tokens: TokensOf = "marker",
    chat: ChatName = None,
    base_url: BaseUrl = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each request to the writer, retries included.")] = 60.0,
    context: ContextView = "all",
    cite: Cite = False,
    min_score: MinScore = None,
    format: Annotated[
        Literal["text", "json", "html"] | None, typer.Option("--format", "-f", help="Default: from the suffix of --out, else text.")
    ] = None,
    out: Out = None,
) -> None:
    """Print what matters to a question, in at most TARGET_TOKENS tokens.

    You get sentences verbatim and in order or, with --chat, in that model's words.

    The text goes to standard output and the statistics go to standard error, so you can pipe the text:
    attngs compress memory.jsonl -q 'Which pills?' | llm 'Which pills does she take?'

    Files, folders and exports can be mixed:
    attngs compress chatgpt-export.zip notes/ report.pdf -q 'What did we decide about the roof?'
    """
    with console.reported_errors():
        check_asked(query, out)
        documents = documents_of(inputs)
        with console.progress():
            writer = _writer(chat, base_url, timeout)
            compressor = _compressor(marker, adapter, probe, unit, tokens, writer, context, cite, min_score)
            result = compressor.compress(documents, query, target_tokens=target_tokens)
        chosen = format or format_of(out)
        text = {"text": lambda: result.text + "\n", "json": lambda: result.to_json() + "\n", "html": result.to_html}[chosen]()
        put(console.printable(text, out), out)
        console.ledger(result, out)


def plan(
    inputs: Inputs,
    query: Query,
    target_tokens: TargetTokens = 256,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    tokens: TokensOf = "marker",
    chat: PlannedChat = None,
    context: ContextView = "all",
    cite: Cite = False,
    reader_price: Annotated[float, typer.Option(min=0, help="Price of a million input tokens of the model that reads the context.")] = 0.0,
    cached_price: Annotated[float | None, typer.Option(min=0, help="Price of a million input tokens that the provider has cached.")] = None,
    writer_prices: Annotated[
        tuple[float, float], typer.Option(metavar="IN OUT", help="Prices of a million tokens of the writer's input and output.")
    ] = (0.0, 0.0),
) -> None:
    """Say what compressing would cost and save, and whether it pays off.

    Runs the marker, but asks no writer.

    You give the prices, all in one currency:
    attngs plan memory.jsonl -q 'Which pills?' --chat gpt-5-mini --reader-price 2.50 --writer-prices 0.25 2.00
    """
    with console.reported_errors():
        from attngs.writing.plan import Rates

        check_asked(query, None)
        documents = documents_of(inputs)
        rates = Rates(
            reader_price=reader_price,
            cached_reader_price=cached_price,
            writer_input_price=writer_prices[0],
            writer_output_price=writer_prices[1],
        )
        with console.progress():
            compressor = _compressor(marker, adapter, probe, unit, tokens, _never_asked if chat else None, context, cite)
            found = compressor.plan(documents, query, target_tokens=target_tokens, rates=rates)
        put(console.plan_table(found), None)


def mark(
    inputs: Inputs,
    query: Query,
    top: Annotated[int, typer.Option(min=1, help="How many of the best sentences the table shows.")] = 20,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    format: Annotated[
        Literal["table", "json"] | None,
        typer.Option("--format", "-f", help="json lists all sentences in reading order. Default: from the suffix of --out, else table."),
    ] = None,
    out: Out = None,
) -> None:
    """Show the score of each sentence, and which sentences the marker marks."""
    with console.reported_errors():
        check_asked(query, out)
        documents = documents_of(inputs)
        with console.progress():
            marking = marker_of(marker, adapter, probe, unit).mark(documents, query)
        as_json = (format or format_of(out)) == "json"
        put(console.marking_json(marking) if as_json else console.marking_table(marking, top, to_file=out is not None), out)


def _writer(name: str | None, base_url: str | None, timeout: float) -> OpenAIChat | None:
    if name is None:
        if base_url is not None:
            raise typer.BadParameter("--base-url needs --chat, which names the model.")
        return None
    from attngs.writing.chat.openai_chat import OpenAIChat

    return OpenAIChat(name, base_url=base_url, timeout=timeout)


def _never_asked(messages: Sequence[Message]) -> str:
    """Stands in for the writer of a plan, which needs no key."""
    raise ChatError("a plan asks no writer")


def _compressor(
    marker: str,
    adapter: Path | None,
    probe: Path | None,
    unit: UnitSize | None,
    tokens: str,
    writer: OpenAIChat | ChatFunction | None,
    context: View,
    cite: bool,
    min_score: float | None = None,
) -> ContextCompressor:
    from attngs.compressor import ContextCompressor
    from attngs.reading.tokens import TiktokenCounter
    from attngs.selection.selector import GreedySelector
    from attngs.writing.prompts import CITED, GUIDED

    counter = None if tokens == "marker" else TiktokenCounter(tokens)
    template = replace(CITED if cite else GUIDED, context=context)
    selector = GreedySelector(min_score=min_score)
    return ContextCompressor(marker_of(marker, adapter, probe, unit), writer, selector=selector, counter=counter, template=template)
