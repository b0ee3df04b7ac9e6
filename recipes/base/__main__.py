"""Run the whole recipe, corpora to exported model: `python -m recipes.base --output src/dialora/assets/base`."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from recipes.base.card import render_card
from recipes.base.corpora import CorporaMissingError, Dialogue, find_corpora, load_dialogues
from recipes.base.network import build_model, export
from recipes.base.presets import PRESETS, Preset
from recipes.base.pretrain import CHECKPOINT, Trainer
from recipes.base.rows import build_tables, load_tables, save_tables
from recipes.base.tasks import DEFAULT_PROMPT, PROMPTS
from recipes.base.tokenizer import build_tokenizer, save_tokenizer

TEXT_SHARE = {"schema_guided": 0.3}  # of the dialogues that the vocabulary is learned from; 1 for the others


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m recipes.base", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the exported model, replaced when done")
    parser.add_argument("--preset", choices=[*PRESETS], default="cpu", help="size and length (default %(default)s)")
    parser.add_argument(
        "--work",
        type=Path,
        help="tokenised rows and checkpoints (default build/base-PRESET)",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--export-only", action="store_true", help="export the last checkpoint without training")
    return parser.parse_args(arguments)


def prepare(work: Path, preset: Preset, seed: int) -> PreTrainedTokenizerBase:
    """Learn the vocabulary and tokenise the rows unless the work folder has both; return the tokenizer."""
    rows, vocabulary = work / "rows.safetensors", work / "tokenizer"
    if not rows.exists():
        work.mkdir(parents=True, exist_ok=True)
        dialogues = load_dialogues(find_corpora(), preset.max_dialogues)
        tokenizer = build_tokenizer(_texts(dialogues, seed), preset.size.vocab_size)
        save_tokenizer(tokenizer, vocabulary)
        save_tables(build_tables(dialogues, tokenizer, scale=preset.scale, seed=seed), rows)
    return AutoTokenizer.from_pretrained(vocabulary)


def _texts(dialogues: Sequence[Dialogue], seed: int) -> list[str]:
    rng = random.Random(seed)
    chosen = [d for d in dialogues if not d.is_held_out and rng.random() < TEXT_SHARE.get(d.corpus, 1.0)]
    prompts = [DEFAULT_PROMPT, *PROMPTS] * 300  # so that their words become pieces
    return prompts + [text for d in chosen for text in (*(turn.text for turn in d.turns), d.summary) if text]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare, train and export; return the exit code."""
    options = parse(arguments)
    preset = PRESETS[options.preset]
    work = options.work or Path("build") / f"base-{options.preset}"
    if options.export_only and not (work / CHECKPOINT).exists():
        print(f"--export-only: no '{work / CHECKPOINT}'. Train first (leave --export-only out).", file=sys.stderr)
        return 2
    try:
        tokenizer = prepare(work, preset, options.seed)
    except CorporaMissingError as error:
        print(error, file=sys.stderr)
        return 2
    torch.manual_seed(options.seed)
    trainer = Trainer(build_model(preset.size), load_tables(work / "rows.safetensors"), work, preset, options.seed)
    run = trainer.run if options.export_only else trainer.train()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    card = render_card(run, preset, trainer.model.num_parameters())
    export(trainer.model.cpu(), tokenizer, options.output, card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
