"""Tables that other programs cut up and hand out."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from dialora.api.inputs import Folder, Overrides
from dialora.errors import ConfigError, DialoraError, ModelError

if TYPE_CHECKING:
    import pyarrow

    from dialora.systems.options import SummaryOptions
    from dialora.systems.writing import SummaryWriter

MOST_SYSTEMS = 4
"""That a process keeps loaded: tables are summarized with several in turn to compare them."""
_loading = Lock()


class TableSummarizer:
    """Summarizes the dialogues of a table, part by part: for `map_batches` of Ray Data and `mapInPandas` of Spark.

        summarize = dialora.TableSummarizer("runs/bundled", method="lora")
        ray.data.read_parquet(...).map_batches(summarize, batch_format="pyarrow")
        frame.mapInPandas(summarize.stream, schema)

    Called with an Arrow table or record batch, a pandas data frame or a dict of NumPy arrays, it returns the same with
    the columns summary, finish_reason, num_parts, truncated and unsupported_names behind its own; `prefix` stands
    before their names. The dialogue's column is recognised, or named (`data.dialogue_column` in `set`); other options
    are those of `dialora.load`.

    It is small and can be sent to other processes, where the system's folder has to be seen too; each of them loads
    the system once, however many parts and tasks it has. Raises DialoraError.
    """

    def __init__(
        self,
        system: str | Path | None = None,
        *,
        method: str | None = None,
        base: Folder = None,
        speakers: Any = None,
        on_long: Any = "split",
        join: Any = "concatenate",
        prefix: str = "",
        set: Overrides = (),
    ) -> None:
        from dialora.api.systems import find_system
        from dialora.systems.options import SummaryOptions

        if not isinstance(prefix, str):
            raise ConfigError(f"prefix: got {type(prefix).__name__}; give the beginning of a column's name, a text.")
        found = find_system(system, method=method, base=base, set=set)
        if found.asked_for is None:
            raise ConfigError("system: other processes find it by its folder or name; give that.")
        asked = found.asked_for
        asked = replace(asked, name=_find_absolute(asked.name), base=asked.base and _find_absolute(asked.base))
        self.prefix = prefix
        self.options = SummaryOptions(on_long=on_long, join=join, speakers=speakers)
        self._asked_for = json.dumps(asked.to_json(), sort_keys=True)
        self._identity, self._made_in = found.identity, os.getcwd()

    def __call__(self, table: Any) -> Any:
        """Return a part of a table with its summaries."""
        from dialora.systems.tables import summarize_table

        with _loading:
            try:
                writer = _open(self._asked_for, self._identity, self.options)
            except DialoraError as error:
                if os.getcwd() == self._made_in:
                    raise
                raise type(error)(
                    f"{error} That is so in {os.getcwd()}, where this worker is; the system was found from "
                    f"{self._made_in}. Give folders, also its base's, by absolute paths that all nodes see."
                ) from error
        return summarize_table(writer, table, prefix=self.prefix)

    def stream(self, tables: Iterable[Any]) -> Iterator[Any]:
        """Give one part after the other with its summaries."""
        yield from map(self, tables)

    def schema(self, schema: pyarrow.Schema) -> pyarrow.Schema:
        """Return the Arrow schema of what comes back for tables of `schema`."""
        from dialora.systems.tables import extend_schema

        return extend_schema(schema, prefix=self.prefix)


@lru_cache(maxsize=MOST_SYSTEMS)
def _open(asked_for: str, identity: str, options: SummaryOptions) -> SummaryWriter:
    """Return what writes with a system; its model is loaded with the first dialogue."""
    from dialora.systems import find_system
    from dialora.systems.kinds.system import AskedFor
    from dialora.systems.writing import SummaryWriter

    asked = AskedFor.from_json(json.loads(asked_for))
    system = find_system(asked.name, method=asked.method, base=asked.base, set=asked.set)
    if system.identity != identity:
        raise ModelError(f"system: {asked.name} is another where a worker looks than where it was asked for.")
    return SummaryWriter(system, options, lambda message: warnings.warn(message, stacklevel=2))


def _find_absolute(name: str) -> str:
    """Return where a folder is for a process that works elsewhere; a hub id as it is."""
    from dialora.store import RUNS

    path = Path(name).expanduser()
    if not path.is_dir() and path.parent == Path():  # as `find_system` looks
        path = RUNS / path
    return str(path.absolute()) if path.is_dir() else name


__all__ = ["TableSummarizer"]
