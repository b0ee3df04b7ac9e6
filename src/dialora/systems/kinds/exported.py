"""A system that was exported: a folder that says itself what it reads, how it writes, and what its gate found.

`export.json` stands in for what a run's configuration says, so no base has to be named unless an adapter's has
moved.
What lies there has to be, to the byte, what was exported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.config import BUNDLED, Overrides, stable_hash
from dialora.config.base_identity import FILES
from dialora.data.transcripts import STYLES, Style
from dialora.errors import ConfigError, InputError, ModelError
from dialora.models.checkpoint import resolve_model
from dialora.models.files import read_object
from dialora.records import Record
from dialora.store import Stage, digest_once, is_listed, names, read_key, save_json
from dialora.systems.kinds.converted import ConvertedSystem, read_facts, require_as_converted
from dialora.systems.kinds.foreign import METHOD, ForeignAdapter, ForeignModel, build_config
from dialora.systems.kinds.system import System

if TYPE_CHECKING:
    from torch import nn

    from dialora.generation import Engine

SCHEMA_VERSION = 1
AGAIN = "export it again"


@dataclass(frozen=True, slots=True)
class ExportRecord(Record):
    """All that has to be known of an export beside its own files; see `Form` in `export/forms` for the forms."""

    form: str
    """adapter, merged, ctranslate2 or onnx."""
    precision: str
    run: str
    """The run that it is of."""
    method: str
    base: str
    """The base's hub id, "bundled", or the way to its folder from this one."""
    base_revision: str
    """Which base that is: a hub id's commit, or a hash of a folder's files."""
    prompt: str
    max_source_length: int
    """Tokens of prompt and dialogue."""
    decoding: dict[str, Any]
    speakers: Style | None
    """How the dialogues that it was trained on name speakers; None where that is not known."""
    version: str
    """Of dialora."""
    gate: dict[str, Any] | None = None
    """What comparing it with the run has found; None until it has."""
    schema_version: int = SCHEMA_VERSION

    def save(self, folder: Path) -> None:
        """Write it into the folder of the export."""
        save_json(self.to_json(), folder / names.EXPORT_RECORD)


@dataclass(frozen=True)
class ExportedAdapter(ForeignAdapter):
    """An adapter whose base is known by more than its name."""

    def _warn(self, on_warning: Callable[[str], None]) -> None:
        System._warn(self, on_warning)


@dataclass(frozen=True)
class OnnxSystem(System):
    """A folder with the graphs of an encoder and a decoder."""

    folder: Path

    def load(self) -> nn.Module:
        """Raise ModelError: there are no weights that torch could load."""
        raise ModelError(f"--system {self.folder}: holds ONNX graphs; only ONNX Runtime reads them.")

    def open_engine(self, sources: Sequence[Sequence[int]], on_warning: Callable[[str], None]) -> Engine:
        """Return ONNX Runtime on the folder. Raises GenerationError, ModelError."""
        from dialora.generation.onnx_engine import OnnxEngine
        from dialora.models.loading import load_base_config

        asked = self.config.generation
        if asked.engine != "auto" or asked.precision != "fp32":
            raise ConfigError(
                f"--system {self.folder}: holds ONNX graphs in fp32, which ONNX Runtime writes with; leave "
                f"generation.engine and generation.precision out."
            )
        self._warn(on_warning)
        return OnnxEngine(self.folder, load_base_config(self.config), self.tokenizer, self.config.decoding)

    def _identify_weights(self) -> str:
        return stable_hash({file.name: digest_once(file) for file in sorted(self.folder.glob("*.onnx*"))})


def is_exported(folder: Path) -> bool:
    """Whether a folder is an export, also where a copy has lost what says how it reads and writes."""
    return (folder / names.EXPORT_RECORD).is_file() or is_listed(folder, names.EXPORT_RECORD)


def find_tokenizer(folder: Path) -> Path:
    """Return where an export has its tokenizer and config: in the form's own folder, or in one of theirs."""
    own = folder / names.TOKENIZER
    return own if own.is_dir() else folder


