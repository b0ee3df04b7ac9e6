"""Train and generate one run in a process of its own: `python -m dialora.worker`.

A fresh process per run keeps the order of methods from favouring any: each starts with the same memory, caches and
random state. The job comes as one line of JSON on standard input; events go out as JSON lines on standard output,
everything else that a library prints goes to standard error. When standard input closes, the parent is gone and the
worker ends too. SIGINT ends it after the step under way, with a checkpoint.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from dialora.checkpoint import forbid_network
from dialora.config import ExperimentConfig, build_experiment, dump_experiment, stable_hash
from dialora.errors import DialoraError
from dialora.records import Cost, Example
from dialora.runs import PartialLog, Run, Stage, disk_errors_explained, load_json, load_records, save_json, save_records
from dialora.tuning import TrialJob

if TYPE_CHECKING:
    from dialora.data.tokens import TrainingPair

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
"""For the worker's environment. glibc gives every large block back to the system when it is freed, and a training step
frees and asks for hundreds; that costs a sixth of the time. Other C libraries do not know these."""

EVENT_SECONDS = 0.2
"""Progress is sent at most so often."""


@dataclass(frozen=True)
class Job:
    """What one worker does."""

    config: ExperimentConfig
    run: Run
    data: Path
    until: str = "generation"
    """The last stage to do: training or generation."""
    trial: TrialJob | None = None
    """The run is a trial of this search."""

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain values."""
        stages = {
            name: None if stage is None else {"folder": str(stage.folder), "key": stage.key}
            for name, stage in [
                ("training", self.run.training),
                ("generation", self.run.generation),
                ("scoring", self.run.scoring),
            ]
        }
        run = {"key": self.run.key, "method": self.run.method, "seed": self.run.seed, "folder": str(self.run.folder)}
        return {
            "config": dump_experiment(self.config),
            "run": run | stages,
            "data": str(self.data),
            "until": self.until,
            "trial": None if self.trial is None else self.trial.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Job:
        """Build the job from `to_json`'s form."""
        run = dict(values["run"])
        for name in ("training", "generation", "scoring"):
            if run[name] is not None:
                run[name] = Stage(Path(run[name]["folder"]), run[name]["key"])
        run["folder"] = Path(run["folder"])
        trial = None if values["trial"] is None else TrialJob.from_json(values["trial"])
        return cls(build_experiment(values["config"]), Run(**run), Path(values["data"]), values["until"], trial)


class Events:
    """Events for the parent: {"event": name, …}, one JSON line each, progress not too often."""

    def __init__(self, stream: Any, run: Run) -> None:
        self.stream, self.run, self.last = stream, run, 0.0

    def send(self, event: str, **values: Any) -> None:
        """Send one event. A parent that is gone is noticed by the watch on standard input, not here."""
        with _ignoring_broken_pipe():
            self.stream.write(json.dumps({"event": event, "run": self.run.name, "key": self.run.key, **values}) + "\n")
            self.stream.flush()

    def progress(self, stage: str, done: int, total: int, **values: Any) -> None:
        """Send how far a stage is; the first and the last are always sent."""
        now = time.monotonic()
        if done in (1, total) or now - self.last >= EVENT_SECONDS:
            self.last = now
            self.send("progress", stage=stage, done=done, total=total, **values)


def run_job(job: Job, events: Events, stop: threading.Event) -> None:
    """Do what is missing of the job's training and generation. Raises DialoraError."""
    import torch
    from transformers import set_seed

    from dialora.model import apply_method, load_base_model, load_system, load_tokenizer
    from dialora.training import uses_cuda

    config, run = job.config, job.run
    method = config.methods[run.key]
    device = torch.device("cuda" if uses_cuda(config.training) else "cpu")
    tokenizer = load_tokenizer(config)
    if run.training is not None and not run.training.is_complete:
        set_seed(run.seed)
        model = apply_method(load_base_model(config), method, key=run.key)
        (_train if job.trial is None else _try)(job, model, tokenizer, events, stop)
    if job.until == "generation" and not run.generation.is_complete:
        # From disk also right after training: what is scored is what was saved.
        model = load_system(config, method, None if run.training is None else run.training.folder)
        _generate(job, model.to(device), tokenizer, events, stop)


def _train(job: Job, model: Any, tokenizer: Any, events: Events, stop: threading.Event) -> None:
    """Train, and write the training stage: the system, its losses, its cost."""
    from dialora.data.tokens import describe_pairs, padding_share, plan_batches
    from dialora.energy import metered
    from dialora.model import count_parameters, save_system
    from dialora.training import train

    config, run = job.config, job.run
    method: Any = config.methods[run.key]
    started = time.perf_counter()
    splits = _tokenize(job, tokenizer)
    tokenize_seconds = time.perf_counter() - started
    parameters = count_parameters(model)
    with metered() as energy:
        result = train(
            model,
            splits["train"],
            splits["validation"],
            config.training,
            key=run.key,
            learning_rate=method.learning_rate,
            method=method,
            seed=run.seed,
            pad_id=tokenizer.pad_token_id,
            work=run.work,
            on_progress=lambda step, total, loss: events.progress("training", step, total, loss=loss),
            on_encoding=lambda done, total: events.progress("encoding", done, total),
            should_stop=stop.is_set,
        )
    lengths = [pair.lengths for pair in splits["train"]]
    batches = plan_batches(lengths, config.training, seed=run.seed)
    # Early stopping leaves the last batches of the plan out.
    used = batches[: result.num_steps * config.training.gradient_accumulation_steps]
    facts = {
        "cost": Cost(
            trainable_params=parameters.trainable,
            total_params=parameters.total,
            train_seconds=result.train_seconds,
            peak_memory_bytes=result.peak_memory_bytes,
            num_steps=result.num_steps,
            num_train_tokens=sum(sum(lengths[i]) for batch in used for i in batch),
            # Of a resumed run only the last part was metered.
            energy_kwh=None if result.was_resumed else energy.kwh,
        ).to_json(),
        "result": result.to_json(),
        "data": describe_pairs(splits["train"]),
        "padding_share": padding_share(lengths, batches),
        "tokenize_seconds": tokenize_seconds,
        "wall_seconds": None if result.was_resumed else time.perf_counter() - started,
        "environment": describe_environment(),
    }
    assert run.training is not None
    with run.training.writing() as folder:
        save_system(model, tokenizer, folder, base=config.model)
        save_json(facts, folder / "training.json")
    run.tidy()


def _try(job: Job, model: Any, tokenizer: Any, events: Events, stop: threading.Event) -> None:
    """Make a trial of a search for a learning rate, and write its one stage."""
    from dialora.trials import run_trial

    assert job.trial is not None
    run_trial(
        job.trial,
        job.config,
        job.run,
        job.data,
        model,
        tokenizer,
        _tokenize(job, tokenizer),
        on_progress=lambda step, total, loss: events.progress("training", step, total, loss=loss),
        on_encoding=lambda done, total: events.progress("encoding", done, total),
        should_stop=stop.is_set,
    )


def _tokenize(job: Job, tokenizer: Any) -> dict[str, list[TrainingPair]]:
    """Tokenize what is trained and validated on, once for all runs of the experiment."""
    from dialora.checkpoint import identify_model
    from dialora.data.token_cache import tokenize_once
    from dialora.data.tokens import tokenize_pairs

    config = job.config
    limits = {"max_source_length": config.data.max_source_length, "max_target_length": config.data.max_target_length}

    def tokenize() -> dict[str, list[TrainingPair]]:
        return {
            name: tokenize_pairs(
                load_records(Example, job.data / f"{name}.jsonl"), tokenizer, prompt=config.prompt, **limits
            )
            for name in ("train", "validation")
        }

    data = load_json(job.data / "manifest.json")["key"]
    key = stable_hash(["tokens.v1", data, identify_model(config), config.prompt, limits])
    return tokenize_once(Stage(job.data.with_name("tokens"), key), tokenize)


def _generate(job: Job, model: Any, tokenizer: Any, events: Events, stop: threading.Event) -> None:
    """Generate, and write the generation stage: predictions in the order of the test split."""
    from dialora.data.tokens import tokenize_sources
    from dialora.generation import open_engine, write_predictions
    from dialora.model import count_parameters

    config, run = job.config, job.run
    examples = load_records(Example, job.data / "test.jsonl")
    sources = tokenize_sources(
        [example.dialogue for example in examples],
        tokenizer,
        prompt=config.prompt,
        max_length=config.data.max_source_length,
    )
    log = PartialLog(run.work / "partial.jsonl", run.generation.key)
    was_resumed = bool(log.load())
    parameters = count_parameters(model)
    environment = describe_environment()  # before CTranslate2, which sets the number of threads for torch too
    started = time.perf_counter()
    engine = open_engine(
        config.generation,
        config.decoding,
        model,
        tokenizer,
        stage=_find_converted(config, run),
        sources=[source.input_ids for source in sources],
        on_warning=lambda message: events.send("warning", message=f"{run.name}: {message}"),
    )
    prepare_seconds = time.perf_counter() - started
    started = time.perf_counter()
    predictions = write_predictions(
        engine,
        tokenizer,
        examples,
        sources,
        config.decoding,
        log=log,
        on_progress=lambda done, total: events.progress("generation", done, total),
        should_stop=stop.is_set,
    )
    facts = {
        # Half the time of an interrupted generation is unknown, and no number is better than a wrong one.
        "generate_seconds": None if was_resumed else time.perf_counter() - started,
        "prepare_seconds": prepare_seconds,
        "engine": engine.name,
        "precision": engine.precision,
        "num_examples": len(examples),
        "num_truncated": sum(p.truncated for p in predictions),
        "num_cut": sum(p.num_new_tokens >= config.decoding.max_new_tokens for p in predictions),
        "num_empty": sum(not p.summary for p in predictions),
        "trainable_params": parameters.trainable,
        "total_params": parameters.total,
        "environment": environment,
    }
    with run.generation.writing() as folder:
        save_records(predictions, folder / "predictions.jsonl")
        save_json(facts, folder / "generation.json")
    run.tidy()


def _find_converted(config: ExperimentConfig, run: Run) -> Stage:
    """Return where the system lies converted: kept beside the run by an earlier use, or for this generation alone."""
    from dialora.generation import converted_stage, identify_system

    system = identify_system(config, None if run.training is None else run.training.key)
    kept, own = (
        converted_stage(folder, system=system, precision=config.generation.precision)
        for folder in (run.folder, run.work)
    )
    return kept if kept.is_complete else own


def describe_environment() -> dict[str, str]:
    """Return versions and hardware, as they are where the work is done."""
    import importlib.util
    import platform
    from importlib.metadata import version

    import torch

    names = ("dialora", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy")
    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    found |= {name: version(name) for name in names}
    if importlib.util.find_spec("ctranslate2") is not None:
        found["ctranslate2"] = version("ctranslate2")
    found["processor"] = _processor_name()
    found["threads"] = str(torch.get_num_threads())
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor_name() -> str:
    import platform

    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _watch_parent() -> None:
    """End this process when standard input closes: whoever wanted the result is gone."""
    sys.stdin.read()
    os._exit(1)


class _ignoring_broken_pipe:  # noqa: N801 - reads as a phrase where it is used
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return isinstance(error, BrokenPipeError)


def main() -> int:
    """Read the job, do it, and say how it ended."""
    # Libraries print where they like; the parent must get nothing but events.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    job = Job.from_json(json.loads(sys.stdin.readline()))
    forbid_network(job.config)
    # Trainer would spread a batch over every GPU it sees and average per GPU, not per token.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    threading.Thread(target=_watch_parent, daemon=True).start()
    events = Events(stream, job.run)
    job.run.work.mkdir(parents=True, exist_ok=True)
    try:
        # A worker whose parent was killed may need a moment to notice.
        with disk_errors_explained(job.run.folder), FileLock(job.run.work / ".lock", timeout=60):
            run_job(job, events, stop)
    except DialoraError as error:
        events.send("error", kind=type(error).__name__, message=str(error))
        return 1
    except Exception as error:
        traceback.print_exc()
        events.send("crash", message=f"{type(error).__name__}: {' '.join(str(error).split())}")
        return 1
    events.send("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["ALLOCATOR", "Events", "Job", "describe_environment", "main", "run_job"]
