"""`docs/notebook-recipe.md`: why the notebook's full fine-tuning lost to LoRA, told from the measurements.

The prose has a branch for every way the numbers can fall; no number and no finding stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.table import render_mean, render_table
from benchmarks.settings import METHOD_NAMES
from dialora.report.numbers import MINUS, format_rate

WAYS = {
    "ours": "dialora",
    "notebook, our time": "the notebook's recipe, in dialora's time",
    "notebook": "the notebook's recipe, one epoch",
    "the lab's rate": "… at the lab's rate for full fine-tuning",
    "labels masked": "… with the labels' padding masked",
    "attention mask": "… with the attention mask",
    "own rate": "… with each method's own rate",
    "all three": "… with all three",
}
MENDED = ("labels masked", "attention mask", "own rate")
FAULTS = {
    "labels masked": "the padding that stays in the labels",
    "attention mask": "the missing attention mask",
    "own rate": "the shared learning rate",
}
NOTEBOOK_ROUGE1 = {"zero_shot": 0.2001, "full": 0.2228, "lora": 0.4037}
"""What the notebook reports."""
NOTEBOOK_STEPS = 12_460 // 4
"""An epoch of DialogSum in batches of four."""
Numbers = Mapping[str, float]


def render_story(story: Mapping[str, Any]) -> str:
    """Return the whole page."""
    return "\n".join(
        [
            "# Why the notebook's full fine-tuning lost to LoRA\n",
            _render_short(story),
            _render_question(),
            "![ROUGE-1 of every way](figures/notebook-recipe.svg)\n",
            _render_table(story),
            "## Who wins, and by which recipe\n",
            _render_winners(story),
            "## Where the notebook's full fine-tuning ended\n",
            _render_gains(story),
            "## Which fault costs what\n",
            _render_faults(story),
            "## What the losses show\n",
            _render_losses(story),
            _render_how(story),
        ]
    )


def _render_short(story: Mapping[str, Any]) -> str:
    notebook, own = (story["full_minus_lora"].get(way) for way in ("notebook", "ours"))
    lines = []
    if notebook is not None and own is not None:
        lines.append(_conclude(notebook, own))
    low = _find_low(story)
    if low:
        lines.append(
            "Full fine-tuning ends where the notebook's did, beside the untrained model, in "
            f"{len(low)} of the {_count_ways(story)} ways it was trained here: {'; '.join(_name(way) for way in low)}."
        )
    else:
        lines.append("No way of training it here brings full fine-tuning down to where the notebook's ended.")
    if "the lab's rate" in low and notebook is not None and notebook["ci_high"] >= 0:
        lines.append(
            "On this evidence the likeliest reason is a learning rate with which so few steps hardly move the model, "
            "not the method."
        )
    if own is not None:
        lines.append(f"Trained by dialora, {_say_winner(own)}")
    if "full/notebook" in story["systems"]:
        lines.append(
            f"The base is small and an epoch {story['systems']['full/notebook']['steps']:,} steps long where the "
            f"notebook's was {NOTEBOOK_STEPS:,}, so what each fault costs FLAN-T5-base may differ."
        )
    return "**In short.** " + " ".join(lines) + "\n"


def _find_low(story: Mapping[str, Any]) -> list[str]:
    """Return the ways in which full fine-tuning ends no further above the untrained model than the notebook's."""
    gain = NOTEBOOK_ROUGE1["full"] - NOTEBOOK_ROUGE1["zero_shot"]
    above = story["above_untrained"]
    return [way for way in WAYS if f"full/{way}" in above and above[f"full/{way}"]["mean"] <= gain]


def _count_ways(story: Mapping[str, Any]) -> int:
    return sum(f"full/{way}" in story["above_untrained"] for way in WAYS)


def _name(way: str) -> str:
    return WAYS[way].removeprefix("… ")


