"""An experiment end to end, on a tiny model: what lies on disk, what is done twice, what the order changes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from dialora import api
from dialora.comparison import METRICS, Comparison
from dialora.config import ExperimentConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.errors import ConfigError, Interrupted, StageError, TrainingError
from dialora.experiment import pipeline
from dialora.experiment.job import RunJob
from dialora.experiment.launchers.launcher import interrupts_handled
from dialora.experiment.launchers.process import WorkerProcess
from dialora.models.bases import settle
from dialora.models.checkpoint import pin_models
from dialora.records import Example, ExampleScores, Prediction
from dialora.scoring import score_summary
from dialora.store import ExperimentFolder, Stage, build_run, load_records
from dialora.store.stage import read_key
from dialora.systems import find_system
from tests.conftest import build_experiment_values, random_words


class Finished:
    """A finished experiment, run once for all tests here."""

    def __init__(self, config: ExperimentConfig, root: Path) -> None:
        self.config, self.root = config, root
        self.events: list[dict[str, Any]] = []
        self.comparison: Comparison = pipeline.compare(config, output=root, observer=self.events.append)
        self.results = json.loads((root / "results.json").read_text(encoding="utf-8"))

    def folder(self, key: str) -> Path:
        return next(self.root.glob(f"{key}-s0-*"))


@pytest.fixture(scope="module")
def finished(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    values = build_experiment_values(tiny_model, small_data)
    return Finished(load_experiment(values), tmp_path_factory.mktemp("runs") / "tiny")


def test_results_json_is_as_documented(finished: Finished) -> None:
    results = finished.results
    assert results["schema_version"] == 1
    assert results["experiment"] == "tiny"
    assert "references:mean" in results["protocol"]
    systems = [s for s in results["systems"] if not s["yardstick"]]
    assert [s["label"] for s in systems] == ["Original", "Instruct", "PEFT"]
    assert [s["key"] for s in results["systems"][3:]] == ["human", "lead-2", "longest-2"]
    for system in systems:
        assert system["trainable_percent"] == pytest.approx(100 * system["trainable_params"] / system["total_params"])
        for metric in METRICS:
            score = system["scores"][metric]
            assert 0 <= score["ci_low"] <= score["mean"] <= score["ci_high"] <= 1
    original, instruct, peft = systems
    assert original["train_seconds"] is None
    assert original["peak_memory_bytes"] is None
    assert instruct["train_seconds"] > 0
    assert peft["trainable_params"] < instruct["trainable_params"]
    pairs = {(c["a"], c["b"]) for c in results["comparisons"]}
    assert pairs == {("full", "zero_shot"), ("lora", "zero_shot"), ("lora", "full")}
    assert results["verdict"] == finished.comparison.verdict


def test_scores_on_disk_are_rouge_scores_of_the_summaries_on_disk(finished: Finished) -> None:
    examples = load_records(Example, finished.root / "data" / "test.jsonl")
    for key in finished.config.methods:
        predictions = load_records(Prediction, finished.folder(key) / "generation" / "predictions.jsonl")
        scores = load_records(ExampleScores, finished.folder(key) / "scoring" / "scores.jsonl")
        assert [score.scores for score in scores] == [
            score_summary(p.summary, e.references) for p, e in zip(predictions, examples, strict=True)
        ]
        mean = np.mean([np.mean(score.scores["rouge1"]) for score in scores])
        system = next(s for s in finished.results["systems"] if s["key"] == key)
        assert system["scores"]["rouge1"]["mean"] == pytest.approx(mean)


def test_plain_transformers_and_peft_load_what_was_trained(finished: Finished) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from dialora.models.adapters import load_system

    ids = torch.arange(10, 34).reshape(2, 12)
    inputs = {"input_ids": ids, "decoder_input_ids": ids[:, :5]}
    base = AutoModelForSeq2SeqLM.from_pretrained(finished.config.model)
    plain = {
        "lora": PeftModel.from_pretrained(base, finished.folder("lora") / "training").eval(),
        "full": AutoModelForSeq2SeqLM.from_pretrained(finished.folder("full") / "training").eval(),
    }
    for key, model in plain.items():
        ours = load_system(finished.config, finished.config.methods[key], finished.folder(key) / "training").eval()
        with torch.no_grad():
            assert torch.equal(model(**inputs).logits, ours(**inputs).logits)
        AutoTokenizer.from_pretrained(finished.folder(key) / "training")
    adapter = json.loads((finished.folder("lora") / "training" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == finished.config.model


def test_nothing_is_pickled_and_no_checkpoint_is_left(finished: Finished) -> None:
    names = {path.suffix for path in finished.root.rglob("*")}
    assert names & {".pt", ".pth", ".bin", ".pkl"} == set()
    assert not list(finished.root.rglob("checkpoint-*"))


def test_what_a_worker_killed_at_its_end_left_behind_goes(finished: Finished) -> None:
    work = finished.folder("lora") / "work"
    (work / "checkpoint-12").mkdir()
    (work / "checkpoint-12" / "model.safetensors").write_bytes(b"weights")
    (work / "partial.jsonl").write_text("{}")
    pipeline.compare(finished.config, output=finished.root)
    assert not {path.name for path in work.iterdir()} - {"worker.log", ".lock"}


def test_the_report_holds_every_summary(finished: Finished) -> None:
    page = (finished.root / "report.html").read_text(encoding="utf-8")
    for example in load_dataset(finished.config.data).test:
        assert example.id in page
    assert (finished.root / "report.md").is_file()


def test_running_again_does_nothing_but_report(finished: Finished) -> None:
    events: list[dict[str, Any]] = []
    again = pipeline.compare(finished.config, output=finished.root, observer=events.append)
    assert again == finished.comparison
    assert [e["stage"] for e in events if e["event"] == "stage"] == ["data", "report"]


def test_a_finished_experiment_is_compared_at_once(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(finished.config.to_yaml(), encoding="utf-8")
    pipeline.compare(finished.config, output=finished.root)
    code = (
        "import sys, time; from dialora.cli import main; "
        "slow = {'torch', 'transformers', 'peft', 'datasets', 'datasketch', 'pandas', 'matplotlib', 'nltk', 'scipy'}; "
        "code = main(sys.argv[1:]); "
        "print('loaded', *sorted(slow & set(sys.modules)), file=sys.stderr); "
        "print('seconds', time.process_time(), file=sys.stderr); "
        "sys.exit(code)"
    )
    arguments = ["compare", str(file), "--output", str(finished.root)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    *_, loaded, seconds = done.stderr.splitlines()
    assert loaded == "loaded"
    assert float(seconds.split()[1]) < 4
    assert "PEFT" in done.stdout + done.stderr


def test_other_decoding_trains_nothing_again(finished: Finished) -> None:
    config = load_experiment(
        finished.config, {"decoding.max_new_tokens": 5, "methods": {"lora": {"r": 4, "learning_rate": 1e-2}}}
    )
    before = (finished.folder("lora") / "training" / "training.json").stat().st_mtime_ns
    events: list[dict[str, Any]] = []
    pipeline.compare(config, output=finished.root, observer=events.append)
    assert {e["stage"] for e in events if e["event"] == "progress"} == {"generation"}
    assert (finished.folder("lora") / "training" / "training.json").stat().st_mtime_ns == before
    pipeline.compare(finished.config, output=finished.root)


def test_another_protocol_scores_again_and_does_nothing_else(finished: Finished) -> None:
    config = load_experiment(finished.config, {"scoring.protocol": "hub"})
    events: list[dict[str, Any]] = []
    comparison = pipeline.compare(config, output=finished.root, observer=events.append)
    assert {e["stage"] for e in events if e["event"] == "stage"} == {"data", "scoring", "yardsticks", "report"}
    assert "stem:no" in comparison.protocol
    assert "references:max" in comparison.protocol
    assert comparison.systems[0].scores["rouge1"] != finished.comparison.systems[0].scores["rouge1"]
    pipeline.compare(finished.config, output=finished.root)


def test_the_order_of_methods_favours_none(finished: Finished, tmp_path: Path) -> None:
    methods = finished.config.methods
    turned = finished.config.model_copy(update={"methods": {key: methods[key] for key in ("lora", "full")}})
    pipeline.compare(turned, output=tmp_path / "turned")
    for key in ("lora", "full"):
        there = next((tmp_path / "turned").glob(f"{key}-s0-*"))
        here = finished.folder(key)
        assert there.name == here.name
        name = "generation/predictions.jsonl"
        assert (there / name).read_bytes() == (here / name).read_bytes()
        losses = [json.loads((f / "training" / "training.json").read_text())["result"]["losses"] for f in (there, here)]
        assert losses[0] == losses[1]


@pytest.mark.slow
def test_the_order_of_methods_changes_no_methods_memory(tiny_model: Path, tmp_path: Path) -> None:
    # Tokenizing thousands of dialogues takes hundreds of MiB, which were the first method's.
    rng = random.Random(0)
    data = tmp_path / "data"
    data.mkdir()
    for name, size in (("train", 4000), ("validation", 6), ("test", 4)):
        rows = [{"dialogue": f"A: {random_words(rng, 300)}", "summary": random_words(rng, 20)} for _ in range(size)]
        (data / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    values = build_experiment_values(tiny_model, data)
    values["training"] = {"max_steps": 3, "per_device_train_batch_size": 4, "num_evaluations": 1}
    peaks = []
    for order in (("lora", "full"), ("full", "lora")):
        config = load_experiment(values | {"methods": {key: values["methods"][key] for key in order}})
        systems = pipeline.compare(config, output=tmp_path / order[0]).systems
        peaks.append({s.key: s.peak_memory_bytes for s in systems if s.key in order})
    for key in ("lora", "full"):
        assert peaks[0][key] == pytest.approx(peaks[1][key], rel=0.03)


def test_tokenizing_is_done_once_and_before_any_run(finished: Finished) -> None:
    stages = [event["stage"] for event in finished.events if event["event"] == "stage"]
    assert stages.count("tokens") == 1
    assert stages.index("tokens") < stages.index("start")
    report = (finished.root / "report.md").read_text(encoding="utf-8")
    assert "| tokenize |" in report
    assert "optimizer steps of" in report


def test_stages_one_by_one_say_what_is_missing(experiment: dict[str, Any], tmp_path: Path) -> None:
    config = load_experiment(experiment)
    for verb in (api.generate, api.score, api.report):
        with pytest.raises(StageError, match="is missing"):
            verb(config, output=tmp_path / "x")


def test_two_dialoras_do_not_share_a_folder(experiment: dict[str, Any], tmp_path: Path) -> None:
    tmp_path.joinpath("experiment.yaml").touch()
    with FileLock(tmp_path / ".lock"), pytest.raises(StageError, match="another dialora is at work here"):
        pipeline.compare(load_experiment(experiment), output=tmp_path)


def test_somebody_elses_folder_is_not_written_to(experiment: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match="holds files that are not dialora's"):
        pipeline.compare(load_experiment(experiment), output=tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        pipeline.compare(load_experiment(experiment), output=tmp_path / "thesis.tex")


def test_a_wrong_target_is_found_before_anything_is_trained(experiment: dict[str, Any], tmp_path: Path) -> None:
    config = load_experiment(experiment, {"methods.lora.target_modules": ["q", "wi"]})
    with pytest.raises(ConfigError, match=r"^methods\.lora\.target_modules: 'wi' matches no linear layer"):
        pipeline.compare(config, output=tmp_path / "x")
    assert not list((tmp_path / "x").glob("*-s0-*"))


def test_nothing_in_the_working_directory_is_taken_for_a_library(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "filelock.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    config = load_experiment(finished.config, {"methods": {"zero_shot": {}}, "data.max_test_examples": 1})
    assert pipeline.compare(config, output=tmp_path / "out").num_examples == 1


def test_ctrl_c_is_not_lost_when_the_worker_was_all_but_done(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        """Ends its work in spite of the signal."""

        def __init__(self) -> None:
            begun, done = b'{"event": "begun"}', b'{"event": "done", "run": "x"}'
            self.lines = iter([begun, b'{"event": "progress"}', None, done, b""])
            self.stdin = self.stdout = self
            self.pid, self.returncode = 12345, None

        def readline(self) -> bytes:
            line = next(self.lines)
            if line is None:
                os.kill(os.getpid(), signal.SIGINT)
                line = next(self.lines)
            assert line is not None
            return line

        def write(self, data: bytes) -> None: ...

        def flush(self) -> None: ...

    process, worker = Process(), WorkerProcess()
    worker._process = process
    run = build_run(Path("x"), key="a", method="lora", seed=0, trains=True, inputs=1, decoding=1)
    job = RunJob(load_experiment("bundled"), ExperimentFolder(Path("x")), Stage(Path("x"), ""), run)
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr("os.killpg", lambda group, number: signals.append((group, number)))
    # Where the tests themselves run in a shell's background, SIGINT is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (
            pytest.raises(Interrupted, match="is finished; what comes after it is not started"),
            interrupts_handled(worker.interrupt),
        ):
            worker._talk(process, job, lambda event: None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert signals == [(12345, signal.SIGINT)]


def test_what_a_worker_raises_is_raised_here(experiment: dict[str, Any], tmp_path: Path) -> None:
    # The largest that are allowed: weights grow a hundredfold with every step.
    options = {"training.warmup_ratio": 0, "training.weight_decay": 10, "training.num_train_epochs": 10}
    config = load_experiment(experiment, options | {"methods": {"full": {"learning_rate": 10}}})
    with pytest.raises(
        TrainingError,
        match=r"full: the (loss|gradient) became (nan|inf) at step \d+ \(learning rate \d\.?\d*; batch: train_",
    ):
        pipeline.compare(config, output=tmp_path / "x")


def test_every_run_carries_what_it_was_made_from(finished: Finished, tmp_path: Path) -> None:
    copy = tmp_path / "tiny"
    shutil.copytree(finished.root, copy)
    for key in finished.config.methods:
        own = load_experiment(next(copy.glob(f"{key}-s0-*")) / "run.yaml")
        assert own.methods == {key: settle(finished.config).methods[key]}
        assert (own.prompt, own.data, own.training, own.seeds) == (
            finished.config.prompt, finished.config.data, finished.config.training, (0,),
        )  # fmt: skip
        next(copy.glob(f"{key}-s0-*/run.yaml")).unlink()
    # Runs of earlier versions have none: they are used as long as the experiment is what made them, and get one.
    assert find_system(copy, method="lora").config == pin_models(settle(finished.config))
    api.compare(finished.config, output=copy)
    assert len(list(copy.glob("*-s0-*/run.yaml"))) == 3


@pytest.mark.parametrize("pattern", ["training/training.json", "generation/*.json*", "scoring/*.json*"])
def test_a_report_on_damaged_facts_is_refused(pattern: str, finished: Finished, tmp_path: Path) -> None:
    files = sorted(path.relative_to(finished.root) for path in finished.root.glob(f"lora-s0-*/{pattern}"))
    assert files
    for at, name in enumerate(files):
        root = shutil.copytree(finished.root, tmp_path / str(at))
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[:20].ljust(len(content), b"\0"))
        results = (root / "results.json").read_bytes()
        with pytest.raises(StageError, match=r"this stage is damaged: \S+ is not what was written there") as caught:
            api.report(finished.config, output=root)
        assert "\n" not in str(caught.value)
        assert (root / "results.json").read_bytes() == results


def test_summaries_of_an_earlier_decoding_are_no_reference(finished: Finished, tmp_path: Path) -> None:
    root = shutil.copytree(finished.root, tmp_path / "tiny")
    assert api.parity(root, method="lora", precision="fp32").num_equal == 8
    shorter = load_experiment(finished.config, {"decoding.max_new_tokens": 3})
    api.train(shorter, output=root)
    assert api.parity(root, method="lora", precision="fp32").num_equal == 8


def test_a_run_may_be_called_anything(finished: Finished, tmp_path: Path) -> None:
    best = shutil.copytree(finished.folder("lora"), tmp_path / "best-s0-12345678")
    assert find_system(best).key == "lora"
    with pytest.raises(ConfigError, match="is a run of lora"):
        find_system(best, method="full")


def train_elsewhere(root: Path, key: str, **environment: str) -> None:
    """Let a run's training have been made in another environment."""
    folder = next(root.glob(f"{key}-s0-*")) / "training"
    facts = json.loads((folder / "training.json").read_text())
    facts["environment"] |= environment
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    with Stage(folder, read_key(folder)).writing() as written:
        for name, content in files.items():
            (written / name).write_bytes(content)
        (written / "training.json").write_text(json.dumps(facts))


