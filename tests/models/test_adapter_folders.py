"""Adapters that apply in part or not at all, and those that are damaged: an error that names the keys."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dialora import api
from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ModelError
from dialora.methods import LoRA
from dialora.models.adapter_settings import read_settings
from dialora.models.adapters import apply_method, load_adapter, save_system
from dialora.models.checkpoint import resolve_model
from dialora.models.loading import load_base_model, load_tokenizer

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 123456\n"
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def saved(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the tiny model that changes what it writes."""
    config = load_experiment("bundled", {"model": str(tiny_model)})
    model = apply_method(load_base_model(config), LoRA(r=2), key="lora")
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    folder = tmp_path_factory.mktemp("adapter")
    save_system(model, load_tokenizer(config), folder, base=config.model)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "adapter"))


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


def weights(change: Callable[[dict[str, Tensor]], Any]) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "adapter_model.safetensors"
        found = load_file(path)
        change(found)
        path.unlink()
        save_file(found, path, metadata={"format": "pt"})

    return damage


def settings(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "adapter_config.json"
        values = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))

    return damage


def prompts(**changes: Any) -> Damage:
    shape = {"token_dim": 32, "num_transformer_submodules": 1, "num_attention_heads": 4, "num_layers": 1}
    return settings(peft_type="PROMPT_TUNING", **shape, **changes)


def raw_setting(key: str, text: str) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "adapter_config.json"
        values = json.loads(path.read_text()) | {key: "CHANGED"}
        path.write_text(json.dumps(values).replace('"CHANGED"', text))

    return damage


def content(name: str, data: bytes | None) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink() if data is None else (folder / name).write_bytes(data)

    return damage


def pickled(values: Any) -> Damage:
    def damage(folder: Path) -> None:
        (folder / "adapter_model.safetensors").unlink()
        torch.save(values, folder / "adapter_model.bin")

    return damage


def halve(found: dict[str, Tensor]) -> None:
    for name in [name for name in found if ".v." in name]:
        del found[name]


def prefix(found: dict[str, Tensor]) -> None:
    for name in list(found):
        found[name.replace("base_model.model.", "base_model.model.model.")] = found.pop(name)


def spoil(found: dict[str, Tensor]) -> None:
    found[min(found)][0, 0] = float("inf")


class Code:
    """Pickled, it calls `eval` when it is unpickled."""

    def __reduce__(self) -> Any:
        return eval, ("open('ran', 'w').close() or {}",)


