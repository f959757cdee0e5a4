"""The commands that keep a memory in a file.

They are `attngs memory add`, `ask`, `list`, `delete` and `import`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from attngs.cli import console
from attngs.cli.options import (
    NAMESPACE,
    Inputs,
    MarkerName,
    Out,
    Query,
    TargetTokens,
    TokensOf,
    check_asked,
    documents_of,
    format_of,
    marker_of,
    put,
)

if TYPE_CHECKING:
    from attngs.memory.memory import Memory

memory = typer.Typer(
    help="Keep a memory in a file, and ask it in milliseconds however long it is.",
    epilog="Try: attngs memory add ana.db notes.md, then: attngs memory ask ana.db -q 'Where is the spare key?'",
    no_args_is_help=True,
)

AT_ONCE = 256
"""Documents that are added in one step; each step is kept, also if a later one fails."""
SHOWN = 60
"""Characters of a document that a list shows."""
NAMED = 5
"""Items that a note names."""

MemoryFile = Annotated[Path, typer.Argument(metavar="MEMORY", help="The file of the memory, such as ana.db.", show_default=False)]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Whose memory; one file may have those of many users.")]
MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score", min=0, max=1, metavar="P", help="Keep only sentences that bear on the question with at least this probability (.1)."
    ),
]


@memory.command()
def add(
    file: MemoryFile, inputs: Inputs, namespace: Namespace = NAMESPACE, marker: MarkerName = "default", tokens: TokensOf = "marker"
) -> None:
    """Add texts to a memory, which is made if there is none.

    A document whose id is there already, such as a file that is added again, takes its place if it has changed.
    """
    with console.reported_errors():
        documents = documents_of(inputs)
        with console.progress():
            kept = _opened(file, namespace, marker, tokens)
            new = [document for document in documents if document.id not in kept]
            changed = [document for document in documents if document.id in kept and kept.get(document.id).text != document.text]
            for begin in range(0, len(new), AT_ONCE):
                kept.add(new[begin : begin + AT_ONCE])
            for document in changed:
                kept.update(document.id, document)
        put(f"{len(new):,} added, {len(changed):,} changed; the memory has {_documents(len(kept))}\n", None)


@memory.command()
def ask(
    file: MemoryFile,
    query: Query,
    target_tokens: TargetTokens = 256,
    namespace: Namespace = NAMESPACE,
    marker: MarkerName = "default",
    tokens: TokensOf = "marker",
    min_score: MinScore = None,
    format: Annotated[
        Literal["text", "json", "html"] | None, typer.Option("--format", "-f", help="Default: from the suffix of --out, else text.")
    ] = None,
    out: Out = None,
) -> None:
    """Print what a memory holds on a question, in at most TARGET_TOKENS tokens."""
    with console.reported_errors():
        check_asked(query, out)
        with console.progress():
            kept = _opened(_there(file), namespace, marker, tokens, min_score)
            count = len(kept)
            result = kept.ask(query, target_tokens=target_tokens)
        chosen = format or format_of(out)
        text = {"text": lambda: result.text + "\n", "json": lambda: result.to_json() + "\n", "html": result.to_html}[chosen]()
        put(console.printable(text, out), out)
        console.ledger(result, out)
        _note_elsewhere(file, namespace, count)


@memory.command("list")
def list_(file: MemoryFile, namespace: Namespace = NAMESPACE, marker: MarkerName = "default", tokens: TokensOf = "marker") -> None:
    """List the documents of a memory: the id of each and how it begins."""
    with console.reported_errors():
        with console.progress():
            documents = list(_opened(_there(file), namespace, marker, tokens).documents())
        lines = (f"{document.id}\t{' '.join(document.text.split())[:SHOWN]}\n" for document in documents)
        put(console.printable("".join(lines), None), None)
        console.note(_documents(len(documents)))
        _note_elsewhere(file, namespace, len(documents))


@memory.command()
def delete(
    file: MemoryFile,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Which documents, as `list` names them.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of the namespace.")] = False,
    namespace: Namespace = NAMESPACE,
    marker: MarkerName = "default",
    tokens: TokensOf = "marker",
) -> None:
    """Delete documents of a memory for good: no byte of them is left in the file."""
    if bool(ids) == everything:
        raise typer.BadParameter("name the documents to delete, or --all.")
    with console.reported_errors():
        from attngs.errors import InputError

        with console.progress():
            kept = _opened(_there(file), namespace, marker, tokens)
            if ids:
                if unknown := [name for name in ids if name not in kept]:
                    raise InputError(f"there is no document {unknown[0]!r} in this namespace; `attngs memory list` names all.")
                kept.delete(ids)
            else:
                kept.clear()
        put(f"deleted; the memory has {_documents(len(kept))}\n", None)


@memory.command("import")
def import_(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The file of a LangGraph SqliteStore, such as the chatbot's.")],
    file: MemoryFile,
    only: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="Only this namespace of the store, such as memories.ana; it becomes --namespace."),
    ] = None,
    namespace: Namespace = NAMESPACE,
    marker: MarkerName = "default",
    tokens: TokensOf = "marker",
) -> None:
    """Copy the memories of a LangGraph SqliteStore into a memory.

    Each namespace of the store keeps its name, such as memories.ana. What is there already is not copied again. The store stays as it is.
    """
    with console.reported_errors():
        from attngs.errors import InputError
        from attngs.hosts.remembering import VERSIONS
        from attngs.memory.migration import stored_memories

        odd = list[str]()
        found = stored_memories(store, left_out=[VERSIONS], skipped=odd.append)
        if only is not None:
            if only not in found:
                raise InputError(f"the store has no namespace `{only}`; it has {', '.join(found) or 'none'}.")
            found = {namespace: found[only]}
            odd = [item for item in odd if item.startswith(f"{only}/")]
        copied = 0
        with console.progress():
            shared = marker_of(marker, None, None, None)
            for name, documents in found.items():
                kept = _opened(file, name, shared, tokens)
                new = [document for document in documents if document.id not in kept]
                for begin in range(0, len(new), AT_ONCE):
                    kept.add(new[begin : begin + AT_ONCE])
                copied += len(new)
        put(f"{copied:,} memories of {len(found):,} namespaces copied: {', '.join(found)}\n", None)
        if odd:
            console.note(_skipped(odd))


def _skipped(odd: list[str]) -> str:
    from attngs.text.defusing import one_line

    more = f" and {len(odd) - NAMED:,} more" if len(odd) > NAMED else ""
    named = ", ".join(one_line(item)[:SHOWN] for item in odd[:NAMED])
    return f"{len(odd):,} item{'s' if len(odd) != 1 else ''} skipped, which hold no text: {named}{more}"


def _documents(count: int) -> str:
    return f"{count:,} document{'s' if count != 1 else ''}"


def _note_elsewhere(file: Path, namespace: str, count: int) -> None:
    """Say of an empty memory that its file holds others; their names are not in the file."""
    from attngs.memory.store import texts_elsewhere

    if not count and (others := texts_elsewhere(file, namespace)):
        holds = f"{others:,} text{'s' if others != 1 else ''}"
        console.note(f"nothing is under the namespace `{namespace}`, but the file has {holds} under others; name one with -n.")


def _there(file: Path) -> Path:
    """The file, which a question does not make.

    Raises:
        InputError: There is none.
    """
    from attngs.errors import InputError

    if not file.exists():
        raise InputError(f"there is no memory `{file}`; `attngs memory add` makes one.")
    return file


def _opened(file: Path, namespace: str, marker: object, tokens: str, min_score: float | None = None) -> Memory:
    from attngs.marking.marker import Marker
    from attngs.memory.memory import Memory
    from attngs.reading.tokens import TiktokenCounter

    made = marker if isinstance(marker, Marker) else marker_of(str(marker), None, None, None)
    counter = None if tokens == "marker" else TiktokenCounter(tokens)
    return Memory.open(file, namespace=namespace, marker=made, counter=counter, min_score=min_score)