def test_runs_of_different_versions_are_told_apart(finished: Finished, tmp_path: Path) -> None:
    assert finished.comparison.comparable_costs
    assert "of the training time" in finished.comparison.verdict
    root = shutil.copytree(finished.root, tmp_path / "tiny")
    train_elsewhere(root, "lora", torch="2.6.0", platform="another kernel")
    now = finished.results["environment"]["torch"]
    comparison = pipeline.compare(finished.config, output=root)
    assert not comparison.comparable_costs
    assert "of the training time" not in comparison.verdict
    report = (root / "report.md").read_text(encoding="utf-8")
    assert "different environments: torch is" in report
    assert "2.6.0 (training PEFT)" in report
    environment = json.loads((root / "results.json").read_text())["environment"]
    assert environment["torch"] == f"{now} (Original, Instruct, summaries of PEFT); 2.6.0 (training PEFT)"
    assert environment["python"] == finished.results["environment"]["python"]
    figure = (root / "figures" / "tradeoff.svg").read_text(encoding="utf-8")
    assert "trainable parameters" in figure
    assert "training time" not in figure


def test_a_kernels_patch_level_alone_is_no_other_environment(finished: Finished, tmp_path: Path) -> None:
    root = shutil.copytree(finished.root, tmp_path / "tiny")
    train_elsewhere(root, "full", platform="another kernel")
    assert pipeline.compare(finished.config, output=root).comparable_costs