def _render_question() -> str:
    zero_shot, full, lora = (f"{NOTEBOOK_ROUGE1[name]:.4f}" for name in ("zero_shot", "full", "lora"))
    return f"""\
In the notebook this project began with, full fine-tuning of FLAN-T5-base on DialogSum ended hardly above the
untrained model, {full} ROUGE-1 against {zero_shot}, and LoRA far above both, {lora}. Nothing in the two methods
explains that. Three things in the recipe might:

1. **Padding in the labels.** Every summary is padded to 512 tokens with id 0, and the loss counts the padding as
   words to be learned.
2. **No attention mask.** The encoder reads the padding behind each dialogue as if it were said.
3. **One learning rate for both.** LoRA's best rate is about ten times full fine-tuning's.

A fourth would be the opposite of the third: the rate that a well-known course lab gives full fine-tuning, 1e-05, with
which one epoch may be too short.

So we run that recipe to its end, with both methods, on the bundled base and dialogues; then in the time that
dialora's training took; then with one fault mended at a time. Everyone decodes greedily in the same way and is scored
by the same code.
"""


def _render_table(story: Mapping[str, Any]) -> str:
    rows = []
    for name in ("zero_shot", *(f"{method}/{way}" for way in WAYS for method in METHOD_NAMES)):
        system = story["systems"].get(name)
        if system is None:
            continue
        method, _, way = name.partition("/")
        label = "untrained" if not way else f"{METHOD_NAMES[method]}, {WAYS[way]}"
        rate = system["learning_rate"]
        rows.append(
            [
                label,
                "–" if rate is None else format_rate(rate),
                f"{system['seconds']:.0f}",
                str(system["steps"]),
                render_mean(system["rouge1"]),
                f"{system['rougeL']['mean']:.4f}",
                f"{system['new_tokens']:.1f}",
            ]
        )
    return render_table(["", "rate", "seconds", "steps", "ROUGE-1", "ROUGE-L", "tokens"], rows)


def _render_winners(story: Mapping[str, Any]) -> str:
    lines = []
    for way in ("notebook", "notebook, our time", "ours"):
        difference = story["full_minus_lora"].get(way)
        if difference is not None:
            lines.append(f"- {WAYS[way]}: {_say_winner(difference)}")
    for method, difference in story["ours_minus_notebook"].items():
        lines.append(
            f"- {METHOD_NAMES[method]} in the same time: dialora's is {_points(difference)} ROUGE-1 points from the "
            "notebook's recipe."
        )
    return "\n".join(lines) + "\n"


def _say_winner(difference: Numbers) -> str:
    points = f"{_points(difference)} ROUGE-1 points"
    if difference["ci_low"] > 0:
        return f"full fine-tuning is ahead of LoRA by {points}."
    if difference["ci_high"] < 0:
        return f"full fine-tuning is behind LoRA: {points}."
    return f"the two do not differ for sure ({points})."


def _conclude(notebook: Numbers, own: Numbers) -> str:
    if notebook["ci_high"] < 0 <= own["ci_high"]:
        return (
            "The notebook's result is its recipe's: the same model and dialogues, trained without its faults, do not "
            "show it."
        )
    if notebook["ci_high"] < 0:
        return (
            "Full fine-tuning is behind LoRA with either recipe here, so on this model the recipe alone does not "
            "explain it."
        )
    moved = (notebook["mean"] - own["mean"]) * 100
    if abs(moved) < 1:
        return (
            "On this small model the recipe does not turn the order of the two methods; see what it costs both below."
        )
    way = "in LoRA's favour" if moved < 0 else "in full fine-tuning's favour"
    return (
        "On this small model the recipe does not make full fine-tuning lose, but moves the two by "
        f"{abs(moved):.1f} points {way}."
    )


def _render_gains(story: Mapping[str, Any]) -> str:
    above = story["above_untrained"]
    rows = [
        [_name(way), *(_points(above.get(f"{method}/{way}")) for method in METHOD_NAMES)]
        for way in WAYS
        if any(f"{method}/{way}" in above for method in METHOD_NAMES)
    ]
    gain = 100 * (NOTEBOOK_ROUGE1["full"] - NOTEBOOK_ROUGE1["zero_shot"])
    text = f"ROUGE-1 points above the untrained model, where the notebook's full fine-tuning ended at {gain:+.1f}:\n\n"
    text += render_table(["", *METHOD_NAMES.values()], rows)
    lab, system = story["lab_rate_minus_lora"].get("ours"), story["systems"].get("full/the lab's rate")
    if lab is not None and system is not None:
        text += (
            f"\nAt the lab's rate of {format_rate(system['learning_rate'])}, full fine-tuning is {_points(lab)} points "
            "from LoRA as dialora trains it.\n"
        )
    return text


