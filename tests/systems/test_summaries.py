"""`dialora summarize`: the table's order, in constant memory, going on after a kill; and the systems it finds."""

from __future__ import annotations

import csv
import importlib
import json
import shutil
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import dialora
import dialora.api
from dialora.cli import main
from dialora.config import DataConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.sources import load_rows
from dialora.errors import ConfigError, DataError, StageError
from dialora.generation import Written
from dialora.methods import LoRA
from dialora.models.adapters import apply_method, save_system
from dialora.models.checkpoint import pin_models
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import Stage, save_records
from dialora.systems import System, find_system
from tests.systems.support import summarize, summarize_file

TEXTS = [f"#Person1#: {'So it goes. ' * (n % 7)}That is number {n}." for n in range(10)]


@pytest.fixture(scope="module")
def root(tiny_model: Path, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment's folder as it lies after its runs: zero-shot and LoRA."""
    from tests.conftest import build_experiment_values

    config = load_experiment(build_experiment_values(tiny_model, small_data))
    root = tmp_path_factory.mktemp("runs") / "tiny"
    root.mkdir()
    config = pin_models(config)
    (root / "experiment.yaml").write_text(config.to_yaml(), encoding="utf-8")
    with Stage(root / "data", "key").writing() as folder:
        save_records(load_dataset(config.data).test, folder / "test.jsonl")
    model = apply_method(load_base_model(config), LoRA(r=4), key="lora")
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    with Stage(root / "lora-s0-00000000" / "training", "lora's key").writing() as folder:
        save_system(model, load_tokenizer(config), folder, base=config.model)
    for run in ("lora-s0-00000000", "zero_shot-s0-11111111"):
        with Stage(root / run / "generation", "key").writing():
            pass
        (root / run / "run.yaml").write_text(config.to_yaml(), encoding="utf-8")
    return root


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.jsonl"
    write_table(path, [{"fname": f"d{n}", "dialogue": text} for n, text in enumerate(TEXTS)])
    return path


def write_table(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_output(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ignore(event: dict[str, Any]) -> None:
    return None


class Echo:
    """An engine that writes the first three tokens of what it reads."""

    name, precision, device, stops = "echo", "fp32", "cpu", frozenset([1])

    def __init__(self, fail_after: int = 10**9) -> None:
        self.rows, self.left = 0, fail_after

    def __enter__(self) -> Echo:
        return self

    def __exit__(self, *args: object) -> None:
        return None

    def write(self, batches: Iterable[Any]) -> Iterator[list[Written]]:
        for batch in batches:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            self.rows += len(batch)
            yield [Written([*ids[-12:-9], 1]) for ids in batch]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    engine = Echo()
    monkeypatch.setattr(System, "open_engine", lambda self, sources, on_warning: engine)
    return engine


def test_summaries_come_in_the_tables_order_whatever_the_chunk(root: Path, table: Path, tmp_path: Path) -> None:
    system = find_system(root, method="lora")
    outputs = []
    for chunk in (3, 100):
        output = tmp_path / f"{chunk}.jsonl"
        assert summarize_file(system, table, output, observer=ignore, chunk=chunk) == 10
        outputs.append(read_output(output))
    assert outputs[0] == outputs[1]
    assert [row["id"] for row in outputs[0]] == [f"d{n}" for n in range(10)]
    assert [row["row"] for row in outputs[0]] == list(range(1, 11))
    assert [row["summary"] for row in outputs[0]] == summarize(TEXTS, system=root, method="lora")
    assert len({row["summary"] for row in outputs[0]}) > 3
    # The conversion stays beside the run for the next use.
    assert (root / "lora-s0-00000000" / "ctranslate2-fp32" / "model.bin").is_file()


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_it_goes_on_behind_the_last_whole_chunk(
    root: Path, table: Path, tmp_path: Path, echo: Echo, suffix: str
) -> None:
    system, output = find_system(root, method="lora"), tmp_path / f"out{suffix}"
    summarize_file(system, table, output, observer=ignore, chunk=4)
    whole = output.read_bytes()
    output.unlink()
    echo.rows, echo.left = 0, 1
    with pytest.raises(KeyboardInterrupt):
        summarize_file(system, table, output, observer=ignore, chunk=4)
    assert len(output.read_bytes().splitlines()) == 4 + (suffix == ".csv")
    echo.rows, echo.left = 0, 10**9
    assert summarize_file(system, table, output, observer=ignore, chunk=4) == 6
    assert echo.rows == 6
    assert output.read_bytes() == whole
    assert summarize_file(system, table, output, observer=ignore) == 0
    assert not list(tmp_path.glob("*.partial"))


def test_what_reading_made_of_the_table_is_told_at_the_end_as_the_data_check_does(
    root: Path, tmp_path: Path, echo: Echo
) -> None:
    table, output = tmp_path / "table.csv", tmp_path / "out.jsonl"
    cells = ["A: Hi | B: Yo", "A: Hi.<br>B: Yo.", "[['A', 'Hi'], ['B', 'Yo']]", "nan", "A: Hi.", "A: Hi | B: You"]
    rows = [f'd{n};"{cell}";;A said hi.' for n, cell in enumerate(cells)]
    table.write_text("\n".join(["id;dialogue;text;summary", *rows]) + "\n", encoding="utf-8")
    system, events = find_system(root, method="lora"), list[dict[str, Any]]()
    summarize_file(system, table, output, observer=events.append, chunk=2)
    told = [event["message"] for event in events if event["event"] == "note"]
    read = load_rows(DataConfig(source=str(table.rename(tmp_path / "test.csv")))).notes
    expected = [note for note in read if not note.startswith("The source names")]  # of splits, which a table has none
    assert [note.replace(str(table), "test").replace(table.name, "test.csv") for note in told] == expected
    assert any("divided into turns where speakers are named: 2." in note for note in told)
    assert any("semicolons" in note for note in told)
    assert [event["event"] for event in events[-len(told) :]] == ["note"] * len(told)


def test_a_table_that_is_read_as_it_stands_has_no_notes(root: Path, table: Path, tmp_path: Path, echo: Echo) -> None:
    events: list[dict[str, Any]] = []
    summarize_file(find_system(root, method="lora"), table, tmp_path / "out.jsonl", observer=events.append)
    assert not [event for event in events if event["event"] == "note"]


def test_batches_of_a_chunk_that_was_killed_are_kept(root: Path, table: Path, tmp_path: Path, echo: Echo) -> None:
    system = find_system(root, method="lora", set=["decoding.max_batch_tokens=8"])
    output = tmp_path / "out.jsonl"
    echo.left = 4
    with pytest.raises(KeyboardInterrupt):
        summarize_file(system, table, output, observer=ignore)
    assert not output.exists()
    echo.left = 10**9
    summarize_file(system, table, output, observer=ignore)
    assert echo.rows == 10
    assert [row["id"] for row in read_output(output)] == [f"d{n}" for n in range(10)]


def test_what_something_else_made_is_not_continued(root: Path, table: Path, tmp_path: Path, echo: Echo) -> None:
    output = tmp_path / "out.jsonl"
    summarize_file(find_system(root, method="lora"), table, output, observer=ignore)
    for method, overrides in (("zero_shot", []), ("lora", ["generation.precision=int8"])):
        with pytest.raises(ConfigError, match="another system, setting or input made it"):
            summarize_file(find_system(root, method=method, set=overrides), table, output, observer=ignore)
    table.write_text(table.read_text() + '{"dialogue": "One more."}\n')
    with pytest.raises(ConfigError, match="another system, setting or input made it"):
        summarize_file(find_system(root, method="lora"), table, output, observer=ignore)
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("my,own\n")
    with pytest.raises(ConfigError, match="is there already"):
        summarize_file(find_system(root, method="lora"), table, foreign, observer=ignore)
    assert foreign.read_text() == "my,own\n"


def test_memory_does_not_grow_with_the_table(root: Path, tmp_path: Path, echo: Echo) -> None:
    system = find_system(root, method="lora")
    system.tokenizer  # noqa: B018 - loaded before memory is measured
    peaks = {}
    for size in (500, 5_000):
        table = tmp_path / f"{size}.jsonl"
        write_table(table, ({"dialogue": f"#Person1#: Number {n} is here."} for n in range(size)))
        tracemalloc.start()
        summarize_file(system, table, tmp_path / f"out-{size}.jsonl", observer=ignore, chunk=100)
        peaks[size] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[5_000] < 1.2 * peaks[500] + 100_000
    rows = read_output(tmp_path / "out-5000.jsonl")
    assert [row["row"] for row in rows] == list(range(1, 5_001))


def test_an_empty_dialogue_keeps_its_row(root: Path, tmp_path: Path, echo: Echo) -> None:
    table, output = tmp_path / "t.csv", tmp_path / "o.csv"
    table.write_text('id,dialogue\na,Hello there my friend\nb,\nc,"Two\nlines, here"\n', encoding="utf-8")
    summarize_file(find_system(root, method="lora"), table, output, observer=ignore)
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["id"], bool(row["summary"])) for row in rows] == [
        ("1", "a", True), ("2", "b", False), ("3", "c", True),
    ]  # fmt: skip


def test_no_cell_is_a_formula_to_a_spreadsheet(
    root: Path, tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        importlib.import_module("dialora.generation"), "decode_summary", lambda tokenizer, ids: "=HYPERLINK(1)"
    )
    table, output = tmp_path / "t.jsonl", tmp_path / "o.csv"
    ids = ["=1+1", "+49 30 1", "-x", "@me", "\t=1", "\r-x", "-5", "+1.5e3", "d-1", "'=1"]
    write_table(table, ({"id": id_, "dialogue": f"Hi {at}"} for at, id_ in enumerate(ids)))
    summarize_file(find_system(root, method="lora"), table, output, observer=ignore)
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    harmless = ["'=1+1", "'+49 30 1", "'-x", "'@me", "'=1", "'-x", "-5", "+1.5e3", "d-1", "'=1"]
    assert [row["id"] for row in rows] == harmless
    assert {row["summary"] for row in rows} == {"'=HYPERLINK(1)"}


def test_every_format_gives_the_same_dialogues(root: Path, table: Path, tmp_path: Path, echo: Echo) -> None:
    import pandas as pd

    frame = pd.read_json(table, lines=True)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.json", orient="records")
    (tmp_path / "texts").mkdir()
    for row in frame.itertuples():
        (tmp_path / "texts" / f"{row.fname}.txt").write_text(row.dialogue, encoding="utf-8")
    system = find_system(root, method="lora")
    made = set()
    for name in ("table.jsonl", "t.csv", "t.tsv", "t.parquet", "t.json", "texts"):
        summarize_file(system, tmp_path / name, tmp_path / f"of-{name}.jsonl", observer=ignore)
        rows = [row | {"source": ""} for row in read_output(tmp_path / f"of-{name}.jsonl")]
        made.add(json.dumps(rows))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", '{"dialogue": "Hi."}\n{"dialogue": \n', "line 2: is not valid JSON"),
        ("t.jsonl", '{"dialogue": "Hi."}\n[1]\n', "line 2: must be a JSON object, got list"),
        ("t.jsonl", '{"dialogue": "Hi."}\n{"dialogue": 7}\n', "line 2: the dialogue must be text, got int"),
        ("t.jsonl", '{"dialogue": "Hi.", "id": "\\ud83d"}\n', r"line 1: the id holds half a character, '\\ud83d'"),
        ("t.jsonl", '{"words": "Hi."}\n', "no dialogue column"),
        ("t.csv", "dialogue,id\nHi.,1\nBye\n", "line 3: 1 cells where the header has 2"),
        ("t.csv", 'dialogue,id\n"Hi.,1\n', "is not valid CSV"),
        ("t.csv", "", "is empty"),
        ("t.csv", "dialogue,id\n", "has no rows"),
        ("t.csv", "dialogue,dialogue\nHi.,Bye\n", "two columns are called 'dialogue'"),
        ("t.xml", "<a/>", "is of no known format of conversations"),
        ("t.parquet", "no", "is not a readable Parquet file"),
    ],
)
def test_a_bad_table_is_refused_before_anything_is_written(
    root: Path, tmp_path: Path, name: str, content: str, message: str, echo: Echo
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        summarize_file(find_system(root, method="lora"), tmp_path / name, tmp_path / "o.jsonl", observer=ignore)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize("option", ["dialogue_column", "id_column"])
def test_a_column_that_is_named_now_must_be_there(
    root: Path, table: Path, tmp_path: Path, echo: Echo, option: str
) -> None:
    output = tmp_path / "out.jsonl"
    named = find_system(root, method="lora", set=[f"data.{option}=nope", "decoding.num_beams=1"])
    with pytest.raises(DataError, match=rf"data\.{option}: 'nope' is not a column\. Columns: .*dialogue"):
        summarize_file(named, table, output, observer=ignore)
    assert not list(tmp_path.glob("*out.jsonl*"))
    # The names that the data to train on had need not be those of every table.
    system = find_system(root, method="lora")
    data = system.config.data.model_copy(update={option: "nope"})
    elsewhere = replace(system, config=system.config.model_copy(update={"data": data}))
    assert summarize_file(elsewhere, table, output, observer=ignore) == 10
    numbered = find_system(root, method="lora", set={"data.id_column": "none"})
    summarize_file(numbered, table, tmp_path / "numbered.jsonl", observer=ignore)
    assert [row["id"] for row in read_output(tmp_path / "numbered.jsonl")] == [str(n) for n in range(1, 11)]


def test_text_that_is_not_utf8_is_refused_with_its_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'{"dialogue": "a"}\n{"dialogue": "\xe9"}\n')
    with pytest.raises(DataError, match=r"byte 32 \(line 2\) is 0xe9, which is not UTF-8"):
        summarize_file(find_system(root, method="lora"), tmp_path / "t.jsonl", tmp_path / "o.jsonl", observer=ignore)


