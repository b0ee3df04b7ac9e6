"""kill -9 in an experiment over three bases: each base's system goes on, and all end as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialora.store import names
from tests import sizes
from tests.experiment.test_kill import contents, kill_at, run, start
from tests.models.families.tiny import build_folder

MOMENTS = (
    "tokens-*/.*.writing",
    f"lora-*/{names.WORK}/checkpoint-*",
    f"lora_bart-*/{names.WORK}/checkpoint-*",
    "lora_bart-*/.generation.writing",
    "lora_llama-*/.training.writing",
    f"lora_llama-*/{names.WORK}/partial.jsonl",
)
"""In the order in which they come."""
ATTEMPTS = 4


@pytest.fixture
def file(experiment: dict[str, Any], tmp_path: Path) -> Path:
    """An experiment over a T5, a BART and a Llama that writes a checkpoint after every step."""
    options = {"method": "lora", "r": 4, "learning_rate": 1e-2}
    values = experiment | {
        "methods": {
            "lora": options,
            "lora_bart": options | {"model": str(build_folder("bart", tmp_path / "tiny-bart"))},
            "lora_llama": options | {"model": str(build_folder("llama", tmp_path / "tiny-llama", chat=True))},
        },
        "training": experiment["training"] | {"checkpoint_seconds": 1e-6},
        "decoding": experiment["decoding"] | {"max_batch_tokens": 128},
    }
    path = tmp_path / "three.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@sizes.thorough
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker through /proc")
def test_killed_on_every_base_three_bases_end_like_undisturbed_ones(file: Path, tmp_path: Path) -> None:
    rng = random.Random(0)
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    run(file, undisturbed)
    for at, moment in enumerate(MOMENTS[1::2] if sizes.IS_QUICK else MOMENTS):
        for _ in range(ATTEMPTS):
            if kill_at(start(file, disturbed), disturbed, moment, rng, parent=at % 2 == 0):
                break
            # It passed between two looks, and the experiment went on to its end: let it come again.
            for stage in disturbed.glob(moment.partition("/")[0]):
                shutil.rmtree(stage)
        else:
            pytest.fail(f"never killed at {moment}")
    run(file, disturbed)
    expected = contents(undisturbed)
    assert {name.split("-")[0] for name in expected} == {"lora", "lora_bart", "lora_llama", "results"}
    assert contents(disturbed) == expected
    assert not list(disturbed.rglob("*.writing"))
    assert not list(disturbed.rglob("checkpoint-*"))
