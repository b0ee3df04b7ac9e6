"""What the report says in words of how its numbers came about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dialora.comparison import SystemRuns
from dialora.config import ExperimentConfig, ScoringConfig
from dialora.config.base_identity import tell_base
from dialora.printable import join_words
from dialora.protocols import PROTOCOLS, STANDARD
from dialora.records import Example
from dialora.report.environments import describe_environments
from dialora.report.labels import name_bases
from dialora.scoring.learned import sign_learned
from dialora.scoring.tokenizers import count_dropped
from dialora.store import Run

SMALLEST_SHARE = 0.001
"""Of letters dropped that is said: below it are single accents of borrowed words."""


def sign_scores(scoring: ScoringConfig, examples: Sequence[Example]) -> str:
    """Return the signature that these examples' scores carry."""
    rouge = scoring.rules.sign(
        references=scoring.references,
        num_examples=len(examples),
        num_references=sum(len(example.references) for example in examples),
    )
    return rouge + sign_learned(scoring)


def describe_protocol(scoring: ScoringConfig) -> list[str]:
    """Say whose numbers these may stand beside."""
    return [f"Protocol {scoring.protocol}: these scores may stand beside {PROTOCOLS[scoring.protocol].stands_beside}."]


def describe_letters(scoring: ScoringConfig, texts: Iterable[str]) -> list[str]:
    """Say which share of the letters of texts the tokenizer drops; nothing where it is next to none."""
    if scoring.tokenizer != STANDARD.tokenizer:
        return []
    dropped, total = count_dropped(texts)
    if not total or dropped / total < SMALLEST_SHARE:
        return []
    return [
        f"ROUGE reads a–z and 0–9 alone: {dropped / total:.1%} of the letters and digits that it is given "
        f"({dropped:,} of {total:,}) are dropped, and words that differ in nothing else count as the same. "
        "`scoring.tokenizer: unicode` reads every script."
    ]


def describe_yardsticks(yardsticks: Sequence[SystemRuns], examples: Sequence[Example]) -> list[str]:
    """Say how the yardsticks came about, or why one is missing."""
    notes = []
    shown = {item.key for item in yardsticks}
    if "human" in shown:
        notes.append(
            "Human: each reference is scored as a summary against the others of its dialogue, one fewer than a system "
            "has, and the mean is taken."
        )
    single = sum(len(example.references) == 1 for example in examples)
    if 0 < single < len(examples):
        notes.append(f"No human row: {single:,} of {len(examples):,} test dialogues have one reference only.")
    if "lead-2" in shown:
        notes.append("First two turns, longest two turns: cut from the dialogue with their speakers, nothing written.")
    return notes


def describe_prompts(config: ExperimentConfig, labels: dict[str, str]) -> list[str]:
    """Name the systems whose prompt is another than that of the first on their base; the bases' own are settled."""
    firsts: dict[tuple[str, str], tuple[str, str]] = {}
    others: dict[str, list[str]] = {}
    for key in config.methods:
        own = config.for_method(key)
        first, prompt = firsts.setdefault(tell_base(own), (key, own.prompt))
        if own.prompt != prompt:
            others.setdefault(first, []).append(labels[key])
    bases = name_bases(config)
    return [
        f"{join_words(found)} {'has' if len(found) == 1 else 'have'} another prompt than {labels[first]}, the "
        f"first system{f' on {bases[first]}' if bases else ''}: what differs between them is the prompt, and not the "
        f"method alone."
        for first, found in others.items()
    ]


def describe_runs(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> list[str]:
    """Say what is not as expected of the runs, and how they were made."""
    notes = describe_environments(labels, runs, facts)
    for run in runs:
        made, trained = facts[run.name]["generation"], facts[run.name]["training"]
        if made["num_empty"]:
            notes.append(f"{labels[run.key]} wrote nothing for {made['num_empty']} dialogues; these score 0.")
        if made["generate_seconds"] is None:
            notes.append(f"{labels[run.key]}: generation was interrupted and resumed, so its time is not known.")
        if trained and trained["result"]["stopped_early"]:
            notes.append(f"{labels[run.key]} stopped early after {trained['result']['num_steps']} steps.")
    notes += _describe_steps(labels, runs, facts)
    shares = [facts[run.name]["training"]["padding_share"] for run in runs if run.training is not None]
    if shares:
        notes.append(f"{np.mean(shares):.1%} of the positions in training batches were padding.")
        precision = {facts[run.name]["training"]["result"]["precision"] for run in runs if run.training is not None}
        notes.append(f"Training multiplied in {', '.join(sorted(precision))}.")
    notes.append(f"Summaries were written in {_describe_engines(labels, runs, facts)}.")
    return notes


def _describe_steps(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> list[str]:
    """Say how many steps each system was trained, and on how many pairs of dialogue and summary a step."""
    named: dict[str, list[str]] = {}
    for run in runs:
        trained = facts[run.name]["training"]
        # Runs of earlier versions do not say how many rows a step had.
        if trained and "rows_per_step" in trained:
            text = (
                f"{trained['result']['num_steps']:,} optimizer steps of {trained['rows_per_step']:.1f} pairs on average"
            )
            if labels[run.key] not in named.setdefault(text, []):
                named[text].append(labels[run.key])
    if len(named) == 1:
        return [f"Every system was trained for {next(iter(named))}."]
    return [f"{', '.join(systems)}: {text}." for text, systems in named.items()]


def _describe_engines(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> str:
    """Say in which precision, and by which engine, each system's summaries were made."""
    engines: dict[str, list[str]] = {}
    for run in runs:
        made = facts[run.name]["generation"]
        # Experiments finished before there was a choice had torch in fp32.
        engine = f"{made.get('precision', 'fp32')} ({made.get('engine', 'torch')})"
        if labels[run.key] not in engines.setdefault(engine, []):
            engines[engine].append(labels[run.key])
    if len(engines) == 1:
        return next(iter(engines))
    return "; ".join(f"{engine}: {', '.join(names)}" for engine, names in engines.items())


__all__ = [
    "SMALLEST_SHARE",
    "describe_letters",
    "describe_prompts",
    "describe_protocol",
    "describe_runs",
    "describe_yardsticks",
    "sign_scores",
]