def test_an_experiment_and_tables_do_not_overwrite_each_other(finished: Finished, tmp_path: Path) -> None:
    copy, table = tmp_path / "tiny", tmp_path / "tiny.csv"
    shutil.copytree(finished.root, copy)
    before = (copy / "results.json").read_bytes()
    table.write_text("id,reference,mine\na,Ann says hi.,Hi.\nb,Ben says no.,No.\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds the experiment tiny; give another folder"):
        api.score_outputs(table, output=copy)
    assert (copy / "results.json").read_bytes() == before
    scored = tmp_path / "scored"
    api.score_outputs(table, output=scored)
    api.score_outputs(table, output=scored, set={"scoring.num_resamples": 200})
    with pytest.raises(ConfigError, match=r"holds the scores of the table .*tiny\.csv; give another folder"):
        api.compare(finished.config, output=scored)
    other = table.with_suffix(".tsv")
    other.write_text(table.read_text(encoding="utf-8").replace(",", "\t"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"holds the scores of .*tiny\.csv, not of .*tiny\.tsv"):
        api.score_outputs(other, output=scored)


def test_tables_of_one_name_from_two_places_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = f"id,reference,mine\na,Ann says hi.,{name}.\nb,Ben says no.,No.\n"
        (tmp_path / name / "out.csv").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "one")
    api.score_outputs("out.csv", output=tmp_path / "scored")
    api.score_outputs(tmp_path / "one" / "out.csv", output=tmp_path / "scored")
    monkeypatch.chdir(tmp_path / "two")
    with pytest.raises(ConfigError, match=r"holds the scores of .*one/out\.csv, not of out\.csv"):
        api.score_outputs("out.csv", output=tmp_path / "scored")


def test_the_encoders_pass_has_its_own_time(experiment: dict[str, Any], tmp_path: Path) -> None:
    methods = {"full": {"learning_rate": 1e-3}, "lora_decoder": {"r": 4}}
    config = load_experiment(experiment, {"methods": methods, "training.cache_encoder": True})
    full, decoder = (s for s in pipeline.compare(config, output=tmp_path / "x").systems if not s.yardstick)
    assert full.ledger.encoding_seconds is None
    assert full.training_seconds == full.train_seconds
    encoding = decoder.ledger.encoding_seconds
    assert encoding is not None
    assert decoder.train_seconds is not None
    assert decoder.training_seconds == decoder.train_seconds + encoding > decoder.train_seconds
    report = (tmp_path / "x" / "report.md").read_text(encoding="utf-8")
    assert report.count(": encoder, once |") == 1
