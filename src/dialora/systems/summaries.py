"""Files of conversations or tables → a file with one summary for each of them, in constant memory.

The inputs are read twice: once to count and check them, so that a bad line is known before hours are spent, and once to
summarize them, chunk by chunk. A chunk is written in batches sorted by length, put back in order and appended (see
`output`). What is there after a kill stays: the same command goes on behind the last whole chunk, with the batches that
were made since. What reading made of the texts is told at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from dialora.config import stable_hash
from dialora.config.launch import Launch
from dialora.errors import ConfigError
from dialora.experiment.launchers.local import LocalLaunch
from dialora.records import Observer
from dialora.store import PartialLog, disk_errors_explained, telling_damage
from dialora.systems.beside import rows, shards
from dialora.systems.items import Inputs, Item, take
from dialora.systems.kinds.system import System
from dialora.systems.many_workers import append_shards
from dialora.systems.options import SummaryOptions
from dialora.systems.output import APPENDED, FinishedFile, SummariesFile, open_finished, open_output
from dialora.systems.reading import ItemReader, ReadItem
from dialora.systems.rendering import RENDERERS
from dialora.systems.summary import Summary
from dialora.systems.writing import SummaryWriter

CHUNK = 1024
"""Conversations that are batched together, at most; a chunk's texts and summaries are all that memory holds."""


def summarize_inputs(
    system: System,
    inputs: Inputs,
    output: Path,
    *,
    options: SummaryOptions,
    observer: Observer,
    launch: Launch | None = None,
    chunk: int = CHUNK,
) -> int:
    """Summarize all that the inputs hold into `output` and return how many were written now.

    `launch` says which workers do so, if it is not this process.

    Rows of the output are in the order of the inputs; its columns are `output.COLUMNS`. Empty texts have an empty
    summary. What reading made of the inputs is told in notes at the end. Raises DialoraError.
    """
    suffix = output.suffix.lower()
    if suffix not in (*APPENDED, *RENDERERS):
        raise ConfigError(f"--output {output}: the format is its suffix: {', '.join((*APPENDED, *RENDERERS))}.")
    if output.is_dir():
        raise ConfigError(f"--output {output}: is a folder; give a file.")
    key = _build_key(system, inputs, options)
    if suffix in APPENDED:
        return _append_all(system, inputs, output, key, options, observer, launch, chunk)
    # An output that is whole, or another's, is told before the inputs are read.
    if FinishedFile(output, key).is_whole and not rows(output).exists():
        return 0
    with disk_errors_explained(output.parent), open_finished(output, key=key) as finished:
        if finished.is_whole:
            return 0
        num_written = _append_all(system, inputs, finished.rows, key, options, observer, launch, chunk)
        finished.render(RENDERERS[suffix])
    return num_written


def stream_summaries(
    system: System, inputs: Inputs, *, options: SummaryOptions, observer: Observer, chunk: int = CHUNK
) -> Iterator[tuple[Item, Summary]]:
    """Give each conversation of the inputs with its summary; what reading made of them is told at the end."""
    notes: list[str] = []
    total, start = _count(system, inputs, options, notes), 0
    writer = SummaryWriter(system, options, lambda message: observer({"event": "warning", "message": message}))
    for some in _read_ahead(writer.reader, inputs.stream(system.config.data, notes=[]), chunk):
        tell = _tell_progress(system, observer, start, total)
        for one, made in zip(some, writer.write_read(some, on_progress=tell), strict=True):
            yield one.item, made
        start += len(some)
    _tell(notes, observer)