def _render_faults(story: Mapping[str, Any]) -> str:
    rows = [
        [_name(way), *(_points(story["gains"].get(f"{method}/{way}")) for method in METHOD_NAMES)]
        for way in (*MENDED, "all three", "the lab's rate")
    ]
    text = "ROUGE-1 points against the recipe as it is, paired over the test dialogues, with 95 % intervals:\n\n"
    text += render_table(["", *METHOD_NAMES.values()], rows) + "\n"
    for method, label in METHOD_NAMES.items():
        gains = {way: story["gains"][f"{method}/{way}"] for way in MENDED if f"{method}/{way}" in story["gains"]}
        sure = {way: gain for way, gain in gains.items() if gain["ci_low"] > 0}
        if not gains:
            continue
        if sure:
            best = max(sure, key=lambda way: sure[way]["mean"])
            text += f"For {label}, {FAULTS[best]} costs most: mending it alone gives {_points(sure[best])} points.\n"
        else:
            text += f"For {label}, no single fault costs a difference that is sure on these dialogues.\n"
    return text


def _render_losses(story: Mapping[str, Any]) -> str:
    lines = []
    for method, label in METHOD_NAMES.items():
        recipe, masked = (story["systems"].get(f"{method}/{way}") for way in ("notebook", "labels masked"))
        if not recipe or not masked or not recipe["losses"] or not masked["losses"]:
            continue
        lines.append(
            f"- {label}: with the padding in the labels the loss goes from {recipe['losses'][0]:.2f} to "
            f"{recipe['losses'][-1]:.2f}, with it masked from {masked['losses'][0]:.2f} to {masked['losses'][-1]:.2f}."
        )
    if not lines:
        return ""
    lines += _render_worst(story["systems"])
    return (
        "The two losses are means over different things: of the first, most positions are padding, which is learned "
        "before the words and then counts as success.\n\n" + "\n".join(lines) + "\n"
    )


def _render_worst(systems: Mapping[str, Any]) -> list[str]:
    """Name the one with padding in its labels that scores worst, when that is below the untrained model."""
    padded = {
        f"{method}/{way}": systems[f"{method}/{way}"]
        for method in METHOD_NAMES
        for way in ("notebook", "attention mask", "own rate")
        if f"{method}/{way}" in systems
    }
    name = min(padded, key=lambda each: padded[each]["rouge1"]["mean"])
    method, _, way = name.partition("/")
    score = padded[name]["rouge1"]["mean"]
    if "zero_shot" not in systems or score >= systems["zero_shot"]["rouge1"]["mean"]:
        return []
    return [
        f"- Such a loss says little of the summaries: {METHOD_NAMES[method]}, {_name(way)}, comes down to "
        f"{padded[name]['losses'][-1]:.2f} and scores {score:.4f} ROUGE-1, less than the untrained model."
    ]


def _render_how(story: Mapping[str, Any]) -> str:
    rate = format_rate(story["shared_rate"])
    return f"""\
## How it was made

The bundled base and dialogues, {story["num_examples"]} for testing. The shared rate is {rate}, the notebook's for LoRA;
each method's own is that of the bundled experiment. The recipe's schedule always runs to its end: in dialora's time it
has as many steps as fit. Intervals are bootstrapped over dialogues. `python -m benchmarks --parts story` makes all
of it again.
"""


def _points(difference: Numbers | None) -> str:
    if difference is None:
        return "–"
    mean, low, high = (100 * difference[key] for key in ("mean", "ci_low", "ci_high"))
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]".replace("-", MINUS)


__all__ = ["WAYS", "render_story"]
