"""Measure dialora on a GPU: `python -m benchmarks.gpu [--layout] [--dialogues N]`.

Training steps and summaries of the bundled base, with --layout of FLAN-T5-base's layout too, in absolute numbers: a
GPU is compared with nothing here. Takes the dialogues that the other benchmarks take, gives `benchmarks-gpu.md` and the
same as JSON beside it. What is timed is a second pass, after one that warms up.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.compared import ours
from benchmarks.measured.layouts import build_layout, find_model
from benchmarks.measured.samples import load_corpus, save_sample
from benchmarks.settings import BUNDLED, FULL, LAYOUT, METHOD_NAMES, METHODS, MODEL_NAMES, NEW_TOKENS, REPOSITORY
from dialora.errors import DialoraError
from dialora.records import Example
from dialora.store import load_records, save_json

Row = dict[str, Any]

FOLDER = REPOSITORY / "build" / "bench" / "gpu"
PRECISIONS = ("fp32", "bf16")
ENGINES = (("torch", "fp32"), ("torch", "bf16"), ("ctranslate2", "fp32"), ("ctranslate2", "int8"))
BATCH_SIZE = 32
"""Of training: a GPU is not kept at work by the 8 dialogues of the experiments."""


def measure_training(folder: Path, examples: Sequence[Example], device: str) -> Iterator[Row]:
    """Train two epochs with each method and precision and time the steps of the second."""
    for method in METHODS:
        for precision in PRECISIONS:
            options = {"device": device, "precision": precision, "per_device_train_batch_size": BATCH_SIZE}
            config = ours.load_config(folder, num_train_epochs=2.0, **options)
            model, tokenizer = ours.load_trainable(config, method)
            with TemporaryDirectory() as work:
                steps = ours.train(model, tokenizer, examples, config, method=method, work=Path(work))
            seconds = steps.ends[-1] - steps.ends[steps.num_first_epoch - 1]
            num_steps = len(steps.ends) - steps.num_first_epoch
            tokens = sum(sum(pair.lengths) for pair in ours.tokenize(examples, tokenizer, config))
            yield {
                "what": METHOD_NAMES[method],
                "precision": precision,
                "seconds_per_step": seconds / num_steps,
                "dialogues_per_second": len(examples) / seconds,
                "tokens_per_second": tokens / seconds,
                "peak_memory_bytes": steps.peak_memory_bytes,
            }


def measure_generation(folder: Path, examples: Sequence[Example], device: str) -> Iterator[Row]:
    """Summarize all dialogues twice with each engine and time the second time."""
    from dialora.config import GenerationConfig
    from dialora.data.tokens import tokenize_sources
    from dialora.generation import converted_stage, open_engine, write_predictions
    from dialora.measuring.memory import measure_peak_memory, reset_peak_memory
    from dialora.models.loading import load_base_model, load_tokenizer

    config = ours.load_config(folder)
    decoding = config.decoding.model_copy(update={"max_new_tokens": NEW_TOKENS})
    tokenizer, length = load_tokenizer(config), config.data.max_source_length
    dialogues = [example.dialogue for example in examples]
    sources = tokenize_sources(dialogues, tokenizer, prompt=config.prompt, max_length=length)
    for name, precision in ENGINES:
        notes: list[str] = []
        with TemporaryDirectory() as work:
            try:
                engine = open_engine(
                    GenerationConfig.model_validate({"engine": name, "precision": precision}),
                    decoding,
                    load_base_model(config).to(device),
                    tokenizer,
                    stage=converted_stage(Path(work), system="benchmark", precision=precision),
                    sources=[source.input_ids for source in sources],
                    on_warning=notes.append,
                )
            except DialoraError as error:
                yield {"what": name, "precision": precision, "notes": [str(error)]}
                continue
            reset_peak_memory()
            write_predictions(engine, tokenizer, examples, sources, decoding)
            started = time.perf_counter()
            made = write_predictions(engine, tokenizer, examples, sources, decoding).predictions
            seconds = time.perf_counter() - started
        yield {
            "what": name,
            "precision": engine.precision,
            "device": engine.device,
            "dialogues_per_second": len(examples) / seconds,
            "tokens_per_second": sum(one.num_new_tokens for one in made) / seconds,
            # What CTranslate2 takes is not torch's to tell.
            "peak_memory_bytes": measure_peak_memory() if engine.name == "torch" else None,
            "notes": notes,
        }


COLUMNS = {
    "what": "",
    "precision": "precision",
    "device": "device",
    "seconds_per_step": "s/step",
    "dialogues_per_second": "dialogues/s",
    "tokens_per_second": "tokens/s",
    "peak_memory_bytes": "peak memory (MiB)",
}


def render_table(rows: Sequence[Row]) -> list[str]:
    """Return Markdown lines with the columns that any row has, and notes below."""
    columns = [key for key in COLUMNS if any(key in row for row in rows)]
    lines = [f"| {' | '.join(COLUMNS[key] for key in columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(_render(key, row.get(key)) for key in columns)} |" for row in rows]
    notes = [f"- {row['what']}, {row['precision']}: {note}" for row in rows for note in row.get("notes", ())]
    return [*lines, "", *notes, ""] if notes else [*lines, ""]


def _render(key: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "–"
    if key == "peak_memory_bytes":
        return f"{value / 2**20:,.0f}"
    return f"{value:,.4f}" if key == "seconds_per_step" else f"{value:,.1f}"


def render_page(document: dict[str, Any]) -> str:
    """Return the page of what was measured."""
    machine = document["machine"]
    lines = [
        "# On a GPU",
        "",
        f"{document['device']}, torch {machine['torch']}, ctranslate2 {machine.get('ctranslate2', 'not installed')}: "
        f"{document['dialogues']} dialogues of {document['data']}, with their lengths. Training in batches of "
        f"{BATCH_SIZE}, tokens counted without padding; summaries are greedy, of at most {NEW_TOKENS} tokens. Each is "
        "a second pass, after one that warms up. Memory is what torch allocated, at most. `make gpu` makes this page.",
        "",
    ]
    for model, parts in document["models"].items():
        for part, rows in parts.items():
            lines += [f"## {MODEL_NAMES[model]}: {part}", "", *render_table(rows)]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the page; return the exit code."""
    import torch

    from dialora.measuring.environment import describe_environment

    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--layout", action="store_true", help="FLAN-T5-base's layout with random weights too")
    parser.add_argument("--dialogues", type=int, default=256, metavar="N")
    parser.add_argument("--output", type=Path, help="folder of the page")
    # To see that it works where there is no GPU; such numbers never go to docs/.
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    on_gpu = options.device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        print("benchmarks.gpu: torch sees no GPU here; nothing was measured.", file=sys.stderr)
        return 1
    corpus = load_corpus()
    examples = load_records(Example, save_sample(corpus, options.dialogues, FOLDER / "samples"))
    models: dict[str, Any] = {}
    for model in (BUNDLED, LAYOUT) if options.layout else (BUNDLED,):
        folder = find_model(model, FULL)
        if model == LAYOUT:
            build_layout(folder, num_layers=FULL.num_layers)
        models[model] = {}
        for part, measure in (("training", measure_training), ("summaries", measure_generation)):
            rows = models[model][part] = []
            for row in measure(folder, examples, options.device):
                rows.append(row)
                print(f"{MODEL_NAMES[model]}, {part}: {row['what']}, {row['precision']}", file=sys.stderr)
    document = {
        "schema_version": 1,
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "machine": describe_environment(),
        "data": corpus.name,
        "dialogues": len(examples),
        "models": models,
    }
    output = options.output or (REPOSITORY / "docs" if on_gpu else FOLDER)
    output.mkdir(parents=True, exist_ok=True)
    save_json(document, output / "benchmarks-gpu.json")
    (output / "benchmarks-gpu.md").write_text(render_page(document), encoding="utf-8")
    print(output / "benchmarks-gpu.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["main", "measure_generation", "measure_training", "render_page", "render_table"]