WEIGHTS = "adapter_model.safetensors"
BASE = "base_model.model.encoder.block.0.layer.0.SelfAttention.q.base_layer.weight"
NORM, HEAD = "base_model.model.encoder.final_layer_norm.weight", "base_model.model.lm_head.weight"
EXTRA = "base_model.model.decoder.block.7.layer.0.SelfAttention.q.lora_A.weight"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "half the keys": (weights(halve), r"\d+ missing \(base_model\.model\..+\.v\.lora_A\.weight.+ and \d+ more\)"),
    "keys of a larger model": (
        weights(lambda found: found.update({EXTRA: torch.ones(2, 32)})),
        r"1 that fit nowhere \(base_model\.model\.decoder\.block\.7",
    ),
    "another prefix": (weights(prefix), r"\d+ missing \(.+\d+ that fit nowhere \(base_model\.model\.model\."),
    "another shape": (
        weights(lambda found: found.update({min(found): torch.ones(2, 7)})),
        r"1 of its weights have other shapes than the base has room for \(.*: \[2, 7\], here \[2, 32\]\)",
    ),
    "infinite": (weights(spoil), r"1 that hold numbers that are not finite \(base_model"),
    "whole numbers": (
        weights(lambda found: found.update({min(found): torch.ones(2, 32, dtype=torch.int8)})),
        r"1 that are no plain floating-point numbers \(base_model",
    ),
    "no weights": (content(WEIGHTS, None), r"no weights: neither adapter_model\.safetensors nor adapter_model\.bin"),
    "empty weights": (content(WEIGHTS, b""), r"adapter_model\.safetensors is empty"),
    "cut weights": (content(WEIGHTS, b"\x10\0\0\0\0\0\0\0{"), r"adapter_model\.safetensors is cut short or damaged"),
    "a pointer": (content(WEIGHTS, POINTER), "Git LFS pointer"),
    "an empty .bin": (pickled({}), r"adapter_model\.bin holds no weights at all"),
    "a .bin with code": (pickled({"a": Code()}), r"adapter_model\.bin is damaged, or holds more than weights"),
    "no kind": (settings(peft_type=None), "names no peft_type; of a LoRA adapter it is LORA"),
    "an unknown kind": (settings(peft_type="GLORA2"), "peft_type 'GLORA2', which PEFT does not know"),
    "code": (settings(megatron_config={"a": 1}, megatron_core="evil"), "megatron_config names code"),
    "an enormous rank": (settings(r=10**9), "r is 1,000,000,000, and its weights have room for 32"),
    "an enormous rank of one": (settings(rank_pattern={"q": 10**6}), r"rank_pattern\.q is 1,000,000, and its weights"),
    "enormous prompts": (prompts(num_virtual_tokens=10**9), "num_virtual_tokens is 1,000,000,000, and its weights"),
    "no prompts": (prompts(num_virtual_tokens=0), "num_virtual_tokens is 0, not a whole number from 1 on"),
    "unknown prompts": (prompts(), "num_virtual_tokens is null, not a whole number from 1 on"),
    "a rank as text": (settings(r="8"), "r is '8', not a whole number"),
    "a rank as list": (settings(r=[2]), r"r is \[2\], not a whole number"),
    "a broken rank": (settings(r=2.5), "r is 2.5, not a whole number"),
    "no scale": (raw_setting("lora_alpha", "null"), "lora_alpha is null, not a number"),
    "a scale of NaN": (settings(lora_alpha=float("nan")), "lora_alpha is nan, not a number up to 1,000,000"),
    "an endless scale": (settings(lora_alpha=float("inf")), "lora_alpha is inf, not a number up to"),
    "a scale beyond numbers": (settings(lora_alpha=1e308), r"lora_alpha is 1e\+308, not a number up to"),
    "a scale of many digits": (settings(lora_alpha=10**400), "lora_alpha is a number of many digits"),
    "a scale of NaN for one": (settings(alpha_pattern={"q": float("nan")}), r"alpha_pattern\.q is nan"),
    "a scale as text for one": (settings(alpha_pattern={"q": "x"}), r"alpha_pattern\.q is 'x', not a number"),
    "a flag as text": (settings(use_rslora="false"), "use_rslora is 'false', not true or false"),
    "more dropout than all": (settings(lora_dropout=2), "lora_dropout is 2, not a number from 0 to 1"),
    "words to wait for": (settings(alora_invocation_tokens=[1, 2]), "alora_invocation_tokens has the adapter wait"),
    "a pattern that is none": (settings(target_modules="("), "target_modules is no pattern of names"),
    "a pattern without end": (settings(target_modules="(.*.*.*)*x$"), "target_modules is no pattern of names"),
    "a slow pattern": (settings(target_modules=".*.*.*.*.*x$"), "target_modules takes too long to match"),
    "a slow choice": (settings(target_modules="(.|.)" * 40), "target_modules takes too long to match"),
    "an excluding pattern": (settings(exclude_modules="("), "exclude_modules is no pattern of names"),
    "a pattern of ranks": (settings(rank_pattern={"(": 2}), "rank_pattern is no pattern of names"),
    "a pattern of layers": (
        settings(layers_pattern=["(a*)*"], layers_to_transform=[0]),
        "layers_pattern is no pattern of names",
    ),
    "targets that are no names": (settings(target_modules=[["q"]]), r"target_modules holds \['q'\], not a name"),
    "a word that is not there": (settings(trainable_token_indices=[10**9]), r"IndexError: index 1000000000 is out"),
    "another file": (
        settings(peft_type="MULTITASK_PROMPT_TUNING", prompt_tuning_init_state_dict_path="/etc/passwd"),
        "prompt_tuning_init_state_dict_path names another file",
    ),
    "other adapters": (settings(peft_type="XLORA", adapters={"0": "evil/adapter"}), "adapters names other adapters"),
    "another matrix of the base": (
        weights(lambda found: found.update({BASE: torch.zeros(32, 32)})),
        r"1 that fit nowhere \(base_model\.model\.encoder\.block\.0\..*q\.base_layer",
    ),
    "another layer norm": (
        weights(lambda found: found.update({NORM: torch.zeros(32)})),
        r"1 that fit nowhere \(base_model\.model\.encoder\.final_layer_norm",
    ),
    "a head that is no number": (
        weights(lambda found: found.update({HEAD: torch.full((400, 32), float("nan"))})),
        r"1 that hold numbers that are not finite \(base_model\.model\.lm_head",
    ),
    "a head of whole numbers": (
        weights(lambda found: found.update({HEAD: torch.zeros(400, 32, dtype=torch.int8)})),
        r"1 that are no plain floating-point numbers \(base_model\.model\.lm_head",
    ),
    "no targets": (settings(target_modules=["nothing"]), "Target modules .*nothing"),
    "settings that are a list": (content("adapter_config.json", b"[]"), "holds list, not an object"),
    "no settings": (content("adapter_config.json", None), r"no adapter_config\.json"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_adapter_is_refused_in_a_line(
    name: str, config: ExperimentConfig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage, expected = DAMAGES[name]
    damage(folder)
    before = time.process_time()
    (folder.parent / "evil.py").write_text("open('ran', 'w').close()\n")
    monkeypatch.chdir(folder.parent)
    monkeypatch.syspath_prepend(folder.parent)
    with pytest.raises(ModelError, match=expected) as caught:
        load_adapter(load_base_model(config), folder)
    assert str(caught.value).startswith(f"adapter {folder}: cannot be put on ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 800
    assert time.process_time() - before < 20
    assert not (folder.parent / "ran").exists()


@pytest.mark.filterwarnings("ignore::UserWarning:peft")
def test_the_settings_that_peft_itself_saves_are_read(folder: Path) -> None:
    from peft import PromptLearningConfig
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    read = []
    for kind, config_class in PEFT_TYPE_TO_CONFIG_MAPPING.items():
        options = {"num_virtual_tokens": 8} if issubclass(config_class, PromptLearningConfig) else {}
        try:
            config_class(**options).save_pretrained(folder)
        except (TypeError, ValueError, ImportError):  # it asks for more than this
            continue
        assert read_settings(folder)["peft_type"] == kind.value
        read.append(kind.value)
    assert {"LORA", "IA3", "LOHA", "OFT", "PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING", "VERA"} <= set(read)


@pytest.mark.parametrize(
    "change",
    [
        {"target_modules": ".*SelfAttention.*(q|v)$|.*EncDecAttention\\.(?:q|v)"},
        {"target_modules": r".*block\.\d+\.layer\.[0-9]+\.(SelfAttention|EncDecAttention)\.(q|v)"},
        {"rank_pattern": {"q": 2}, "alpha_pattern": {r"SelfAttention\.q": 32.0}},
        {"lora_alpha": 32.0, "lora_dropout": 0, "layers_to_transform": 0, "layers_pattern": "block"},
    ],
)
def test_settings_as_people_write_them_are_taken(change: Any, config: ExperimentConfig, folder: Path) -> None:
    settings(**change)(folder)
    if "alpha_pattern" not in change and "lora_alpha" not in change:
        plain = load_adapter(load_base_model(config), folder).state_dict()
        assert any("EncDecAttention.v.lora_B" in name for name in plain)
    else:
        load_adapter(load_base_model(config), folder)


@pytest.mark.parametrize("trainable", [False, True])
def test_a_whole_adapter_is_put_on(trainable: bool, config: ExperimentConfig, folder: Path) -> None:
    model: Any = load_adapter(load_base_model(config), folder, is_trainable=trainable)
    placed = {name.replace(".default", ""): weight for name, weight in model.named_parameters() if "lora" in name}
    assert placed.keys() == load_file(folder / WEIGHTS).keys()
    assert all(torch.equal(placed[name], weight) for name, weight in load_file(folder / WEIGHTS).items())


def test_an_adapter_may_bring_its_embedding(config: ExperimentConfig, folder: Path) -> None:
    embedding = load_base_model(config).shared.weight.detach() + 1
    weights(lambda found: found.update({"base_model.model.shared.weight": embedding}))(folder)
    model: Any = load_adapter(load_base_model(config), folder)
    assert torch.equal(model.get_base_model().shared.weight, embedding)


def test_an_adapter_in_a_home_folder_is_no_base_either(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    with pytest.raises(ModelError, match=rf"~/{folder.name}: it is a PEFT adapter"):
        resolve_model(f"~/{folder.name}")


@pytest.mark.filterwarnings("ignore:Input and output embeddings are no longer tied:UserWarning")
def test_an_adapter_is_no_base(folder: Path, tiny_model: Path, experiment: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"is a PEFT adapter, not a whole model: give its base \(.*tiny") as caught:
        resolve_model(str(folder))
    assert "merge the adapter first" in str(caught.value)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)
    # What it says works.
    model: Any = api.load_model(experiment, adapter=folder)
    merged = folder.with_name("merged")
    model.merge_and_unload().save_pretrained(merged)
    load_tokenizer(load_experiment(experiment)).save_pretrained(merged)
    loaded = load_base_model(load_experiment(experiment | {"model": str(merged)}))
    ids = torch.arange(10, 20).reshape(1, 10)
    with torch.no_grad():
        expected = api.load_model(experiment, adapter=folder).eval()(input_ids=ids, decoder_input_ids=ids).logits
        found = loaded.eval()(input_ids=ids, decoder_input_ids=ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("adapter_half_keys", r"\d+ missing \(base_model"),
        ("adapter_extra_keys", r"fit nowhere \(base_model"),
        ("adapter_wrong_prefix", r"fit nowhere \(base_model\.model\.model"),
        ("adapter_no_weights", "no weights"),
        ("adapter_no_peft_type", "names no peft_type"),
        ("adapter_empty_bin", "holds no weights at all"),
    ],
)
def test_adapters_as_people_have_them(case: str, expected: str, real_data: Path, tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    folder = real_data.parent / "cases" / case
    if not folder.is_dir():
        pytest.skip("the cases are not here")
    sizes = {"vocab_size": 64, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    with torch.device("meta"):
        base = T5ForConditionalGeneration(T5Config(**sizes))
    base = base.to_empty(device="cpu")
    with pytest.raises(ModelError, match=expected):
        load_adapter(base, folder)