def _append_all(
    system: System,
    inputs: Inputs,
    output: Path,
    key: str,
    options: SummaryOptions,
    observer: Observer,
    launch: Launch | None,
    chunk: int,
) -> int:
    """Write what is missing of a file of rows, and return how many rows that were."""
    observer(
        {
            "event": "stage",
            "stage": "table",
            "run": ", ".join(Path(inputs.name(path)).name for path in inputs.paths[:3]),
            "key": "",
        }
    )
    if launch is None and shards(output).exists() and system.asked_for is not None:
        launch = LocalLaunch()  # several workers have begun it
    notes: list[str] = []
    total = 0 if launch else _count(system, inputs, options, notes)
    with (
        disk_errors_explained(output.parent),
        telling_damage(lambda message: observer({"event": "warning", "message": message})),
        open_output(output, key=key, run=system.name) as file,
    ):
        done = file.num_rows
        if launch:
            chunks = stream_checked(system, inputs, options, chunk, notes)
            total = append_shards(system, chunks, file, options, observer, launch, notes)
        elif done < total:
            observer({"event": "stage", "stage": "start", "run": system.name, "key": system.key})
            items = islice(inputs.stream(system.config.data, notes=[]), done, None)
            _append(system, items, file, key, options, observer, total=total, chunk=chunk)
    _tell(notes, observer)
    return total - done


def _count(system: System, inputs: Inputs, options: SummaryOptions, notes: list[str]) -> int:
    """Count the items, each of which can be read; where long ones are errors, none is too long."""
    return sum(len(some) for some in stream_checked(system, inputs, options, CHUNK, notes))


def stream_checked(
    system: System, inputs: Inputs, options: SummaryOptions, chunk: int, notes: list[str]
) -> Iterator[list[Item]]:
    """Give the items in chunks, each of which can be read; where long ones are errors, none is too long."""
    items = inputs.stream(system.config.data, required=system.named_columns, notes=notes)
    reader = ItemReader(system, options, lambda message: None)
    while some := take(items, chunk):
        if options.on_long == "error":
            reader.read(some)
        yield some


def _append(
    system: System,
    items: Iterator[Item],
    output: SummariesFile,
    key: str,
    options: SummaryOptions,
    observer: Observer,
    *,
    total: int,
    chunk: int,
) -> None:
    """Write the rest of the items behind what is there."""
    writer = SummaryWriter(system, options, lambda message: observer({"event": "warning", "message": message}))
    for some in _read_ahead(writer.reader, items, chunk):
        start = output.num_rows
        tell = _tell_progress(system, observer, start, total)
        # Of a chunk that is cut short, the batches that were finished are kept.
        log = PartialLog(output.partial, f"{key}-{start}")
        made = writer.write_read(some, log=log, on_progress=tell)
        output.append([one.item for one in some], made)
        log.path.unlink(missing_ok=True)
        tell(len(some))


def _read_ahead(reader: ItemReader, items: Iterator[Item], chunk: int) -> Iterator[list[ReadItem]]:
    """Give chunks of items as the system reads them, the next one in a thread while one is written."""

    def read() -> list[ReadItem]:
        return reader.read(take(items, chunk))

    with ThreadPoolExecutor(max_workers=1) as executor:
        coming = executor.submit(read)
        while some := coming.result():
            coming = executor.submit(read)
            yield some


def _tell_progress(system: System, observer: Observer, start: int, total: int) -> Callable[[int], None]:
    """Return what tells an observer how many are done of a chunk that begins behind `start`."""

    def tell(count: int) -> None:
        observer(
            {"event": "progress", "stage": "generation", "run": system.name, "key": system.key,
             "done": start + count, "total": total}
        )  # fmt: skip

    return tell


def _tell(notes: Sequence[str], observer: Observer) -> None:
    for note in notes:
        observer({"event": "note", "message": note})


def _build_key(system: System, inputs: Inputs, options: SummaryOptions) -> str:
    """Return a hash of all that the output depends on: system, settings, and the inputs' bytes."""
    config = system.config
    return stable_hash(
        {
            "system": system.identity,
            "decoding": config.decoding.identify(),
            "precision": config.generation.precision,
            "prompt": config.prompt,
            "max_source_length": config.data.max_source_length,
            "columns": [config.data.dialogue_column, config.data.id_column],
            "options": options.to_json() | {"speakers": options.speakers or system.style},
            "names": dict(inputs.names),
            "inputs": inputs.fingerprint(),
        }
    )


__all__ = ["CHUNK", "stream_checked", "stream_summaries", "summarize_inputs"]
