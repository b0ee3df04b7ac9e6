"""Any system summarizes the same file: adapters as PEFT saved them over the years, merged folders, plain models."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import dialora
from dialora.api import summarize_files
from dialora.cli import main
from dialora.errors import ModelError
from dialora.systems import find_system
from tests.systems.adapters import SETTINGS, make_adapter, merge_by_hand

VINTAGES = (
    "coursera_s3_2023-05.r32",
    "wriath18_2024-03",
    "zyfun",
    "threeL0L0",
    "miladghofrani",
    "lora-adapter-flan-t5",
)
FAST = {"decoding.max_new_tokens": 10}
OTHER_BASE = r"names google/flan-t5-base as its base and is put on .*; are they the same\?"


@pytest.fixture(scope="module")
def base(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base of all adapters here, under the name that they call it."""
    return Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("bases") / "flan-t5-base"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that every system summarizes."""
    path = tmp_path_factory.mktemp("table") / "table.jsonl"
    texts = [f"#Person1#: {'So it goes. ' * n}That is number {n}.\n#Person2#: Good." for n in range(5)]
    path.write_text("".join(json.dumps({"dialogue": text}) + "\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture
def write(table: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Summarize the file; warnings are errors."""

    def summarize(system: Path | str, **options: Any) -> list[str]:
        output = tmp_path / f"{len(list(tmp_path.glob('*.jsonl')))}.jsonl"
        options["set"] = FAST | options.get("set", {})
        summarize_files(table, system=system, output=output, observer=tell, **options)
        rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        return [row["summary"] for row in rows]

    return summarize


def tell(event: dict[str, Any]) -> None:
    if event["event"] == "warning":
        warnings.warn(event["message"], stacklevel=1)


