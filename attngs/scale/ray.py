"""Batches on a Ray cluster, where each id is done once.

An actor for each GPU or group of cores marks and compresses rows.

    compress_rows("questions.jsonl", "results", target_tokens=256)

Ray Data streams the rows to the actors, starts anew those that die, and gives the rows of the dead to others. What is done stands in the
folder of results (`attngs.scale.folder`), so a run that was stopped goes on where it ended.
"""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from attngs import errors as errors_of_attngs
from attngs.errors import AttngsError, ConfigError, InputError, MissingDependencyError, WorkerError, check_whole
from attngs.reading.progress import tell
from attngs.scale.folder import Digests, ResultFolder, among, write_pending
from attngs.scale.json_lines import lines_of, pieces_of, row_of
from attngs.scale.rows import Recipe, Row, compress_all

if TYPE_CHECKING:
    import pyarrow as pa
    from ray import ObjectRef
    from ray.data import Dataset

    from attngs.compressor import ContextCompressor

Rows: TypeAlias = "str | Path | Sequence[str | Path] | Dataset"

ROWS_OF_A_FILE = 256
"""At most. They are lost with the worker that does them, so a few minutes of work is enough."""
FILES_OF_A_WORKER = 4
"""At least, where there are rows enough: so that workers end at about the same time."""
RETRIES = 3
"""How often the rows of a worker that died are given to another."""
READING_CPUS = 0
"""Cores that are kept for a task that reads rows. It waits for a disk most of the time, and workers may have taken all cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleReport:
    """What a run did."""

    rows: int
    """Of the input."""
    done_before: int
    """Those of them that an earlier run has done."""
    errors: dict[str, int]
    """Of the rows that this run did: those that failed, by the type of the error."""


def compress_rows(
    rows: Rows,
    results: str | Path,
    *,
    target_tokens: int = 256,
    marker: str = "default",
    counter: str = "marker",
    min_score: float | None = None,
    workers: int | None = None,
    cpus: float = 1,
    gpus: float = 0,
    rows_of_a_file: int = ROWS_OF_A_FILE,
) -> ScaleReport:
    """Compress every row once, on all machines of the Ray cluster that this process is connected to.

    Without a connection, Ray starts a cluster on this machine. Progress goes to the listener of `attngs.reading.progress`.

    Args:
        rows: JSON lines (`.jsonl`), Parquet files or a folder of them, or a Ray dataset; with the columns `id`, `documents` and `query`,
            and perhaps `namespace` and `target_tokens`. A dataset is run twice, because its ids are looked at first.
        results: A folder that all machines share. It is filled with Parquet files of rows with `id`, `text`, `tokens`, `kept` and, where
            a row failed, `error`. Rows whose ids are there already are left out.
        target_tokens: Hard limit on a result, in tokens of `counter`, for rows that do not say their own.
        marker: `default`, a model's name, a folder or a GGUF file. Each machine must be able to load it.
        counter: Whose tokens count: the name of a tiktoken model, or `marker`.
        min_score: The least probability, 0 to 1, that a kept sentence bears on the question.
        workers: How many; as many as there is room for when not given.
        cpus: Cores of a worker.
        gpus: GPUs of a worker; 0.5 puts two on one.
        rows_of_a_file: The most rows of a file. They are done as one: a worker that dies takes as many with it.

    Raises:
        InputError: The rows cannot be read, ids are missing, or several rows have the same id.
        ConfigError: A setting is outside its range, or the folder holds results of other settings.
        AssetError: Another run writes to the folder, or a file in it is damaged.
        WorkerError: Workers died several times over the same rows.
        MissingDependencyError: The extra `ray` is not installed.
    """
    check_whole("rows_of_a_file", rows_of_a_file)
    pool = _Pool(workers=workers, cpus=cpus, gpus=gpus)
    recipe = Recipe(target_tokens=target_tokens, marker=marker, counter=counter, min_score=min_score)
    source, folder = _source(rows), ResultFolder(Path(results).absolute())
    with folder.writing({"target_tokens": target_tokens, "marker": marker, "counter": counter, "min_score": min_score}):
        with _explained():
            identities = _identities(source.dataset)
        done = folder.done()
        left = int((~among(identities, done)).sum())
        job = _Job(source=source, recipe=recipe, folder=folder, done=done, left=left, pool=pool, most=rows_of_a_file)
        errors = _run(job) if left else Counter[str]()
    return ScaleReport(rows=len(identities), done_before=len(identities) - left, errors=dict(errors))


def connect(level: int) -> None:
    """Connect this process to the cluster of `RAY_ADDRESS`, or start one here.

    Ray then says no more than `level` asks for.

    A process that is connected stays as it is.

    Raises:
        MissingDependencyError: The extra `ray` is not installed.
        WorkerError: There is no cluster at that address.
    """
    data = _ray_data()
    import ray

    if ray.is_initialized():
        return
    try:
        ray.init(log_to_driver=False, logging_level=level)
    except ConnectionError as error:
        raise WorkerError(f"no Ray cluster answers ({error}); correct `RAY_ADDRESS`, or unset it to use this machine.") from error
    logging.getLogger("ray.data").setLevel(level)
    data.DataContext.get_current().enable_progress_bars = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """The workers that are asked for."""

    workers: int | None
    cpus: float
    gpus: float

    def __post_init__(self) -> None:
        if self.workers is not None:
            check_whole("workers", self.workers)
        for name in ("cpus", "gpus"):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not 0 <= value < float("inf")
                or (name == "cpus" and not value)
            ):
                raise ConfigError(f"`{name}` must be a number {'above' if name == 'cpus' else 'of at least'} 0, got {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Rows in some form, with their `id` beside it, and what takes a row out of it."""

    dataset: Dataset
    read: Callable[[Row], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """All that a run needs."""

    source: _Source
    recipe: Recipe
    folder: ResultFolder
    done: Digests
    left: int
    """Rows that are not done."""
    pool: _Pool
    most: int
    """Rows of a file."""


def _source(rows: Rows) -> _Source:
    data = _ray_data()
    if isinstance(rows, data.Dataset):
        return _Source(dataset=rows, read=dict)
    given = [rows] if isinstance(rows, str | Path) else list(rows)
    paths = [Path(each).absolute() for each in given]
    kinds = {"folder" if path.is_dir() else path.suffix.lower() for path in paths}
    if kinds and kinds <= {".jsonl", ".ndjson"}:
        pieces = pieces_of(paths)
        read = data.from_items(pieces, override_num_blocks=len(pieces)).flat_map(lines_of, num_cpus=READING_CPUS)
        return _Source(dataset=read, read=row_of)
    if kinds and kinds <= {"folder", ".parquet"}:
        if missing := [path for path in paths if not path.exists()]:
            raise InputError(f"`{missing[0]}` cannot be read: there is no such file.")
        with _explained():
            read = data.read_parquet([str(path) for path in paths], ray_remote_args={"num_cpus": READING_CPUS})
        return _Source(dataset=read, read=dict)
    raise InputError(f"`rows` must be `.jsonl` files, `.parquet` files or folders of these, or a Ray dataset, got {given!r}.")


def _identities(dataset: Dataset) -> list[str]:
    """The ids of all rows.

    Raises:
        InputError: There are none, some are missing, or several rows have the same one.
    """
    import pyarrow as pa
    from pyarrow import compute

    columns = dataset.columns() or []
    if "id" not in columns:
        raise InputError(f"`rows` needs the columns `id`, `documents` and `query`, got {', '.join(map(repr, columns)) or 'no rows'}.")
    chunks = [chunk for table in _tables(dataset.select_columns(["id"])) for chunk in table["id"].chunks]
    found = pa.chunked_array([chunk.cast(pa.string()) for chunk in chunks], pa.string())
    if found.null_count:
        raise InputError(
            f"{found.null_count:,} of {len(found):,} rows have no `id`; give each row one, because what is done is known by it."
        )
    if repeated := [each["values"].as_py() for each in compute.value_counts(found) if each["counts"].as_py() > 1]:
        raise InputError(
            f"{len(repeated):,} ids are of several rows ({', '.join(map(repr, repeated[:3]))}); give each row an id of its own."
        )
    return list(found.to_pylist())


def _run(job: _Job) -> Counter[str]:
    """Do the rows that are left, and count those that failed."""
    errors, finished = Counter[str](), 0
    with _explained():
        for table in _tables(_pipeline(job)):
            for file in table.to_pylist():
                if file["failed"]:
                    kind, message = file["failed"]
                    raise getattr(errors_of_attngs, kind)(message)
                job.folder.commit(file["file"])
                finished += file["rows"]
                errors.update(file["errors"])
                tell("compressing" + (f", {errors.total():,} failed" if errors else ""), finished, job.left)
    if finished != job.left:
        raise InputError(f"`rows` had {job.left:,} rows to do when their ids were read, and {finished:,} later; run again.")
    return errors


def _pipeline(job: _Job) -> Dataset:
    """Rows -> files, as they are finished."""
    import ray
    from ray.data import ActorPoolStrategy
    from ray.util.annotations import RayDeprecationWarning

    pool = job.pool
    dataset: Any = job.source.dataset  # its types do not know Arrow's tables
    room = pool.workers or max(1, int(ray.cluster_resources().get("CPU", 1) // pool.cpus))
    rows = min(job.most, max(1, job.left // (room * FILES_OF_A_WORKER)))
    left = dataset.map_batches(_left, fn_args=(ray.put(job.done),), batch_format="pyarrow", batch_size=None, num_cpus=READING_CPUS)
    with warnings.catch_warnings():  # Ray wants such settings by its own names, and has none for how often rows are given to another worker
        warnings.simplefilter("ignore", RayDeprecationWarning)
        files: Dataset = left.repartition(target_num_rows_per_block=rows).map_batches(
            _Worker,
            fn_constructor_args=(job.recipe, job.source.read, job.folder.path),
            batch_format="pyarrow",
            batch_size=None,
            compute=ActorPoolStrategy(min_size=1, max_size=pool.workers),  # the first takes no core that reading would need
            num_cpus=pool.cpus,
            num_gpus=pool.gpus or None,
            max_task_retries=RETRIES,
        )
    return files


def _tables(dataset: Dataset) -> Iterator[pa.Table]:
    """The rows, as they come."""
    batches: Any = dataset.iter_batches(batch_format="pyarrow", batch_size=None)
    return iter(batches)


def _left(table: pa.Table, done: ObjectRef[Digests]) -> pa.Table:
    """The rows that are not done."""
    import ray

    return table.filter(~among(_names(table), ray.get(done)))


def _names(table: pa.Table) -> list[str]:
    import pyarrow as pa

    return list(table["id"].cast(pa.string()).to_pylist())


class _Worker:
    """An actor: loads the marker once, and turns each batch of rows into a file."""

    def __init__(self, recipe: Recipe, read: Callable[[Row], Row], folder: Path) -> None:
        self._recipe = recipe
        self._read = read
        self._folder = folder
        self._compressor: ContextCompressor | None = None

    def __call__(self, table: pa.Table) -> pa.Table:
        """Rows -> the name of their file, how many they are, and their errors.

        Or what went wrong with all of them.

        Ray hands on an error that is raised here as text alone.
        """
        import pyarrow as pa

        file, rows, errors, failed = "", table.num_rows, list[str](), list[str]()
        try:
            if self._compressor is None:
                self._compressor = self._recipe.compressor()
            given = dict(zip(_names(table), table.to_pylist(), strict=True))
            found = compress_all(self._compressor, given, self._read, self._recipe.target_tokens)
            errors = [row["error"]["type"] for row in found if row["error"]]  # type: ignore[index]
            file = write_pending(self._folder, found)
        except AttngsError as error:
            failed = [type(error).__name__, str(error)]
        texts = pa.list_(pa.string())
        return pa.table({"file": [file], "rows": [rows], "errors": pa.array([errors], texts), "failed": pa.array([failed], texts)})


@contextmanager
def _explained() -> Iterator[None]:
    """What Ray raises comes out as a `WorkerError`."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise WorkerError(
            f"the cluster failed ({type(error).__name__}), and trying {RETRIES} times more did not help. What is done is kept: run again, "
            "with a smaller `rows_of_a_file` to find rows that a worker dies of."
        ) from error


def _ray_data() -> ModuleType:
    try:
        import ray.data
    except ImportError as error:
        raise MissingDependencyError("`attngs.scale.ray` needs Ray: pip install 'attngs[ray]'") from error
    data: ModuleType = ray.data
    return data