def test_systems_are_found_by_run_or_by_experiment_and_method(root: Path, tmp_path: Path) -> None:
    assert find_system(root / "lora-s0-00000000").key == find_system(root, method="lora").key == "lora"
    assert find_system(root, method="zero_shot").training is None
    assert find_system(root, method="lora").identity != find_system(root, method="zero_shot").identity
    for folder, options, message in (
        (root, {}, "choose one with --method: lora, zero_shot"),
        (root, {"method": "full"}, "no finished run of it"),
        (root / "lora-s0-00000000", {"method": "full"}, "is a run of lora"),
        (tmp_path, {}, "neither a run's folder nor an experiment's"),
        (tmp_path / "nowhere", {}, "no such folder"),
        (root, {"method": "lora", "set": ["prompt=Hi {dialogue}"]}, "cannot be changed for a system that is trained"),
    ):
        with pytest.raises(ConfigError, match=message):
            find_system(folder, **options)


def test_a_system_that_is_not_whole_is_not_used(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny"
    shutil.copytree(root, copy)
    (copy / "lora-s0-00000000" / "training" / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(StageError, match="is missing"):
        find_system(copy, method="lora")


def test_the_commands_answer(root: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.jsonl"
    assert main(["summarize", str(table), "--run", str(root), "--method", "lora", "--output", str(output)]) == 0
    assert len(read_output(output)) == 10
    assert main(["summarize", str(table), "--run", str(root), "--method", "lora", "--output", "out.doc"]) == 2
    assert "the format is its suffix: .jsonl, .csv, .parquet, .txt" in capsys.readouterr().err
    (tmp_path / "folder.jsonl").mkdir()
    command = ["summarize", str(table), "--run", str(root), "--method", "lora", "--output"]
    assert main([*command, str(tmp_path / "folder.jsonl")]) == 2
    assert "is a folder; give a file" in " ".join(capsys.readouterr().err.split())
    assert main(["parity", str(root), "--method", "lora", "--precision", "int8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["engine"], found["precision"], found["num_dialogues"]) == ("ctranslate2", "int8", 8)
    difference, low, high = found["differences"]["rouge1"]
    assert difference == pytest.approx(found["scores"]["rouge1"] - found["scores_fp32"]["rouge1"])
    assert low <= difference <= high
    assert main(["parity", str(root), "--method", "lora"]) == 0
    assert "summaries are the same" in capsys.readouterr().out


def test_a_system_is_used_with_what_it_was_trained_with(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny"
    shutil.copytree(root, copy)
    own = find_system(root, method="lora").config
    changed = load_experiment(
        copy / "experiment.yaml", {"prompt": "Quite another: {dialogue}", "methods": {"full": {}}}
    )
    (copy / "experiment.yaml").write_text(changed.to_yaml(), encoding="utf-8")
    assert find_system(copy, method="lora").config == find_system(copy / "lora-s0-00000000").config == own
    alone = tmp_path / "alone" / "lora-s0-00000000"
    shutil.copytree(copy / "lora-s0-00000000", alone)
    assert find_system(alone).config == own
    with pytest.raises(StageError, match="test dialogues of the run's experiment"):
        dialora.api.parity(alone)
    # A run of an earlier version has no file of its own: it is used while the experiment is still the same.
    (alone / "run.yaml").unlink()
    (copy / "lora-s0-00000000" / "run.yaml").unlink()
    with pytest.raises(ConfigError, match="neither a run's folder nor an experiment's"):
        find_system(alone)
    with pytest.raises(ConfigError, match="holds no configuration of its own"):
        find_system(copy, method="lora")
