"""How long each part of an experiment took, and what was cut at its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dialora.config import ExperimentConfig
from dialora.report.labels import name_readers
from dialora.store import ExperimentFolder, Run
from dialora.tuning.rules import SearchOutcome


def describe_truncation(
    config: ExperimentConfig, labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return what was cut at a limit, and how often: of dialogues, by each base that read them."""
    rows: list[dict[str, Any]] = []
    source, target = config.data.max_source_length, config.data.max_target_length
    readers = name_readers(config)
    for reader in dict.fromkeys(readers.values()):
        read = [run for run in runs if readers[run.key] == reader]
        named = f" ({reader})" if len(set(readers.values())) > 1 else ""
        trained = [facts[run.name]["training"]["data"] for run in read if run.training is not None]
        for what, limit, name in (
            ("training dialogues", source, "num_truncated_sources"),
            ("training summaries", target, "num_truncated_targets"),
        ):
            for data in trained[:1]:  # all of one base have read the same
                rows.append({"what": what + named, "limit": limit, "count": data[name], "total": data["num_pairs"]})
        for run in read[:1]:
            test = facts[run.name]["generation"]
            counts = {"count": test["num_truncated"], "total": test["num_examples"]}
            rows.append({"what": f"test dialogues{named}", "limit": source, **counts})
    for run in runs:
        made = facts[run.name]["generation"]
        what = f"summaries by {labels[run.key]}" + (f", seed {run.seed}" if run.seed else "")
        limit = config.decoding.max_new_tokens
        rows.append({"what": what, "limit": limit, "count": made["num_cut"], "total": made["num_examples"]})
    return rows


def describe_tokens(folder: ExperimentFolder, runs: Sequence[Run]) -> dict[str, float]:
    """Return how long tokenizing for all runs took; nothing where an earlier version did it, or nothing is trained."""
    seconds = folder.read_token_seconds() if any(run.training is not None for run in runs) else None
    return {} if seconds is None else {"tokenize": seconds}


def describe_searches(labels: dict[str, str], searches: Sequence[SearchOutcome]) -> dict[str, float]:
    """Return how long each search took; of an interrupted trial only the optimizer steps are known."""
    return {
        f"{labels[search.key]}: search for the learning rate": sum(
            trial.train_seconds if trial.wall_seconds is None else trial.wall_seconds for trial in search.trials
        )
        for search in searches
    }


def describe_seconds(labels: dict[str, str], runs: Sequence[Run], facts: dict[str, Any]) -> dict[str, float]:
    """Return how long each part of each run took, in order; what is not known is left out."""
    seconds: dict[str, float] = {}
    for run in runs:
        name = labels[run.key] + (f", seed {run.seed}" if run.seed else "")
        training = facts[run.name]["training"]
        if training is not None:
            steps = training["result"]["train_seconds"]
            # In earlier versions the first run tokenized.
            before = training.get("tokenize_seconds", 0.0)
            seconds[f"{name}: tokenize" if before else f"{name}: load"] = before or training["load_seconds"]
            encoding = training["result"].get("encoding_seconds") or 0.0
            if encoding:
                seconds[f"{name}: encoder, once"] = encoding
            seconds[f"{name}: training steps"] = steps
            if training["wall_seconds"] is not None:
                rest = training["wall_seconds"] - before - encoding - steps
                seconds[f"{name}: validation and checkpoints"] = max(0.0, rest)
        if facts[run.name]["generation"]["generate_seconds"] is not None:
            seconds[f"{name}: generate"] = facts[run.name]["generation"]["generate_seconds"]
        seconds[f"{name}: score"] = facts[run.name]["scoring"]["score_seconds"]
    return seconds


__all__ = ["describe_searches", "describe_seconds", "describe_tokens", "describe_truncation"]
