"""Ways to find the vectors that are nearest to a question's: an exact look at all of them, and embedded indexes.

The vectors are drawn round 200 centres, 384 numbers each, as a sentence encoder's are. 10,000 of them stand for about 170,000 tokens.
"""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

WIDTH, NEAREST, ASKED = 384, 200, 10

Vectors = NDArray[np.float32]
Ask = Callable[[Vectors], NDArray[np.int64]]


def compare(sizes: tuple[int, ...], most_indexed: int) -> Iterator[dict[str, Any]]:
    """Milliseconds of CPU and what is found, one row for each way and number of vectors.

    Args:
        sizes: Numbers of vectors.
        most_indexed: An approximate index is not built for more.
    """
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((200, WIDTH)).astype(np.float32)
    for size in sizes:
        vectors = centres[rng.integers(0, len(centres), size)] + rng.standard_normal((size, WIDTH)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        asked = vectors[rng.integers(0, size, ASKED)] + 0.03 * rng.standard_normal((ASKED, WIDTH)).astype(np.float32)
        exact = [set(np.argsort(-(vectors @ one))[:NEAREST].tolist()) for one in asked]
        for name, build in WAYS.items():
            if not can_run(name) or (name in APPROXIMATE and size > most_indexed):
                continue
            began = time.process_time()
            ask = build(vectors)
            built = time.process_time() - began
            times, found = list[float](), list[float]()
            for one, right in zip(asked, exact, strict=True):
                began = time.process_time()
                nearest = ask(one)
                times.append(1e3 * (time.process_time() - began))
                found.append(len(right & set(nearest.tolist())) / NEAREST)
            yield {
                "way": name,
                "vectors": size,
                "build_s": round(built, 1),
                "ask_ms": round(median(times), 2),
                "recall": round(float(np.mean(found)), 3),
            }


def can_run(name: str) -> bool:
    """Whether what a way needs is installed; a Python that loads no extensions of SQLite cannot run sqlite-vec."""
    package = NEEDS.get(name)
    return (package is None or find_spec(package) is not None) and (
        name != "sqlite-vec" or hasattr(sqlite3.Connection, "enable_load_extension")
    )


def _top(scores: Vectors) -> NDArray[np.int64]:
    most = min(NEAREST, len(scores) - 1)
    return np.argpartition(-scores, most)[:most]


def _half(vectors: Vectors) -> Ask:
    kept = torch.from_numpy(vectors).half()
    return lambda one: _top((kept @ torch.from_numpy(one).half()).float().numpy())


def _single(vectors: Vectors) -> Ask:
    return lambda one: _top(vectors @ one)


def _bytes(vectors: Vectors) -> Ask:
    kept = torch.from_numpy(np.round(vectors * 127 / np.abs(vectors).max()).astype(np.int8))
    return lambda one: _top(torch.cat([block.float() @ torch.from_numpy(one) for block in kept.split(4_096)]).numpy())


def _sqlite_vec(vectors: Vectors) -> Ask:
    import sqlite_vec

    connection = sqlite3.connect(":memory:")
    connection.enable_load_extension(True)
    sqlite_vec.load(connection)
    connection.execute(f"CREATE VIRTUAL TABLE kept USING vec0(vector float[{WIDTH}])")
    rows = ((number, struct.pack(f"{WIDTH}f", *row)) for number, row in enumerate(vectors))
    connection.executemany("INSERT INTO kept(rowid, vector) VALUES (?, ?)", rows)
    query = "SELECT rowid FROM kept WHERE vector MATCH ? AND k = ?"
    return lambda one: np.array([row[0] for row in connection.execute(query, (one.astype(np.float32).tobytes(), NEAREST))], dtype=np.int64)


def _usearch(vectors: Vectors) -> Ask:
    from usearch.index import Index

    index = Index(ndim=WIDTH, metric="ip", dtype="f16")
    index.add(np.arange(len(vectors)), vectors, threads=1)
    return lambda one: np.asarray(index.search(one, NEAREST, threads=1).keys, dtype=np.int64)


def _hnswlib(vectors: Vectors) -> Ask:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=WIDTH)
    index.init_index(max_elements=len(vectors), ef_construction=200, M=16)
    index.add_items(vectors, num_threads=1)
    index.set_ef(2 * NEAREST)
    return lambda one: np.asarray(index.knn_query(one, k=NEAREST, num_threads=1)[0][0], dtype=np.int64)


def _lancedb(vectors: Vectors) -> Ask:
    import lancedb
    import pyarrow as pa

    columns = {"number": pa.array(range(len(vectors))), "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), WIDTH)}
    folder = TemporaryDirectory()
    table = lancedb.connect(folder.name).create_table("kept", pa.table(columns))

    def ask(one: Vectors, _folder: object = folder) -> NDArray[np.int64]:
        found = table.search(one).distance_type("dot").limit(NEAREST).select(["number", "_distance"]).to_arrow()
        return np.asarray(found["number"].to_numpy(), dtype=np.int64)

    return ask


WAYS: dict[str, Callable[[Vectors], Ask]] = {
    "all, half precision (ours)": _half,
    "all, single precision": _single,
    "all, bytes": _bytes,
    "sqlite-vec": _sqlite_vec,
    "usearch": _usearch,
    "hnswlib": _hnswlib,
    "LanceDB, all on disk": _lancedb,
}
APPROXIMATE = {"usearch", "hnswlib"}
NEEDS = {"sqlite-vec": "sqlite_vec", "usearch": "usearch", "hnswlib": "hnswlib", "LanceDB, all on disk": "lancedb"}
