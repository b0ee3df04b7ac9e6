"""One experiment over several base models: each system on its own, the same dialogues for all, one report."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import dialora
from dialora.config import dump_experiment, load_experiment
from dialora.errors import ConfigError
from dialora.experiment.pipeline import compare
from dialora.experiment.plan import plan_runs
from dialora.methods import METHODS
from dialora.models.bases import find_rates, settle
from dialora.models.families import FAMILIES
from dialora.report.bases_figure import build_base_panels
from tests.models.families.tiny import build_folder
from tests.systems.support import summarize

PRINT = {"train": "a", "validation": "b", "test": "c"}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {
        "bart": build_folder("bart", root / "tiny-bart"),
        "llama": build_folder("llama", root / "tiny-llama", chat=True),
    }


@pytest.fixture
def several(experiment: dict[str, Any], bases: dict[str, Path]) -> dict[str, Any]:
    methods = {
        "zero_shot": {},
        "full": {"learning_rate": 1e-3},
        "lora": {"r": 4},
        "zero_bart": {"method": "zero_shot", "model": str(bases["bart"])},
        "lora_bart": {"method": "lora", "model": str(bases["bart"]), "r": 4},
        "lora_llama": {"method": "lora", "model": str(bases["llama"]), "r": 4, "prompt": "Sum up: {dialogue}"},
    }
    training = experiment["training"] | {"num_train_epochs": 0.5}
    return experiment | {"methods": methods, "training": training}


def list_keys(config: Any) -> dict[str, tuple[str, str | None]]:
    runs = plan_runs(load_experiment(config), Path("it"), PRINT)
    return {run.key: (run.generation.key, run.training and run.training.key) for run in runs}


def test_three_bases_give_one_report_and_are_made_once(several: dict[str, Any], tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    found = compare(load_experiment(several), output=tmp_path / "it", observer=events.append)
    own, others = (
        dict.fromkeys(("zero_shot", "full", "lora"), Path(several["model"]).name),
        {"lora_llama": "tiny-llama"},
    )
    bases = own | others | dict.fromkeys(("zero_bart", "lora_bart"), "tiny-bart")
    assert {system.key: system.base for system in found.systems if not system.yardstick} == bases
    assert len(list((tmp_path / "it").glob("tokens*"))) == 3
    assert next(panel.title for panel in build_base_panels(found)) == "Parameters in use"
    report = (tmp_path / "it" / "report.md").read_text(encoding="utf-8")
    assert "tiny-llama" in report
    assert set(re.findall(r"\| training dialogues \(([\w-]+)\) \| 128 \|", report)) == set(bases.values())
    assert (tmp_path / "it" / "figures" / "bases.svg").exists()
    assert f"On {Path(several['model']).name}: " in found.verdict
    assert "On tiny-bart: PEFT (lora_bart) is" in found.verdict
    assert re.search(r" on tiny-\w+ is [\d.]+ ± [\d.]+ ROUGE-1 points \w+ .*, the best of all bases[.;]", found.verdict)
    run = next((tmp_path / "it").rglob("lora_bart*/run.yaml"))
    made = load_experiment(run)
    assert (Path(made.model).name, made.prompt) == ("tiny-bart", "{dialogue}")
    events.clear()
    again = compare(load_experiment(several), output=tmp_path / "it", observer=events.append)
    assert again.verdict == found.verdict
    assert {event.get("stage") for event in events} <= {"data", "report", None}
    (summary,) = summarize(["#Person1#: Hi.\n#Person2#: Hello."], system=tmp_path / "it", method="lora_llama")
    assert isinstance(summary, str)


def test_a_system_depends_on_its_own_base_alone(several: dict[str, Any], bases: dict[str, Path]) -> None:
    before = list_keys(several)
    alone = several | {"methods": {key: several["methods"][key] for key in ("zero_shot", "full", "lora")}}
    assert {key: before[key] for key in ("zero_shot", "full", "lora")} == list_keys(alone)
    elsewhere = {"lora": {"r": 4, "model": str(bases["bart"])}}
    after = list_keys(several | {"methods": several["methods"] | elsewhere})
    assert {key for key, value in after.items() if value != before[key]} == {"lora"}
    whole = several | {"model": str(bases["bart"]), "methods": {"lora": {"r": 4}}}
    assert list_keys(whole)["lora"] == after["lora"]


def test_what_a_base_decides_is_settled_once_and_what_is_named_stays(several: dict[str, Any]) -> None:
    several["methods"]["full_bart"] = {"method": "full", "model": several["methods"]["lora_bart"]["model"]}
    settled = settle(load_experiment(several))
    assert settle(settled) == settled
    targets = {key: getattr(method, "target_modules", None) for key, method in settled.methods.items()}
    assert targets["lora"] == ("q", "v")
    assert targets["lora_bart"] == targets["lora_llama"] == ("q_proj", "v_proj")
    assert settled.for_method("lora_bart").prompt == "{dialogue}"
    assert settled.for_method("lora_llama").prompt == "Sum up: {dialogue}"
    assert settled.for_method("lora").prompt.startswith("Summarize the following conversation.")
    assert settled.methods["full_bart"].learning_rate == 3e-5
    assert settled.methods["full"].learning_rate == 1e-3
    named = settle(load_experiment(several, {"prompt": "Now: {dialogue}", "methods.full_bart.learning_rate": 1e-4}))
    assert named.for_method("lora_bart").prompt == "Now: {dialogue}"
    assert named.methods["full_bart"].learning_rate == 1e-4


def test_an_experiment_that_is_loaded_again_leaves_to_its_base_what_it_left(
    several: dict[str, Any], bases: dict[str, Path]
) -> None:
    values = several | {"model": str(bases["bart"]), "methods": {"full": {}, "lora": {}}}
    once = load_experiment(values)
    assert settle(load_experiment(once)) == settle(once)
    assert settle(load_experiment(once)).prompt == "{dialogue}"
    written = load_experiment(dump_experiment(settle(once)))
    assert settle(written) == settle(once)


def test_tables_name_the_base(several: dict[str, Any]) -> None:
    frame = dialora.params(several)
    assert list(frame["base"])[-1] == "tiny-llama"
    checks = dialora.check(several)
    assert (checks["status"] != "failed").all()
    assert any("tiny-bart" in name for name in checks.index)


def test_a_source_longer_than_a_base_has_positions_is_found_before_training(
    several: dict[str, Any], tmp_path: Path
) -> None:
    long = several | {"data": several["data"] | {"max_source_length": 600}}
    with pytest.raises(ConfigError, match=r"data\.max_source_length is 600, and .*tiny-bart has 512 positions"):
        compare(load_experiment(long), output=tmp_path / "it")


@pytest.mark.parametrize(
    ("kinds", "positions", "length"),
    [
        (["t5"], None, 512),
        (["bart"], 2048, 1024),
        (["bart"], 255, 252),  # of four, as batches are padded
        (["llama"], 2048, 1024),
        (["gpt2"], 512, 512 - 200),
        (["bart", "llama"], 600, 400),
        (["llama", "t5"], 2048, 512),
    ],
)
def test_unless_named_sources_are_as_long_as_every_base_reads(
    kinds: list[str], positions: int | None, length: int, small_data: Path, tmp_path: Path
) -> None:
    methods = {}
    for kind in kinds:
        folder = build_folder(kind, tmp_path / kind)
        if positions is not None and kind != "t5":
            values = json.loads((folder / "config.json").read_text())
            names = {"max_position_embeddings", "n_positions"} & values.keys()
            (folder / "config.json").write_text(json.dumps(values | dict.fromkeys(names, positions)))
        methods[kind] = {"method": "lora", "model": str(folder)}
    values = {"name": "x", "model": str(tmp_path / kinds[0]), "data": {"source": str(small_data)}, "methods": methods}
    config = load_experiment(values | {"decoding": {"max_new_tokens": 200}})
    assert settle(config).data.max_source_length == length
    named = load_experiment(values | {"data": {"source": str(small_data), "max_source_length": 77}})
    assert settle(named).data.max_source_length == 77
    assert settle(settle(config)) == settle(config)


@pytest.mark.parametrize(("kind", "positions", "length"), [("bart", 256, 156), ("gpt2", 512, 512 - 100 - 128)])
def test_vectors_of_a_method_take_positions(
    kind: str, positions: int, length: int, small_data: Path, experiment: dict[str, Any], tmp_path: Path
) -> None:
    name = "n_positions" if kind == "gpt2" else "max_position_embeddings"
    folder = build_folder(kind, tmp_path / "base", **{name: positions})
    long = tmp_path / "data"
    long.mkdir()
    row = json.dumps({"dialogue": "A: Are you there, or not?\nB: I am. " * 200, "summary": "They talk."})
    for split in ("train", "validation", "test"):
        (long / f"{split}.jsonl").write_text(f"{row}\n" * 2)
    values = experiment | {"model": str(folder), "data": {"source": str(long)}, "methods": {"prompt_tuning": {}}}
    values |= {"training": {"max_steps": 1, "per_device_train_batch_size": 2}, "decoding": {"max_new_tokens": 20}}
    config = settle(load_experiment(values))
    assert config.data.max_source_length == length
    compare(load_experiment(values), output=tmp_path / "it")  # every source is cut, and all positions are there
    named = values | {"data": {"source": str(long), "max_source_length": length + 4}}
    with pytest.raises(ConfigError, match=r"\(with the 100 vectors of prompt_tuning\), and .*positions; lower it"):
        compare(load_experiment(named), output=tmp_path / "other")


@pytest.mark.parametrize("kind", ["bart", "llama"])
def test_an_experiment_read_twice_leaves_to_its_base_what_it_left(
    kind: str, small_data: Path, bases: dict[str, Path]
) -> None:
    values = {"name": "x", "model": str(bases[kind]), "data": {"source": str(small_data)}, "methods": {"lora": {}}}
    config = load_experiment(values)
    assert settle(load_experiment(config)) == settle(config)
    assert settle(load_experiment(settle(config))) == settle(config)


@pytest.mark.parametrize("kind", ["bart", "llama", "t5"])
def test_loras_rate_is_ten_times_that_of_full_fine_tuning(kind: str, small_data: Path, tmp_path: Path) -> None:
    methods: dict[str, Any] = {"full": {}, "lora": {}, "dora": {}, "rslora": {}}
    values = {"name": "x", "model": str(build_folder(kind, tmp_path)), "data": {"source": str(small_data)}}
    config = settle(load_experiment(values | {"methods": methods}))
    full, lora, dora, rslora = (config.methods[key].learning_rate for key in methods)  # type: ignore[attr-defined]
    assert lora == dora == pytest.approx(10 * full)
    assert rslora == pytest.approx(2 * full)
    low, high = find_rates(config, METHODS["lora"]).low, find_rates(config, METHODS["lora"]).high
    assert (low, high) == pytest.approx((lora / 10, lora * 10))


def test_a_revision_without_a_model_of_its_own_is_refused(several: dict[str, Any]) -> None:
    several["methods"]["lora"]["model_revision"] = "v2"
    with pytest.raises(ConfigError, match=r"methods\.lora\.model_revision: is of the entry's own model; name `model`"):
        load_experiment(several)


def test_padding_reads_no_position_that_a_base_has_not(
    several: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(FAMILIES["bart"]), "count_positions", lambda self, config: 511)
    long = several | {"data": several["data"] | {"max_source_length": 510}}  # a batch of it is padded to 512
    with pytest.raises(ConfigError, match=r"max_source_length is 510, and .*tiny-bart has 508 positions"):
        compare(load_experiment(long), output=tmp_path / "it")


def test_a_prompt_of_a_method_must_hold_the_dialogue(several: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"methods\.lora\.prompt: must contain \{dialogue\} exactly once"):
        load_experiment(several, {"methods.lora.prompt": "Sum up."})


def test_an_untrained_base_writes_its_row(several: dict[str, Any], tmp_path: Path) -> None:
    only = several | {"methods": {"zero_bart": several["methods"]["zero_bart"]}}
    found = compare(load_experiment(only), output=tmp_path / "it")
    assert [system.key for system in found.systems if not system.yardstick] == ["zero_bart"]
    assert json.loads((tmp_path / "it" / "results.json").read_text())["systems"][0]["key"] == "zero_bart"
    assert not list((tmp_path / "it").glob("tokens*"))


def test_a_settled_experiment_is_read_where_its_bases_are_not(several: dict[str, Any]) -> None:
    settled = settle(load_experiment(several))
    gone = {key: m if m.model is None else m.model_copy(update={"model": "a/b"}) for key, m in settled.methods.items()}
    elsewhere = settled.model_copy(update={"model": "nobody/nothing", "methods": gone})
    assert settle(elsewhere) == elsewhere
