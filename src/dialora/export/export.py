"""Export a run: write its form into a folder aside, let it through the gate, and only then put it where it belongs."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from dialora.config import BUNDLED, Overrides, list_overrides, stable_hash
from dialora.config.problems import show
from dialora.errors import ConfigError, DialoraError, ExportError
from dialora.export.forms import FORMS, Form, Source
from dialora.export.gate import Outputs, Verdict, choose_decoding, judge, write_outputs
from dialora.export.tokenizer import load_plainly, settle_tokenizer
from dialora.models.checkpoint import require_pinned, resolve_model
from dialora.models.weights import find_weights
from dialora.records import Example, Observer, ignore_events
from dialora.store import Stage, alone_in, disk_errors_explained, measure_weights, names, require_apart
from dialora.systems import System
from dialora.systems.kinds.exported import ExportRecord, find_tokenizer, open_record, read_record
from dialora.systems.kinds.finding import find_run
from dialora.systems.kinds.system import RunSystem
from dialora.systems.precision import load_test_examples


@dataclass(frozen=True, slots=True)
class Export:
    """What was exported."""

    folder: Path
    form: str
    verdict: Verdict


def find_exportable(run: str | Path, *, method: str | None, precision: str, set: Overrides = ()) -> RunSystem:
    """Find the system of a run as it is exported in a precision. Raises DialoraError."""
    given = list_overrides(set)
    overrides = [f"{key}={value}" for key, value in given.items()] if isinstance(given, dict) else given
    for one in overrides:
        if one.partition("=")[0].strip().partition(".")[0] == "generation":
            raise ConfigError(f"--set {one}: --precision says in which an export is, and --to what writes with it.")
    overrides.append(f"generation.precision={precision}")
    return find_run(run, method=method, set=overrides, compared="an export is compared with a run")


def export_system(
    system: System, *, to: str, output: Path, force: bool = False, observer: Observer = ignore_events
) -> Export:
    """Export a run to a form, in the precision of its `generation`, into a folder that is not there yet.

    What does not pass its gate is refused, and nothing is left of it; with `force` it is kept, marked, and whoever uses
    it is told. Raises ConfigError for what cannot be had, and ExportError, with the verdict, for what was refused.
    """
    precision = system.config.generation.precision
    form = _require_form(system, to, precision)
    assert isinstance(system, RunSystem)
    target = Path(os.path.realpath(output.expanduser()))
    _require_free(target, output)
    examples = load_test_examples(system)
    require_pinned(system.config)
    with disk_errors_explained(target), alone_in(target):
        stage = Stage(target, stable_hash([system.identity, to, precision]))
        with stage.writing() as folder:
            run = _write_run(system, examples, precision, observer)
            observer({"event": "stage", "stage": f"writing {to} of", "run": system.name, "key": system.key})
            _write(form, system, folder, target, precision)
            verdict = _pass_gate(form, system, folder, examples, run, observer)
            replace(read_record(folder), gate=verdict.to_json()).save(folder)
            if not verdict.passed and not force:
                raise RefusedError(
                    f"{output}: was not exported: {'; '.join(verdict.reasons)}. --force exports it all the same.",
                    verdict,
                )
            _require_free(target, output)  # it took a while
    return Export(target, to, verdict)


class RefusedError(ExportError):
    """An export did not pass its gate; `verdict` is what that found."""

    def __init__(self, message: str, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(message)


def _require_form(system: System, to: str, precision: str) -> Form:
    if to not in FORMS:
        raise ConfigError(f"--to {show(to)}: is none of {', '.join(sorted(FORMS))}.")
    form = FORMS[to]
    if not isinstance(system, RunSystem):
        raise ConfigError(
            f"{system.name}: is no run; an export is compared with a run on its experiment's test dialogues. Give a "
            f"run's folder, or an experiment's with --method."
        )
    if precision not in form.precisions:
        raise ConfigError(f"--precision {precision}: --to {to} has {', '.join(form.precisions)}.")
    if (reason := form.explain(system)) is not None:
        raise ConfigError(f"--to {to}: {reason}.")
    return form


def _require_free(target: Path, output: Path) -> None:
    with disk_errors_explained(target):
        require_apart(target)
        is_free = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if not is_free:
        raise ConfigError(f"--output {output}: is there already; give another folder, or remove it.")


def _write_run(system: RunSystem, examples: list[Example], precision: str, observer: Observer) -> Outputs:
    """Write the test dialogues' summaries with the run's own weights, in torch and fp32."""
    from dialora.generation import TorchEngine

    model = system.load()
    decoding = choose_decoding(system, precision)
    return write_outputs(system, partial(TorchEngine, model, system.tokenizer), examples, decoding, observer=observer)


def _write(form: Form, system: RunSystem, folder: Path, target: Path, precision: str) -> None:
    config = system.config
    source = Source(system, system.load(), precision, name_base(config.model, target))
    form.write(source, folder)
    settle_tokenizer(find_tokenizer(folder))
    ExportRecord(
        form=form.name,
        precision=precision,
        run=system.name,
        method=system.key,
        base=source.base,
        base_revision=config.model_revision or "",
        prompt=config.prompt,
        max_source_length=config.data.max_source_length,
        decoding=config.decoding.model_dump(mode="json"),
        speakers=system.style,
        version=version("dialora"),
    ).save(folder)
    shared = (folder / names.EXPORT_RECORD).stat().st_mode
    for path in folder.rglob("*"):
        if path.is_file():  # transformers lets nobody else read its weights
            path.chmod(shared)


def name_base(model: str, target: Path) -> str:
    """Return what a base is called for a folder that may be copied elsewhere: never where it lies on this machine."""
    source = Path(resolve_model(model))
    if model == BUNDLED or not source.is_dir():
        return model
    way = os.path.relpath(os.path.realpath(source), target)
    return way if way.startswith(".") else f"./{way}"


def _pass_gate(
    form: Form, system: RunSystem, folder: Path, examples: list[Example], run: Outputs, observer: Observer
) -> Verdict:
    """Load what was written by its own means, and compare."""
    record = read_record(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        # A relative way to a base is from where the folder will lie.
        base = system.config.model if form.needs_base else None
        written = replace(open_record(folder, record, base=base), name=form.name, key=system.key)
        decoding = choose_decoding(system, record.precision)
        made = write_outputs(
            written,
            partial(form.open, folder, written),
            examples,
            decoding,
            tokenizer=load_plainly(find_tokenizer(folder)),
            observer=observer,
        )
    except DialoraError as error:
        said = " ".join(str(error).split()).replace(f"{folder}{os.sep}", "").replace(str(folder), "it").rstrip(".")
        reason = f"it cannot be used once it is written ({said})"
        return Verdict(False, (reason,), record.precision, len(examples), num_bytes=size)
    size_run = _measure_run(system, form)
    return judge(system, examples, run, made, precision=record.precision, num_bytes=size, num_bytes_run=size_run)


def _measure_run(system: RunSystem, form: Form) -> int | None:
    """Return the bytes of the weights that the run needs, without its base where the export has none either."""
    trained = 0 if system.training is None else measure_weights(system.training.folder) or 0
    if form.needs_base or (system.training is not None and (system.training.folder / "config.json").is_file()):
        return trained
    files = find_weights(resolve_model(system.config.model), system.config.model_revision, cached_only=True)
    return None if files is None else trained + sum(path.stat().st_size for path in files)


__all__ = ["Export", "RefusedError", "export_system", "find_exportable", "name_base"]