def generate(model: Path, table: Path) -> list[str]:
    """What transformers alone writes of the file."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer, loaded = AutoTokenizer.from_pretrained(model), AutoModelForSeq2SeqLM.from_pretrained(model).eval()
    prompt, written = find_system(model).config.prompt, []
    for line in table.read_text(encoding="utf-8").splitlines():
        ids = tokenizer(prompt.format(dialogue=json.loads(line)["dialogue"]), return_tensors="pt")
        with torch.no_grad():
            made = loaded.generate(**ids, max_new_tokens=10, do_sample=False, num_beams=1)
        written.append(tokenizer.decode(made[0], skip_special_tokens=True).strip())
    return written


@pytest.fixture(params=VINTAGES)
def settings(request: pytest.FixtureRequest, real_data: Path) -> dict[str, Any]:
    """An adapter_config.json as somebody published it."""
    files = [*real_data.glob("adapter-configs/*.json"), *real_data.glob("lora-adapter-*/adapter_config.json")]
    file = next(file for file in files if request.param in f"{file.parent.name}/{file.name}")
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_adapters_of_every_vintage_write_what_their_merged_weights_write(
    settings: dict[str, Any], suffix: str, base: Path, tmp_path: Path, write: Callable[..., list[str]]
) -> None:
    adapter = make_adapter(base, tmp_path / "adapter", settings, suffix=suffix)
    merged = merge_by_hand(base, adapter, tmp_path / "merged")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = write(adapter, base=str(base))
    said = [str(each.message) for each in caught]
    assert made == write(merged)
    assert made != write(base)
    # `w` is a slip in one of the files: PEFT goes by the rest of the list, and whoever uses it is told.
    assert [text for text in said if "target_modules names w, which none of its weights is for" in text] == [
        text for text in said if "target_modules" in text
    ]
    assert any("target_modules names w" in text for text in said) == ("w" in settings["target_modules"])
    assert any("./flan as its base" in text for text in said) == (settings["base_model_name_or_path"] == "./flan")


def test_a_base_that_lies_with_the_adapter_is_found(
    base: Path, tmp_path: Path, write: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = write(make_adapter(base, tmp_path / "named", SETTINGS), base=str(base))
    for place, where in enumerate(("adapter/flan", "flan")):
        root = tmp_path / str(place)
        adapter = make_adapter(base, root / "adapter", SETTINGS | {"base_model_name_or_path": "./flan"})
        with pytest.raises(ModelError, match=r"names \./flan as its base, which is not here; give it with --base"):
            find_system(adapter)
        shutil.copytree(base, root / where)
        assert write(adapter) == expected
        monkeypatch.chdir(root)
        assert write("adapter") == expected
    elsewhere = tmp_path / ("long" * 15) / ("longer" * 10) / "base"
    shutil.copytree(base, elsewhere)
    adapter = make_adapter(base, tmp_path / "absolute", SETTINGS | {"base_model_name_or_path": str(elsewhere)})
    assert write(adapter) == expected


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "google/flan-t5-base",
            r"its base google/flan-t5-base cannot be loaded: it is not in the cache, .*--base names",
        ),
        ("/gone/flan", r"names /gone/flan as its base, which is not here; give it with --base"),
        ("C:\\models\\flan", r"its base C:\\models\\flan cannot be loaded: .*; --base names another place for it"),
        ("~nobody-of-that-name/flan", r"names ~nobody-of-that-name/flan as its base, which is not here; .*--base"),
        ("x" * 300, r"names xxx.*… as its base, which is not here; give it with --base"),
        (".", r"names \. as its base, which is not here; give it with --base"),
        ("two\nlines", "names no base model; give it with --base"),
        ("", "names no base model; give it with --base"),
        (None, "names no base model; give it with --base"),
        (7, "names no base model; give it with --base"),
    ],
)
def test_a_base_that_is_not_here_is_asked_for_in_a_line(
    named: Any, said: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    adapter = make_adapter(base, tmp_path / "adapter", SETTINGS | {"base_model_name_or_path": named})
    with pytest.raises(ModelError, match=said) as caught:
        find_system(adapter)
    assert str(caught.value).startswith(f"adapter {adapter}: ")
    assert str(caught.value).isprintable()


def test_a_plain_model_writes_what_transformers_writes(
    base: Path, table: Path, tmp_path: Path, write: Callable[..., list[str]]
) -> None:
    merged = merge_by_hand(base, make_adapter(base, tmp_path / "adapter"), tmp_path / "merged")
    for model in (base, merged):
        made = write(model)
        assert made == generate(model, table)
        assert len(set(made)) > 1


def test_the_prompt_and_length_of_what_is_no_run_can_be_set(base: Path, table: Path, tmp_path: Path) -> None:
    talk = tmp_path / "talk.txt"
    talk.write_text("So it goes. " * 30, encoding="utf-8")
    set = {"prompt": "Sum up: {dialogue} Now!", "data.max_source_length": 24}
    loaded = dialora.load(base, on_long="truncate", set=set)
    (text,) = loaded.show_input(talk.read_text(encoding="utf-8"))
    assert text.startswith("Sum up: So it goes.")
    assert len(loaded.system.tokenizer(text)["input_ids"]) <= 26
    (short,) = dialora.load(base, set=set).show_input("Hi.")
    assert short == "Sum up: Hi. Now!"
    system = find_system(base, set=set)
    assert (system.config.prompt, system.config.data.max_source_length) == (set["prompt"], 24)


def make_other_base(base: Path, folder: Path, **sizes: Any) -> Path:
    from transformers import T5Config, T5ForConditionalGeneration

    shutil.copytree(base, folder)
    known = ("vocab_size", "d_kv", "d_ff", "d_model", "num_layers", "num_heads", "feed_forward_proj")
    values = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config = T5Config(**{key: values[key] for key in known} | {"decoder_start_token_id": 0} | sizes)
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def make_causal_base(base: Path, folder: Path) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    shutil.copytree(base, folder)
    size = json.loads((base / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    config = LlamaConfig(
        vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
        pad_token_id=0, eos_token_id=1, bos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore:.*as its base and is put on")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda base, to: make_other_base(base, to, d_model=48), r"6 .* other shapes .*\[4, 32\], here \[4, 48\]"),
        (lambda base, to: make_other_base(base, to, num_layers=2), r"12 missing \(base_model.*made for another base"),
        (make_causal_base, r"Target modules .* not found in the base model"),
    ],
    ids=["wider", "deeper", "causal"],
)  # fmt: skip
def test_an_adapter_of_another_base_is_refused_with_the_reason(
    make: Any, said: str, base: Path, table: Path, tmp_path: Path, write: Callable[..., list[str]]
) -> None:
    other, adapter = make(base, tmp_path / "other"), make_adapter(base, tmp_path / "adapter")
    with pytest.raises(ModelError, match=said) as caught:
        write(adapter, base=str(other))
    message = str(caught.value)
    assert message.startswith(f"adapter {adapter}: cannot be put on {other}: ")
    assert message.endswith("It names google/flan-t5-base as its base; give it with --base")
    assert message.isprintable()
    # Nothing is left of an output that got no row, and the right base goes on in its place.
    assert not list(tmp_path.glob("[0-9]*.jsonl*"))
    assert len(write(adapter, base=str(base))) == 5


def test_an_adapter_whose_base_is_called_otherwise_is_told_of(
    base: Path, tmp_path: Path, write: Callable[..., list[str]]
) -> None:
    adapter, copy = make_adapter(base, tmp_path / "adapter"), shutil.copytree(base, tmp_path / "mine")
    with pytest.warns(UserWarning, match=OTHER_BASE):
        other = write(adapter, base=str(copy))
    assert other == write(adapter, base=str(base))


@pytest.mark.parametrize("task", [None, "CAUSAL_LM", "FEATURE_EXTRACTION"])
def test_the_task_that_an_adapter_was_saved_for_does_not_matter(
    task: str | None, base: Path, tmp_path: Path, write: Callable[..., list[str]]
) -> None:
    expected = write(make_adapter(base, tmp_path / "named"), base=base)
    assert write(make_adapter(base, tmp_path / "adapter", SETTINGS | {"task_type": task}), base=base) == expected


def test_a_model_that_was_merged_in_place_is_a_model(
    base: Path, tmp_path: Path, write: Callable[..., list[str]]
) -> None:
    merged = merge_by_hand(base, make_adapter(base, tmp_path / "adapter"), tmp_path / "merged")
    expected = write(merged)
    shutil.copy(tmp_path / "adapter" / "adapter_config.json", merged)
    assert write(merged) == expected
    # With the adapter's weights there as well, it is still an adapter, of a base that the folder is not.
    shutil.copy(tmp_path / "adapter" / "adapter_model.safetensors", merged)
    assert write(merged, base=base) == expected


class Evil:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return open, ("ran", "w")


def test_a_pickle_of_an_adapter_is_never_run(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], table: Path
) -> None:
    import pickle

    monkeypatch.chdir(tmp_path)
    adapter = make_adapter(base, tmp_path / "adapter", suffix=".bin")
    for save in (lambda to: to.write_bytes(pickle.dumps({"a": Evil()})), lambda to: torch.save({"a": Evil()}, to)):
        save(adapter / "adapter_model.bin")
        assert main(["summarize", str(table), "--system", "adapter", "--base", str(base)]) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ModelError")]
        assert "holds more than weights, which may be code and is never run" in line
    assert not (tmp_path / "ran").exists()


@pytest.fixture(autouse=True)
def nothing_is_written_beside_what_is_used(base: Path, tmp_path: Path) -> Iterator[None]:
    before = sorted(base.iterdir())
    yield
    assert sorted(base.iterdir()) == before
    for adapter in tmp_path.glob("**/adapter_config.json"):
        assert not list(adapter.parent.glob("ctranslate2*"))
