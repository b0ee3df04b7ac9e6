"""The search for learning rates over several bases: each in its own range, on its own model, used for its own run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dialora import api
from dialora.config import load_experiment
from tests.conftest import build_experiment_values
from tests.models.families.tiny import build_folder

RANGES = {"full": (1e-5, 1e-3), "full_bart": (3e-6, 3e-4), "full_llama": (2e-6, 2e-4)}


@pytest.fixture(scope="module")
def several(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("bases")
    values = build_experiment_values(tiny_model, small_data)
    methods: dict[str, Any] = {"full": {}}
    for kind in ("bart", "llama"):
        methods[f"full_{kind}"] = {"method": "full", "model": str(build_folder(kind, root / f"tiny-{kind}"))}
    training = values["training"] | {"max_steps": 4}
    return values | {"methods": methods, "training": training, "tuning": {"trials": 2, "halving": False}}


def read_trials(root: Path) -> dict[str, tuple[bytes, int]]:
    found = root.glob("tuning/*/*/result/trial.json")
    return {path.parents[1].name: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_every_base_is_searched_in_its_own_range_and_trained_with_its_own_rate(
    several: dict[str, Any], tmp_path: Path
) -> None:
    root = tmp_path / "it"
    config = load_experiment(several)
    api.compare(config, output=root)
    before, results = read_trials(root), json.loads((root / "results.json").read_text(encoding="utf-8"))
    searches = {search["key"]: search for search in results["tuning"]}
    assert searches.keys() == RANGES.keys()
    losses = set()
    for key, (low, high) in RANGES.items():
        search = searches[key]
        assert (search["low"], search["high"]) == pytest.approx((low, high))
        assert search["trials"][0]["learning_rate"] == pytest.approx((low * high) ** 0.5)
        # The same model, rate, seed and batches: the run's loss is that of the trial that was chosen, to the last bit.
        training = json.loads(next(root.glob(f"{key}-s0-*/training/training.json")).read_text(encoding="utf-8"))
        chosen = next(trial for trial in search["trials"] if trial["learning_rate"] == search["chosen"])
        assert [list(point) for point in training["result"]["validation"]] == chosen["validation"]
        losses.add(chosen["value"])
    assert len(losses) == len(RANGES)
    # What is missing of one base's search is made again, and of no other.
    shutil.rmtree(next(root.glob("tuning/*/full_bart-trial-1")))
    api.tune(config, output=root)
    after = read_trials(root)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name][1] != before[name][1]] == ["full_bart-trial-1"]
    again, first = (json.loads(trials["full_bart-trial-1"][0]) for trials in (after, before))
    assert [again[name] for name in ("learning_rate", "value", "validation")] == [
        first[name] for name in ("learning_rate", "value", "validation")
    ]
    rows = (root / "report.md").read_text(encoding="utf-8").partition("## Learning rates")[2].splitlines()
    assert [row.split("|")[1].strip() for row in rows if "2 rates" in row] == [
        "Instruct (full)", "Instruct (full_bart)", "Instruct (full_llama)",
    ]  # fmt: skip
