"""Model folders that are damaged or hostile: `check` and loading refuse each in one line, and nothing of it runs."""

import json
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from dialora.config import ExperimentConfig, load_experiment
from dialora.data.examples import DialogueDataset, load_dataset
from dialora.errors import ModelError
from dialora.experiment.checks import check_experiment
from dialora.models.loading import load_base_model, load_tokenizer

Damage = Callable[[Path], None]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 123456\n"


@pytest.fixture(scope="module")
def dataset(small_data: Path) -> DialogueDataset:
    return load_dataset(load_experiment("bundled", {"data.source": str(small_data)}).data)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "base"))


def load(experiment: dict[str, Any], folder: Path) -> ExperimentConfig:
    return load_experiment(experiment | {"model": str(folder)})


def load_both(damaged: ExperimentConfig) -> None:
    load_tokenizer(damaged)
    load_base_model(damaged)


def config(**changes: Any) -> Damage:
    """Change keys of config.json; None takes one out."""

    def change(folder: Path) -> None:
        path = folder / "config.json"
        values = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))

    return change


def weights(change: Callable[[dict[str, Tensor]], Any]) -> Damage:
    """Change the weights by name, in place."""

    def damage(folder: Path) -> None:
        path = folder / "model.safetensors"
        found = load_file(path)
        change(found)
        path.unlink()
        save_file(found, path, metadata={"format": "pt"})

    return damage


def pickled(values: Any) -> Damage:
    """Have a `.bin` instead of safetensors."""

    def damage(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        torch.save(values, folder / "pytorch_model.bin")

    return damage


def content(name: str, data: bytes | None) -> Damage:
    """Write bytes into a file, or take it away."""

    def damage(folder: Path) -> None:
        (folder / name).unlink() if data is None else (folder / name).write_bytes(data)

    return damage


def cut(name: str, size: int) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:size])

    return damage


def both(*damages: Damage) -> Damage:
    def damage(folder: Path) -> None:
        for each in damages:
            each(folder)

    return damage


def rename(found: dict[str, Tensor]) -> None:
    for name in list(found):
        found[f"module.{name}"] = found.pop(name)


def replace(name: str, change: Callable[[Tensor], Tensor]) -> Damage:
    return weights(lambda found: found.update({name: change(found[name]).contiguous()}))


def put_nan(found: dict[str, Tensor]) -> None:
    found["shared.weight"][3, 3] = float("nan")


def put_nan_everywhere(found: dict[str, Tensor]) -> None:
    for weight in found.values():
        weight.fill_(float("nan"))


def shorten(found: dict[str, Tensor]) -> None:
    for name in ("shared.weight", "lm_head.weight"):
        found[name] = found[name][:300].clone()


def index(**where: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "outside.bin")
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))

    return damage


def keep_buckets(count: int) -> Damage:
    def cut_each(found: dict[str, Tensor]) -> None:
        for name in [name for name in found if "relative_attention_bias" in name]:
            found[name] = found[name][:count].clone()

    return weights(cut_each)


def shards(added: dict[str, float]) -> Damage:
    """Have the weights in one file, and some of them once more in a second one, with something added."""

    def damage(folder: Path) -> None:
        found = load_file(folder / "model.safetensors")
        save_file(found, folder / "a.safetensors")
        save_file({name: found[name] + value for name, value in added.items()}, folder / "b.safetensors")
        where = dict.fromkeys(found, "a.safetensors") | {"b": "b.safetensors"}
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))

    return damage


def tokens(**changes: Any) -> Damage:
    """Change keys of tokenizer.json."""

    def change(folder: Path) -> None:
        path = folder / "tokenizer.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def end_twice(folder: Path) -> None:
    values = json.loads((folder / "tokenizer.json").read_text())
    values["post_processor"]["single"].append(values["post_processor"]["single"][-1])
    tokens(**values)(folder)


def remove_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def have_sentencepiece(folder: Path) -> None:
    remove_tokenizer(folder)
    (folder / "spiece.model").write_bytes(b"\x0a\x0e")


class Code:
    """Pickled, it calls `eval` when it is unpickled."""

    def __reduce__(self) -> Any:
        return eval, ("open('ran', 'w').close() or {}",)


