"""Draw how far the base has come: `python -m recipes.base.curve MODEL... --output recipes/base`.

Takes exported models of growing training, fine-tunes each on the same few DialogSum dialogues with dialora, and writes
`learning_curve.json` and `.svg`: ROUGE-1 of the three systems on a sample of the test split against the rows that the
base was trained on, with the aims as lines. Finished comparisons are taken from `runs/`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dialora
from dialora.report.palette import COLORS, GREY
from recipes.base.evaluate import find_dialogsum

EXPERIMENT: dict[str, Any] = {
    "methods": {"zero_shot": {}, "full": {"learning_rate": 6e-4}, "lora": {"learning_rate": 3e-3}},
    "training": {"num_train_epochs": 1, "per_device_train_batch_size": 8, "num_evaluations": 1},
    "decoding": {"num_beams": 1, "max_new_tokens": 60},
}
NUM_TRAIN, NUM_TEST = 1000, 200
SYSTEM_COLORS = {"Original": GREY, "Instruct": COLORS[0], "PEFT": COLORS[1]}
AIMS = {"Original": 0.18, "Instruct": 0.36, "PEFT": 0.33}


def read_rows(model: Path) -> int:
    """Return the rows a model was trained on, from its card."""
    card = (model / "README.md").read_text(encoding="utf-8")
    found = re.search(r"([\d,]+) rows in", card)
    if found is None:
        raise ValueError(f"'{model}': its README.md does not say how many rows it was trained on")
    return int(found[1].replace(",", ""))


def measure(model: Path, runs: Path) -> dict[str, Any]:
    """Return the rows of one model and every system's ROUGE-1 with its interval."""
    num_rows = read_rows(model)
    experiment = EXPERIMENT | {
        "name": f"curve-{num_rows}",
        "model": str(model),
        "data": {"source": find_dialogsum(), "max_train_examples": NUM_TRAIN, "max_test_examples": NUM_TEST},
    }
    comparison = dialora.compare(experiment, output=runs / f"curve-{num_rows}")
    scores = {s.label.split()[0]: s.scores["rouge1"] for s in comparison.systems if not s.yardstick}
    return {"rows": num_rows} | {name: [score.mean, score.ci_low, score.ci_high] for name, score in scores.items()}


def draw(points: Sequence[dict[str, Any]], path: Path) -> None:
    """Plot ROUGE-1 against rows, aims dashed."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {"svg.hashsalt": "dialora", "svg.fonttype": "none", "font.size": 9}
    with rc_context(style | {"axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.4, 3.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        rows = [point["rows"] / 1000 for point in points]
        for name, color in SYSTEM_COLORS.items():
            means, lows, highs = zip(*(point[name] for point in points), strict=True)
            axes.fill_between(rows, lows, highs, color=color, alpha=0.12, linewidth=0)
            axes.plot(rows, means, "o-", color=color, label=name)
            axes.axhline(AIMS[name], color=color, linestyle=":", linewidth=1)
            axes.annotate(f"aim, all of DialogSum: {AIMS[name]:.2f}", (rows[0], AIMS[name]), color=color, va="bottom")
        axes.set(xlabel="rows the base was trained on (thousands)", ylabel="ROUGE-1, DialogSum test sample")
        axes.set_title(f"After {NUM_TRAIN:,} DialogSum dialogues, one epoch", loc="left")
        axes.legend(frameon=False, loc="lower right")
        figure.savefig(path, metadata={"Date": None})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every model, write both files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m recipes.base.curve", description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="exported models")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(arguments)
    points = sorted((measure(model, options.runs) for model in options.models), key=lambda point: point["rows"])
    text = json.dumps(points, indent=1) + "\n"
    (options.output / "learning_curve.json").write_text(text, encoding="utf-8")
    draw(points, options.output / "learning_curve.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
