"""A base with an activation that CTranslate2 lacks: torch writes and says why, or it is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dialora.config import load_experiment
from dialora.data.examples import load_dataset
from dialora.errors import ConfigError, GenerationError
from dialora.experiment.checks import check_experiment
from dialora.experiment.pipeline import compare
from dialora.generation import open_engine, write_all
from dialora.models.families.conversion import ACTIVATIONS
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage


@pytest.fixture
def values(experiment: dict[str, Any], tiny_model: Path, tmp_path: Path) -> dict[str, Any]:
    """An experiment whose base has tanh in its feed-forward."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "base"))
    said = json.loads((folder / "config.json").read_text())
    said |= {"feed_forward_proj": "gated-tanh", "dense_act_fn": "tanh", "is_gated_act": True}
    (folder / "config.json").write_text(json.dumps(said))
    return experiment | {"model": str(folder)}


def test_those_that_convert_are_ctranslate2s_own() -> None:
    from ctranslate2.converters import transformers

    assert set(transformers._SUPPORTED_ACTIVATIONS) == ACTIVATIONS


def test_auto_writes_with_torch_and_says_why(values: dict[str, Any], tmp_path: Path) -> None:
    config = load_experiment(values)
    warnings: list[str] = []
    engine = open_engine(
        config.generation,
        config.decoding,
        load_base_model(config),
        load_tokenizer(config),
        stage=Stage(tmp_path / "converted", "key"),
        sources=[[5, 6, 1]],
        on_warning=warnings.append,
    )
    assert engine.name == "torch"
    assert write_all(engine, [[5, 6, 1]], config.decoding)
    assert len(warnings) == 1
    assert "it has no activation tanh (dense_act_fn of the base's config.json); torch is used" in warnings[0]


@pytest.mark.parametrize("settings", [{"generation.engine": "ctranslate2"}, {"generation.precision": "int8"}])
def test_what_needs_ctranslate2_is_refused_before_training(
    settings: dict[str, Any], values: dict[str, Any], tmp_path: Path
) -> None:
    config = load_experiment(values, settings)
    findings = check_experiment(config, load_dataset(config.data), output=tmp_path / "x")
    failed = [finding for finding in findings if finding.status == "failed"]
    assert [finding.check for finding in failed] == ["engine"]
    assert "needs ctranslate2, and it has no activation tanh" in failed[0].detail
    with pytest.raises(ConfigError, match="it has no activation tanh"):
        compare(config, output=tmp_path / "run")
    with pytest.raises(GenerationError, match="it has no activation tanh"):
        open_engine(
            config.generation,
            config.decoding,
            load_base_model(config),
            load_tokenizer(config),
            stage=Stage(tmp_path / "converted", "key"),
            sources=[[5, 6, 1]],
        )