def find_exported_system(folder: Path, *, base: str | None, set: Overrides, named_columns: frozenset[str]) -> System:
    """Return the system of an export's folder; `base` is where an adapter's base is now.

    Raises ConfigError, and ModelError where a file is not what was exported or the base is not there.
    """
    if not Stage(folder, read_key(folder)).is_complete:
        raise ModelError(
            f"--system {folder}: a file of this export is missing, or is not what was written there "
            f"({names.MANIFEST}); copy the whole folder again, or {AGAIN}."
        )
    record = read_record(folder)
    if base is not None and record.form != "adapter":
        raise ConfigError(f"--base {base}: {folder} needs no base; leave --base out.")
    found = open_record(folder, record, base=base, set=set)
    gate = record.gate or {}
    doubt = (
        None
        if gate.get("passed")
        else (f"{folder.name}: was exported with --force although {'; '.join(map(str, gate.get('reasons', ())))}.")
    )
    return replace(found, named_columns=named_columns, doubt=doubt, base=record.base)


def read_record(folder: Path) -> ExportRecord:
    """Read what an export says of itself. Raises ModelError where that is damaged or of another version."""
    path = folder / names.EXPORT_RECORD
    try:
        values = read_object(path)
        if values.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"its schema_version is {values.get('schema_version')!r}, not {SCHEMA_VERSION}")
        record = ExportRecord.from_json(values)
        if record.speakers not in (*STYLES, None):
            raise ValueError(f"speakers is {record.speakers!r}, none of {', '.join(STYLES)}")
        return record
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path}: is damaged, or is no export of this version of dialora ({error}); {AGAIN}."
        ) from error


def open_record(folder: Path, record: ExportRecord, *, base: str | None = None, set: Overrides = ()) -> System:
    """Return the system that a folder and its record are. Raises ConfigError, ModelError."""
    known: dict[str, Any] = {
        "prompt": record.prompt,
        "data": {"source": BUNDLED, "max_source_length": record.max_source_length},
        "decoding": record.decoding,
    }
    if record.form == "adapter":
        model = base or _find_base(folder, record)
        if record.base_revision and (base is None or record.base_revision.startswith(FILES)):
            known["model_revision"] = record.base_revision
    else:
        model = str(find_tokenizer(folder))
    try:
        # What a file says is checked apart from what the user sets, so that each is told of as what it is.
        build_config(model, (), known)
    except ConfigError as error:
        raise ModelError(
            f"{folder / names.EXPORT_RECORD}: is damaged ({' '.join(str(error).split())}); {AGAIN}."
        ) from error
    config = build_config(model, set, known)
    if record.form == "adapter":
        return ExportedAdapter(config, METHOD, folder.resolve().name, folder, speakers=record.speakers)
    if record.form == "merged":
        return ForeignModel(config, METHOD, folder.resolve().name, speakers=record.speakers)
    if record.form == "ctranslate2":
        facts = read_facts(folder)
        require_as_converted(folder, config.generation, None if facts is None else facts["precision"])
        return ConvertedSystem(config, METHOD, folder.resolve().name, folder, speakers=record.speakers)
    if record.form == "onnx":
        return OnnxSystem(config, METHOD, folder.resolve().name, folder, speakers=record.speakers)
    raise ModelError(f"{folder / names.EXPORT_RECORD}: is damaged (form {record.form!r} is not known); {AGAIN}.")


def _find_base(folder: Path, record: ExportRecord) -> str:
    """Return where an adapter's base is, as the export names it. Raises ModelError."""
    named = str(folder / record.base) if record.base.startswith(".") else record.base
    try:
        return resolve_model(named) and named
    except InputError as error:
        raise ModelError(
            f"--system {folder}: its base lay in {record.base} when it was exported, and is not there; give it with "
            f"--base."
        ) from error


__all__ = [
    "ExportRecord",
    "OnnxSystem",
    "find_exported_system",
    "find_tokenizer",
    "is_exported",
    "open_record",
    "read_record",
]