WI = "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"
DAMAGES: dict[str, tuple[Damage, str]] = {
    "a key is missing": (
        weights(lambda found: found.pop("encoder.final_layer_norm.weight")),
        r"1 missing \(encoder\.final_layer_norm\.weight\)",
    ),
    "the head is missing": (weights(lambda found: found.pop("lm_head.weight")), r"1 missing \(lm_head\.weight\)"),
    "all are renamed": (
        weights(rename),
        r"\d+ missing \(.+ and \d+ more\); \d+ that the model has no place for \(module\.decoder",
    ),
    "another shape": (replace(WI, lambda weight: weight[:7]), r"1 of another shape \(.*wi_0.*7×32 and should be 64×32"),
    "whole numbers": (replace(WI, lambda weight: weight.to(torch.int8)), r"floating-point numbers but I8 \(.*wi_0"),
    "numbers of 8 bits": (replace(WI, lambda weight: weight.to(torch.float8_e4m3fn)), "but F8_E4M3"),
    "one NaN": (weights(put_nan), r"1 of its weights hold numbers that are not finite \(shared\.weight\)"),
    "all NaN": (weights(put_nan_everywhere), r"not finite \(.+ and \d+ more\)"),
    "infinite": (replace("lm_head.weight", lambda weight: weight / 0), r"not finite \(lm_head\.weight\)"),
    "a layer more": (
        weights(lambda found: found.update({WI.replace("block.0", "block.1"): found[WI].clone()})),
        r"1 that the model has no place for \(encoder\.block\.1",
    ),
    "gated weights, ReLU config": (
        config(feed_forward_proj="relu", dense_act_fn=None, is_gated_act=None),
        "feed_forward_proj should be gated-gelu",
    ),
    "two heads, tied config": (
        config(tie_word_embeddings=True, scale_decoder_outputs=True),
        r"differ .*\(shared\.weight from lm_head\.weight\).*tie_word_embeddings: false",
    ),
    "cut weights": (cut("model.safetensors", 1000), "model.safetensors is cut short or damaged"),
    "cut behind the header": (cut("model.safetensors", 20_000), "model.safetensors is cut short or damaged"),
    "empty weights": (content("model.safetensors", b""), "model.safetensors is empty"),
    "a pointer": (content("model.safetensors", POINTER), "Git LFS pointer"),
    "a web page": (content("model.safetensors", b"<!DOCTYPE html><html>"), "is a web page"),
    "no weights": (
        content("model.safetensors", None),
        r"no weights: neither model\.safetensors nor pytorch_model\.bin",
    ),
    "an index that leads outside": (index(a="../outside.bin"), "names files outside its folder"),
    "an index of missing files": (index(a="a.safetensors"), "names files that are not there: a.safetensors"),
    "a .bin with code": (pickled(Code()), "holds more than weights, which may be code"),
    "a .bin of code among weights": (pickled({"shared.weight": Code()}), "holds more than weights"),
    "a .bin of something else": (pickled([1, 2]), "holds no weights by name"),
    "a .bin with too little": (pickled({"shared.weight": torch.ones(2, 2)}), r"missing \("),
    "an empty config": (content("config.json", b""), "config.json is empty"),
    "a config that is a pointer": (content("config.json", POINTER), "config.json is a Git LFS pointer"),
    "a config that is a list": (content("config.json", b"[]"), "holds list, not an object"),
    "a cut config": (cut("config.json", 50), "config.json is damaged"),
    "a deep config": (content("config.json", b"[" * 100_000), "config.json is damaged"),
    "no kind of model": (config(model_type=None), "names no model_type"),
    "another kind of model": (config(model_type="bert"), r"a 'bert' model; dialora adapts T5"),
    "a kind that is no text": (config(model_type=["t5"]), r"a \['t5'\] model"),
    "an encoder alone": (config(architectures=["T5EncoderModel"]), "an encoder alone"),
    "no decoder": (config(is_encoder_decoder=False), "an encoder alone"),
    "no start of summaries": (config(decoder_start_token_id=None), "decoder_start_token_id is missing"),
    "an id outside": (config(eos_token_id=10**6), "eos_token_id is 1000000"),
    "negative width": (config(d_model=-1), "d_model is -1, not a whole number from 1"),
    "width as text": (config(d_model="512"), "d_model is '512'"),
    "width as a fraction": (config(d_model=32.0), r"d_model is 32\.0"),
    "width as truth": (config(d_model=True), "d_model is True"),
    "enormous width": (config(d_model=10**12), "d_model is 1000000000000"),
    "allowed width of another": (config(d_model=2**14, d_ff=2**18), r"\d+ of another shape \("),
    "no pieces": (config(vocab_size=0), "vocab_size is 0"),
    "enormous depth": (config(num_layers=10**9), "num_layers is 1000000000"),
    "depth of another": (config(num_layers=100, num_decoder_layers=100), r"\d+ missing \("),
    "no number": (config(dropout_rate=float("nan")), "dropout_rate is nan"),
    "no activation": (config(feed_forward_proj="gated-__class__"), "which is no activation"),
    "an activation in two ways": (
        config(dense_act_fn="relu"),
        r"dense_act_fn is 'relu', and feed_forward_proj gated-gelu means 'gelu_new': they must agree",
    ),
    "a gate and none": (
        config(feed_forward_proj="relu", dense_act_fn="relu", is_gated_act=True),
        "is_gated_act is True, and feed_forward_proj relu means False",
    ),
    "no gate and one": (config(is_gated_act=False), "is_gated_act is False, and feed_forward_proj gated-gelu means"),
    "tied and not": (
        both(
            config(tie_word_embeddings=False, scale_decoder_outputs=True),
            weights(lambda found: found.pop("lm_head.weight")),
        ),
        "scale_decoder_outputs is true and tie_word_embeddings false",
    ),
    "no distance beyond the buckets": (
        config(relative_attention_max_distance=8),
        "relative_attention_max_distance is 8, and relative_attention_num_buckets 32 needs more than 16",
    ),
    "a distance as far as the buckets": (config(relative_attention_max_distance=16), "max_distance is 16, and"),
    "one bucket": (
        both(config(relative_attention_num_buckets=1), keep_buckets(1)),
        "relative_attention_num_buckets is 1, fewer than 4",
    ),
    "three buckets": (both(config(relative_attention_num_buckets=3), keep_buckets(3)), "num_buckets is 3, fewer than"),
    "attention of somebody": (config(attn_implementation="somebody/kernel"), "attn_implementation names kernels"),
    "code": (
        config(auto_map={"AutoConfig": "evil.Config", "AutoModelForSeq2SeqLM": "evil.Model"}),
        "auto_map names code",
    ),
    "quantized": (config(quantization_config={"quant_method": "bitsandbytes"}), "quantization_config says"),
    "generation that cannot be saved": (
        content("generation_config.json", b'{"max_new_tokens": -1}'),
        r"generation_config\.json is not valid",
    ),
    "generation that is none": (content("generation_config.json", b"{"), r"generation_config\.json is damaged"),
    "no tokenizer": (remove_tokenizer, r"no tokenizer: neither tokenizer\.json nor spiece\.model"),
    "an empty tokenizer": (content("tokenizer.json", b""), "tokenizer.json is empty"),
    "a cut tokenizer": (cut("tokenizer.json", 3000), "tokenizer.json is damaged"),
    "a tokenizer of nothing": (content("tokenizer.json", b"{}"), "tokenizer's files are damaged"),
    "a tokenizer with code": (
        content("tokenizer_config.json", b'{"auto_map": {"AutoTokenizer": ["evil.Tokenizer", null]}}'),
        "auto_map names code",
    ),
    "a tokenizer of pieces without rows": (
        both(config(vocab_size=300), weights(shorten)),
        "another model's",
    ),
    "a tokenizer that ends nothing": (
        tokens(post_processor=None),
        r"does not end a text with one </s>.*post_processor",
    ),
    "a tokenizer that ends twice": (end_twice, "does not end a text with one </s>"),
    "a tokenizer without settings": (
        content("tokenizer_config.json", None),
        r"it has no tokenizer_config\.json, without which pieces are made up",
    ),
    "a weight in two files": (
        shards({"shared.weight": 1.0}),
        r"1 of its weights stand in two files, differently \(shared\.weight\); download it again",
    ),
    "two embeddings": (
        weights(lambda found: found.update({"encoder.embed_tokens.weight": found["shared.weight"] + 1})),
        r"its embedding stands there more than once, differently \(.*encoder\.embed_tokens\.weight",
    ),
    "a tokenizer that ends elsewhere": (config(eos_token_id=7), "eos_token_id is 1, and its config.json's is 7"),
}


