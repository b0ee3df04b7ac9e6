"""Measure the exported base and write the numbers into its card: `python -m recipes.base.evaluate`.

Runs two experiments with dialora itself, `dialogsum.yaml` and the bundled one, or takes what of them is finished,
and fills the card between its two marks. DialogSum comes from `$DIALORA_DATA/dialogsum/hub` where that is there, else
from the hub. Of DialogSum only numbers enter the card; the summaries shown are of the bundled dialogues.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import dialora
from dialora.comparison import Comparison
from dialora.config import load_experiment
from dialora.data.tokens import tokenize_sources
from dialora.errors import DialoraError
from dialora.generation import generate
from dialora.models.adapters import load_system
from dialora.models.loading import load_tokenizer
from dialora.records import Example
from dialora.report import numbers
from dialora.report.tables import METRIC_NAMES
from dialora.store import load_records, save_text
from recipes.base.card import END, START
from recipes.base.corpora import REPOSITORY, data_folder

CARD = REPOSITORY / "src" / "dialora" / "assets" / "base" / "README.md"
NUM_SHOWN = 10
NUM_BEAMS = 4  # of the summaries shown


def find_dialogsum() -> str:
    """Return the local folder of DialogSum, or its hub id."""
    folder = data_folder() / "dialogsum" / "hub"
    return str(folder) if folder.is_dir() else "knkarthick/dialogsum"


def render_scores(comparison: Comparison) -> str:
    """Return one row per system: cost, then every metric's mean with its interval."""
    lines = ["| system | trainable | training | " + " | ".join(METRIC_NAMES.values()) + " |", "|---" * 7 + "|"]
    for system in comparison.systems:
        is_trained = bool(system.train_seconds)
        cells = [
            system.label,
            numbers.format_count(system.trainable_params if is_trained else 0),
            numbers.format_duration(system.train_seconds if is_trained else None),
            *(numbers.format_interval(system.scores[metric]) for metric in METRIC_NAMES),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    first = comparison.systems[0]
    for system in comparison.systems[1:]:
        if system.yardstick:
            continue
        gain = comparison.difference(system.key, first.key)
        lines.append(
            f"\n{system.label} {numbers.MINUS} {first.label}: {numbers.format_points(gain.difference)} ROUGE-1 points "
            f"{numbers.format_points_bounds(gain.ci_low, gain.ci_high)}."
        )
    return "\n".join(lines)


def choose_examples(runs: Path) -> list[Example]:
    """Return test dialogues at even distances: no hand picks the good ones."""
    test = load_records(Example, runs / "data" / "test.jsonl")
    return test[:: len(test) // NUM_SHOWN][:NUM_SHOWN]


def summarize(
    comparison: Comparison, runs: Path, examples: Sequence[Example], suffix: str
) -> dict[str, dict[str, str]]:
    """Let the trained systems of an experiment summarize bundled dialogues: label with `suffix` → id → summary."""
    config = load_experiment("bundled", {"decoding.num_beams": NUM_BEAMS})
    tokenizer = load_tokenizer(config)
    dialogues = [example.dialogue for example in examples]
    sources = tokenize_sources(dialogues, tokenizer, prompt=config.prompt, max_length=config.data.max_source_length)
    written = {}
    for system in comparison.systems[1:]:
        if system.yardstick:
            continue
        (folder,) = runs.glob(f"{system.key}-s{system.seeds[0]}-*/training")
        model = load_system(config, config.methods[system.key], folder)
        predictions = generate(model, tokenizer, examples, sources, config.decoding)
        written[f"{system.label}, {suffix}"] = {p.id: p.summary for p in predictions}
    return written


def render_summaries(examples: Sequence[Example], written: dict[str, dict[str, str]]) -> str:
    """Show what every system wrote of each example, below a person's summary."""
    lines = []
    for example in examples:
        lines += [f"**{example.id}**", "", f"- written: {example.references[0]}"]
        lines += [f"- {label}: {texts[example.id]}" for label, texts in written.items()]
        lines.append("")
    return "\n".join(lines)


def fill(card: str, section: str) -> str:
    """Return `card` with what stands between its marks replaced."""
    pattern = re.compile(rf"(?<={re.escape(START)}\n).*?(?={re.escape(END)})", re.S)
    if not pattern.search(card):
        raise ValueError(f"the card lacks the marks '{START}' and '{END}'; export the model again")
    return pattern.sub(lambda _: section, card)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both experiments, fill the card; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recipes.base.evaluate", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the two experiments' outputs")
    parser.add_argument("--card", type=Path, default=CARD)
    options = parser.parse_args(arguments)
    experiment = Path(__file__).with_name("dialogsum.yaml")
    try:
        source = [f"data.source={find_dialogsum()}"]
        dialogsum = dialora.compare(experiment, set=source, output=options.runs / "base-dialogsum")
        bundled = dialora.compare("bundled", output=options.runs / "bundled")
    except DialoraError as error:
        print(error, file=sys.stderr)
        return 2
    examples = choose_examples(options.runs / "bundled")
    written = summarize(bundled, options.runs / "bundled", examples, "480 bundled dialogues")
    written |= summarize(dialogsum, options.runs / "base-dialogsum", examples, "DialogSum")
    section = "\n".join(
        [
            f"\nDialogSum, {dialogsum.num_examples} test dialogues, mean over 3 references, stemmer, 95 % intervals "
            "over dialogues\n(`recipes/base/dialogsum.yaml`):\n",
            render_scores(dialogsum),
            f"\nThe bundled dialogues, {bundled.num_examples} for testing, mean of 2 references, `dialora compare`:\n",
            render_scores(bundled),
            "\nTest summaries of bundled dialogues at even distances, not chosen, by the trained systems with what\n"
            f"they were trained on; {NUM_BEAMS} beams (the tables are greedy, which is rougher English):\n\n"
            + render_summaries(examples, written),
        ]
    )
    save_text(fill(options.card.read_text(encoding="utf-8"), section), options.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
