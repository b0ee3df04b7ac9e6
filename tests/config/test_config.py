"""The experiment file: what it accepts, what it says about what it does not."""

from pathlib import Path

import pytest

from dialora.config import (
    build_experiment,
    dump_experiment,
    list_experiments,
    load_data_experiment,
    load_experiment,
    load_outputs_config,
)
from dialora.errors import ConfigError
from dialora.methods import LoRA

MINIMAL = {"data": {"source": "x"}, "methods": {"lora": {}}}


@pytest.mark.parametrize("name", list_experiments())
def test_every_shipped_experiment_loads_and_survives_its_own_yaml(name: str, tmp_path: Path) -> None:
    config = load_experiment(name)
    path = tmp_path / "again.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert load_experiment(path) == config
    assert config.name == name


def test_seed_is_the_notebook() -> None:
    config = load_experiment("seed")
    lora = config.methods["lora"]
    assert (config.model, config.data.source) == ("google/flan-t5-base", "knkarthick/dialogsum")
    assert isinstance(lora, LoRA)
    assert (lora.r, lora.lora_alpha, lora.lora_dropout, lora.target_modules) == (32, 32, 0.05, ("q", "v"))


def test_overrides_reach_any_depth_and_are_typed() -> None:
    config = load_experiment(MINIMAL, ["methods.lora.r=4", "training.num_train_epochs=0.5", "methods.full={}"])
    assert config.methods["lora"].r == 4
    assert config.training.num_train_epochs == 0.5
    assert list(config.methods) == ["lora", "full"]


def test_one_override_may_stand_alone_and_none_is_none() -> None:
    assert load_experiment(MINIMAL, "methods.lora.r=4").methods["lora"].r == 4
    assert load_experiment(MINIMAL, None) == load_experiment(MINIMAL)
    assert load_data_experiment("x", "data.seed=4").data.seed == 4
    assert load_data_experiment("x", None).data.source == "x"
    with pytest.raises(ConfigError, match=r"set: 5 is neither a list of key=value nor a mapping, as in {'training"):
        load_experiment(MINIMAL, 5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="--set 5: must be a text, key=value"):
        load_experiment(MINIMAL, [5])  # type: ignore[list-item]


def test_a_method_may_stand_under_another_name() -> None:
    config = load_experiment(MINIMAL | {"methods": {"thin": {"method": "lora", "r": 1}, "lora": None}})
    assert config.methods["thin"] == LoRA(r=1)
    assert build_experiment(dump_experiment(config)) == config


def test_exponents_without_a_dot_are_numbers() -> None:
    assert load_experiment(MINIMAL, ["methods.lora.learning_rate=1e-4"]).methods["lora"].learning_rate == 1e-4


def test_all_problems_are_reported_at_once() -> None:
    values = {
        "data": {"source": "x", "sorce": 1},
        "methods": {"lora": {"r": 0, "rank": 3}},
        "training": {"num_train_epoch": 2},
        "prompt": "no place for it",
    }
    with pytest.raises(ConfigError) as caught:
        load_experiment(values)
    text = "\n".join(caught.value.problems)
    assert "data.sorce: unknown key; did you mean 'source'?" in text
    assert "methods.lora.r: input should be greater than or equal to 1, got 0" in text
    assert "methods.lora.rank: unknown key" in text
    assert "training.num_train_epoch: unknown key; did you mean 'num_train_epochs'?" in text
    assert "prompt: must contain {dialogue} exactly once" in text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"methods": {"lora": {}}}, "data: is missing"),
        ({"data": {"source": "x"}, "methods": {"lorra": {}}}, "unknown method 'lorra'; did you mean 'lora'?"),
        ({"data": {"source": "x"}, "methods": {"lora": 3}}, "options are a mapping"),
        ({"data": {"source": "x"}, "methods": ["lora"]}, "must map a method's name to its options"),
        (MINIMAL | {"training": {"precision": "fp16"}}, "fp16 makes T5's loss 0 or NaN"),
        (MINIMAL | {"seeds": [1, 1]}, "seeds: names a seed twice"),
        (MINIMAL | {"seeds": []}, "seeds: "),
        (MINIMAL | {"methods": {"lora": {8: 1}}}, "methods.lora: a key is text, got 8"),
        (MINIMAL | {"methods": {"lora": {"method": ["x"]}}}, "unknown method ['x']"),
        (MINIMAL | {"training": {"warmup_ratio": 1.0}}, "training.warmup_ratio: input should be less than 1"),
        (MINIMAL | {"name": "../up"}, "name: "),
    ],
)
def test_a_problem_says_where_and_what(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(values)
    assert message in str(caught.value)


def test_a_missing_file_lists_what_is_shipped() -> None:
    with pytest.raises(ConfigError, match=r"no such file.*Shipped: bundled, methods, seed"):
        load_experiment("nowhere.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a: [", "is not valid YAML"), (b"- a", "is a mapping"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_a_file_that_is_no_experiment(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_experiment(path)


@pytest.mark.parametrize("override", ["training", "=3", "a=["])
def test_an_override_that_is_none(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_experiment(MINIMAL, [override])


def test_the_hash_follows_content_not_order() -> None:
    first = load_experiment({"data": {"source": "x"}, "methods": {"full": {}, "lora": {}}})
    second = load_experiment({"methods": {"lora": {}, "full": {}}, "data": {"source": "x"}})
    assert first.hash == second.hash
    assert first.hash != load_experiment(first, ["training.max_steps=3"]).hash


def test_all_problems_of_all_entries_are_said_at_once() -> None:
    values = {
        "data": {"source": "bundled"},
        "methods": {"lorra": {}, "full": {"lr": 3}, "a b": {"method": "lora"}, "x": 7},
        "seeds": [],
    }
    learned = {"1m": {"kind": "bertscore", "model": "x"}, "ok": {"kind": "foo"}, "rouge9": {}, "m": {}}
    with pytest.raises(ConfigError) as caught:
        build_experiment(values | {"name": "x", "scoring": {"learned": learned}})
    lines = caught.value.problems
    assert [line.split(": ")[0] for line in lines] == [
        "methods.lorra", "methods.full.lr", "methods.a b", "methods.x", "scoring.learned.1m", "scoring.learned.ok",
        "scoring.learned.rouge9", "scoring.learned.m.kind", "seeds",
    ]  # fmt: skip
    assert "did you mean 'lora'?" in lines[0]
    assert "allowed: 'bertscore', 'pair_classifier'" in lines[5]


def test_a_tables_configuration_takes_overrides_like_its_file(tmp_path: Path) -> None:
    config = load_outputs_config(tmp_path / "my table.csv", ["scoring.protocol=lab"])
    assert (config.name, config.scoring.protocol) == ("my-table", "lab")
    again = load_outputs_config(config, {"scoring.protocol": "hub", "outputs.id_column": "key"})
    assert (again.name, again.table, again.scoring.protocol) == (config.name, config.table, "hub")
    assert again.outputs.id_column == "key"