ON_LOADING = {"one NaN", "all NaN", "infinite", "two heads, tied config", "a weight in two files", "two embeddings"}
"""What takes reading the weights, which `check` does not."""


@pytest.fixture(autouse=True)
def nothing_runs_nor_asks(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (folder / "evil.py").write_text(
        "open('ran', 'w').close()\nclass Config: ...\nclass Model: ...\nclass Tokenizer: ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    yield
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_refused_in_a_line(
    name: str, experiment: dict[str, Any], dataset: DialogueDataset, folder: Path, tmp_path: Path
) -> None:
    damage, expected = DAMAGES[name]
    damage(folder)
    damaged = load(experiment, folder)
    start = time.process_time()
    failed = [f.detail for f in check_experiment(damaged, dataset, output=tmp_path / "x") if f.status == "failed"]
    if name not in ON_LOADING:
        assert len(failed) == 1
    with pytest.raises(ModelError, match=expected) as caught:
        load_both(damaged)
    assert time.process_time() - start < 5
    assert failed in ([], [str(caught.value)])
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(f"model: {folder} cannot be loaded: ")


@pytest.mark.parametrize("size", [0, 1, 8, 9, 100, 5_000])
def test_weights_cut_anywhere_are_refused(size: int, experiment: dict[str, Any], folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "whole.bin")
    for name, source in (("model.safetensors", "model.safetensors"), ("pytorch_model.bin", "whole.bin")):
        data = (folder / source).read_bytes()[:size]
        for each in folder.glob("*model.*"):
            each.unlink()
        (folder / name).write_bytes(data)
        with pytest.raises(ModelError, match=rf"{name} is (empty|cut short|damaged)"):
            load_base_model(load(experiment, folder))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_bare_pickle_of_any_kind_runs_nothing(protocol: int, experiment: dict[str, Any], folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"shared.weight": Code()}, protocol=protocol))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is damaged, or holds more than weights"):
        load_base_model(load(experiment, folder))


