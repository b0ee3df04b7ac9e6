"""What a job asks a cluster for: a core or a GPU for each of its processes."""

from __future__ import annotations

from typing import Any

import pytest

from dialora.config import load_experiment
from dialora.errors import ConfigError

pytestmark = pytest.mark.parametrize("engine", ["ray", "slurm"])


@pytest.mark.parametrize("asked", [{"launch.gpus": 4}, {"launch.cpus": 6}])
def test_a_training_in_several_processes_asks_for_a_core_or_gpu_for_each(engine: str, asked: dict[str, Any]) -> None:
    pytest.importorskip("submitit" if engine == "slurm" else engine)
    assert load_experiment("bundled", {"launch.engine": engine, "training.num_processes": 4} | asked).launch


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"launch.gpus": 2},
            "launch.gpus: 2 for each job, but training.num_processes is 1, and each takes one; set it",
        ),
        (
            {"launch.gpus": 1, "training.num_processes": 2},
            "launch.gpus: 1 for each job, but training.num_processes is 2",
        ),
        (
            {"launch.cpus": 1, "training.num_processes": 2},
            "launch.cpus: 1 for each job, but training.num_processes is 2",
        ),
    ],
)
def test_too_few_or_too_many_are_one_line(engine: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_experiment("bundled", {"launch.engine": engine} | options)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(problem)