@pytest.mark.parametrize("zipped", [True, False])
def test_an_honest_bin_is_the_same_model(zipped: bool, experiment: dict[str, Any], folder: Path) -> None:
    expected = load_base_model(load(experiment, folder)).state_dict()
    found = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    found["decoder.embed_tokens.weight"] = found["shared.weight"]
    torch.save(found, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    loaded = load_base_model(load(experiment, folder)).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.items())


def test_the_embedding_may_stand_under_another_of_its_names(experiment: dict[str, Any], folder: Path) -> None:
    expected = load_base_model(load(experiment, folder)).state_dict()
    weights(lambda found: found.update({"encoder.embed_tokens.weight": found.pop("shared.weight")}))(folder)
    loaded = load_base_model(load(experiment, folder)).state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"dense_act_fn": None, "is_gated_act": None},
        {"tie_word_embeddings": None},
        {"relative_attention_max_distance": 17},
        {"relative_attention_max_distance": None, "relative_attention_num_buckets": None},
    ],
)
def test_a_config_that_contradicts_nothing_is_taken(
    changes: dict[str, Any], experiment: dict[str, Any], folder: Path
) -> None:
    config(**changes)(folder)
    model = load_base_model(load(experiment, folder))
    ids = torch.arange(100).unsqueeze(0) + 3
    with torch.no_grad():
        assert model(input_ids=ids, decoder_input_ids=ids).logits.isfinite().all()


@pytest.mark.parametrize("length", ["x", -1, 5, 10**30])
def test_a_length_that_a_tokenizer_names_changes_nothing(length: Any, experiment: dict[str, Any], folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    expected = load_tokenizer(load(experiment, folder))("Hello you", truncation=True, max_length=16)["input_ids"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": length}))
    found = load_tokenizer(load(experiment, folder))("Hello you", truncation=True, max_length=16)["input_ids"]
    assert found == expected


def test_what_has_no_place_in_a_t5_is_named(
    experiment: dict[str, Any], dataset: DialogueDataset, folder: Path, tmp_path: Path
) -> None:
    weights(lambda found: found.update({"classifier.weight": torch.ones(2, 2)}))(folder)
    findings = {f.check: f for f in check_experiment(load(experiment, folder), dataset, output=tmp_path / "x")}
    assert findings["weights"].status == "warning"
    assert "classifier.weight" in findings["weights"].detail
    assert {f.status for f in findings.values()} == {"ok", "warning"}
    load_base_model(load(experiment, folder))


def test_names_in_a_file_do_not_reach_the_terminal_as_they_are(experiment: dict[str, Any], folder: Path) -> None:
    def hide(found: dict[str, Tensor]) -> None:
        found["\x1b[2J\n" + "x" * 5000] = found.pop("shared.weight")

    weights(hide)(folder)
    with pytest.raises(ModelError, match=r"1 missing \(shared\.weight\)") as caught:
        load_base_model(load(experiment, folder))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_sentencepiece_is_asked_for_by_its_name(
    experiment: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_sentencepiece(folder)
    monkeypatch.setattr("dialora.models.vocabulary.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"no tokenizer\.json, and reading that takes sentencepiece"):
        load_tokenizer(load(experiment, folder))


def test_what_a_config_says_besides_the_layout_changes_nothing(experiment: dict[str, Any], folder: Path) -> None:
    expected = load_base_model(load(experiment, folder)).config
    config(return_dict=False, torchscript=True, is_decoder=True, num_beams=9, gradient_checkpointing=True)(folder)
    found = load_base_model(load(experiment, folder)).config
    assert found.to_dict() | {"_name_or_path": ""} == expected.to_dict() | {"_name_or_path": ""}
