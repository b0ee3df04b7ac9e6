"""The lean step: the same losses and weights as transformers' own forward, and nothing left behind on the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dialora.config import ExperimentConfig, TrainingConfig, load_experiment
from dialora.data.examples import load_dataset
from dialora.data.tokens import TrainingPair, collate_pairs, tokenize_pairs
from dialora.errors import Interrupted
from dialora.methods import METHODS
from dialora.models.adapters import apply_method
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.store import names, telling_damage
from dialora.training import TrainingResult, train
from dialora.training.lean.frozen import frozen_in_bf16
from dialora.training.lean.kernels import CHUNK, LEVELS, Attention, ByteDropout, drop, normalize, sum_cross_entropy
from dialora.training.lean.micro_batches import split_batch
from tests.conftest import build_experiment_values, leave_out_dropout

TRAINED = sorted(name for name, method in METHODS.items() if method.trains and name not in ("qlora", "peft"))

OPTIONS = {"last_layers": {"num_layers": 1}}


@pytest.fixture(scope="module")
def config(tiny_model: Path, small_data: Path) -> ExperimentConfig:
    values = build_experiment_values(tiny_model, small_data)
    return load_experiment(values | {"methods": {name: OPTIONS.get(name, {}) for name in TRAINED}})


@pytest.fixture(scope="module")
def pairs(config: ExperimentConfig) -> list[TrainingPair]:
    examples, tokenizer = load_dataset(config.data).train, load_tokenizer(config)
    return tokenize_pairs(examples, tokenizer, prompt=config.prompt, max_source_length=64, max_target_length=24)


def build(config: ExperimentConfig, key: str) -> nn.Module:
    """A model on which nothing is drawn."""
    torch.manual_seed(0)
    model = apply_method(load_base_model(config), config.methods[key], key=key)
    return leave_out_dropout(model)


def run(
    config: ExperimentConfig,
    pairs: list[TrainingPair],
    work: Path,
    key: str,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_encoding: Callable[[int, int], None] = lambda done, total: None,
    **options: Any,
) -> tuple[TrainingResult, nn.Module]:
    model = build(config, key)
    training = TrainingConfig(num_train_epochs=3, per_device_train_batch_size=4, warmup_ratio=0, **options)
    method: Any = config.methods[key]
    result = train(
        model, pairs, pairs[:6], training, key=key, learning_rate=3 * method.learning_rate, method=method, seed=0,
        pad_id=0, work=work, should_stop=should_stop, on_encoding=on_encoding,
    )  # fmt: skip
    return result, model


@pytest.mark.parametrize("key", TRAINED)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 2e-5), ("bf16", 6e-3)])
def test_losses_are_those_of_the_plain_forward(
    key: str, precision: str, tolerance: float, config: Any, pairs: Any, tmp_path: Path
) -> None:
    plain, _ = run(config, pairs, tmp_path / "plain", key, precision=precision, lean=False)
    found, model = run(config, pairs, tmp_path / "lean", key, precision=precision)
    assert found.losses == pytest.approx(plain.losses, rel=tolerance)
    assert [loss for _, loss in found.validation] == pytest.approx([v for _, v in plain.validation], rel=tolerance)
    assert found.losses[-1] != found.losses[0]
    untouched = build(config, key)
    assert [type(m) for m in model.modules()] == [type(m) for m in untouched.modules()]
    frozen = {name: p for name, p in untouched.named_parameters() if not p.requires_grad}
    assert all(torch.equal(p, frozen[name]) for name, p in model.named_parameters() if name in frozen)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not list(tmp_path.rglob(names.FROZEN_WEIGHTS))


def test_byte_dropout_drops_as_often_as_it_says_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.ones(1_000_003, requires_grad=True)
    y = drop(x, 0.1)
    y.sum().backward()
    kept = 230 / 256
    assert float((y.detach() > 0).double().mean()) == pytest.approx(kept, abs=0.0015)  # five standard errors
    assert float(y.detach().max()) == pytest.approx(1 / kept)
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())
    # Neighbours, and the eight bytes of one draw, are independent of each other.
    centred = (y.detach() > 0).double() - kept
    for lag in (1, 2, 3, 4, 7, 8, 64):
        assert float((centred[lag:] * centred[:-lag]).mean()) == pytest.approx(0, abs=5e-4)


def test_byte_dropout_does_nothing_out_of_training_and_follows_the_seed() -> None:
    layer, x = ByteDropout(0.3), torch.randn(64, 64)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert not torch.equal(layer(x), first)
    assert torch.equal(layer.eval()(x), x)


def attend_plainly(query: Any, key: Any, value: Any, bias: Any, mask: Any, kept: Any = 1.0) -> torch.Tensor:
    scores = query @ key.transpose(2, 3) + bias + mask
    return ((scores.softmax(dim=-1) * kept) @ value).transpose(1, 2)


@pytest.fixture
def attended() -> list[torch.Tensor]:
    """Query, key, value and position bias that all want gradients; a mask whose last keys are not to be seen."""
    torch.manual_seed(0)
    shapes = [(2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4), (1, 3, 5, 7)]
    tensors = [torch.randn(shape, requires_grad=True) for shape in shapes]
    mask = torch.zeros(2, 1, 5, 7)
    mask[1, :, :, 4:] = torch.finfo(torch.float32).min
    return [*tensors, mask]


def test_attention_and_its_gradients_are_those_of_the_formula(attended: Any) -> None:
    query, key, value, bias, mask = attended
    expected = attend_plainly(query, key, value, bias, mask)
    found, _ = Attention()(nn.Identity(), query, key, value, mask, position_bias=bias)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    pairs = zip(*(torch.autograd.grad((made * weights).sum(), attended[:4]) for made in (found, expected)), strict=True)
    for gradient, other in pairs:
        torch.testing.assert_close(gradient, other)


def test_attention_with_dropout_has_the_gradients_of_what_it_kept(attended: Any) -> None:
    query, key, _, bias, mask = attended
    identity = torch.eye(7).expand(2, 3, 7, 7)  # as values it shows the weights that were left
    torch.manual_seed(3)
    left, _ = Attention()(nn.Identity(), query, key, identity, mask, dropout=0.3, position_bias=bias)
    kept = (left.detach().transpose(1, 2) != 0) * (LEVELS / (LEVELS - round(0.3 * LEVELS)))
    assert 0 < (kept == 0).sum() < kept.numel()
    torch.manual_seed(3)
    value = torch.randn(2, 3, 7, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found, _ = Attention()(nn.Identity(), query, key, value, mask, dropout=0.3, position_bias=bias)
    expected = attend_plainly(query, key, value, bias, mask, kept)
    torch.testing.assert_close(found, expected)
    tensors = [query, key, value, bias]
    made = [torch.autograd.grad((each**2).sum(), tensors) for each in (found, expected)]
    for gradient, other in zip(*made, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-5)


def test_the_sum_of_bias_and_mask_is_not_taken_for_that_of_other_ones(attended: Any) -> None:
    query, key, value, bias, mask = attended
    attention, other = Attention(), bias.detach() + 3 * torch.randn_like(bias)
    for one in (bias, other, bias):
        found, _ = attention(nn.Identity(), query, key, value, mask, position_bias=one)
        torch.testing.assert_close(found, attend_plainly(query, key, value, one, mask))


def test_micro_batches_hold_every_row_once_and_no_more_tokens_than_allowed() -> None:
    lengths = [(9, 3), (30, 2), (4, 8), (16, 1), (12, 12), (29, 4), (1, 1)]
    pairs = [TrainingPair(str(i), [i + 1] * s, [i + 1] * t, False, False) for i, (s, t) in enumerate(lengths)]
    batch = collate_pairs(pairs, pad_id=0)
    states = batch["input_ids"][:, :, None].float()
    pieces = split_batch(batch | {"encoder_outputs": (states,)}, 100)
    seen = []
    for piece in pieces:
        ids, labels = piece["input_ids"], piece["labels"]
        assert ids.numel() + labels.numel() <= 100
        assert torch.equal(piece["encoder_outputs"][0][:, :, 0], ids.float())
        assert torch.equal(piece["attention_mask"].bool(), ids != 0)
        rows = zip(ids, labels, strict=True)
        seen += [(int(row[0]), int((row != 0).sum()), int((label > 0).sum())) for row, label in rows]
    assert sorted(seen) == [(i + 1, s, t) for i, (s, t) in enumerate(lengths)]
    assert len(split_batch(batch, 10_000)) == 1
    assert [len(piece["labels"]) for piece in split_batch(batch, 1)] == [1] * len(lengths)


@pytest.mark.parametrize(
    ("key", "options"), [("lora", {}), ("full", {}), ("adalora", {}), ("lora_decoder", {"cache_encoder": True})]
)
def test_a_step_in_micro_batches_is_the_same_step(
    key: str, options: Any, config: Any, pairs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = run(config, pairs, tmp_path / "whole", key, precision="fp32", **options)
    cut: list[int] = []

    def count(inputs: Any, max_tokens: int) -> Any:
        pieces = split_batch(inputs, min(max_tokens, 100))
        cut.append(len(pieces))
        return pieces

    monkeypatch.setattr("dialora.training.loop.split_batch", count)
    found, _ = run(config, pairs, tmp_path / "cut", key, precision="fp32", **options)
    assert max(cut) > 1
    assert found.losses == pytest.approx(whole.losses, rel=2e-5)


def test_the_norm_and_its_gradients_are_torchs() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(3, 5, 16, requires_grad=True), torch.randn(16, requires_grad=True)
    expected = nn.functional.rms_norm(x, (16,), weight, 1e-6)
    found = normalize(x, weight, 1e-6, dtype=torch.float32)
    torch.testing.assert_close(found, expected)
    made = [torch.autograd.grad((each**3).sum(), [x, weight]) for each in (found, expected)]
    for gradient, other in zip(*made, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("rows", [1, CHUNK, 2 * CHUNK + 3])
def test_cross_entropy_in_chunks_is_cross_entropy(rows: int, fused: bool) -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(rows, 16, requires_grad=True), torch.randn(50, 16, requires_grad=True)
    labels = torch.randint(0, 50, (rows,))
    expected = nn.functional.cross_entropy(hidden @ weight.T, labels, reduction="sum")
    gradients = torch.autograd.grad(3 * expected, [hidden, weight])
    found = sum_cross_entropy(hidden, weight, labels, fused=fused)
    torch.testing.assert_close(found, expected)
    for gradient, other in zip(gradients, torch.autograd.grad(3 * found, [hidden, weight]), strict=True):
        torch.testing.assert_close(other, gradient, rtol=1e-4, atol=1e-5)


def test_frozen_weights_come_back_to_where_the_model_is(tmp_path: Path) -> None:
    layer = nn.Linear(4, 4).requires_grad_(False)
    with frozen_in_bf16(layer, tmp_path / "spill"):
        # Stands for a GPU: a device other than that of a file that is read.
        torch.utils.swap_tensors(layer.weight, nn.Parameter(layer.weight.to("meta"), requires_grad=False))
    assert (layer.weight.device.type, layer.weight.dtype) == ("meta", torch.float32)


@pytest.mark.parametrize("key", ["lora_decoder", "decoder", "last_layers"])
def test_cached_encoder_states_give_the_losses_of_the_encoder_itself(
    key: str, config: Any, pairs: Any, tmp_path: Path
) -> None:
    plain, _ = run(config, pairs, tmp_path / "plain", key, precision="fp32")
    found, _ = run(config, pairs, tmp_path / "cached", key, precision="fp32", cache_encoder=True)
    assert found.losses == pytest.approx(plain.losses, rel=2e-5)
    assert [v for _, v in found.validation] == pytest.approx([v for _, v in plain.validation], rel=2e-5)
    assert (tmp_path / "cached" / names.ENCODER).is_dir()


def test_computing_encoder_states_shows_how_far_it_is(config: Any, pairs: Any, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run(config, pairs, tmp_path, "decoder", cache_encoder=True, on_encoding=lambda *at: seen.append(at))
    sources = len({tuple(pair.input_ids) for pair in pairs})
    assert seen[-1] == (sources, sources)


def test_a_run_over_cached_states_that_was_stopped_ends_like_an_undisturbed_one(
    config: Any, pairs: Any, tmp_path: Path
) -> None:
    expected, _ = run(config, pairs, tmp_path / "a", "lora_decoder", cache_encoder=True)
    for stop_at in (0, 3):
        calls = iter(range(1000))
        with pytest.raises(Interrupted):
            run(
                config, pairs, tmp_path / "b", "lora_decoder", cache_encoder=True,
                should_stop=lambda: next(calls) == stop_at,  # noqa: B023
            )  # fmt: skip
    found, _ = run(config, pairs, tmp_path / "b", "lora_decoder", cache_encoder=True)
    assert found.losses == expected.losses


def test_encoder_states_that_were_changed_are_computed_again(config: Any, pairs: Any, tmp_path: Path) -> None:
    expected, _ = run(config, pairs, tmp_path / "a", "decoder", cache_encoder=True)
    calls = iter(range(1000))
    with pytest.raises(Interrupted):
        run(config, pairs, tmp_path / "b", "decoder", cache_encoder=True, should_stop=lambda: next(calls) == 3)
    states = tmp_path / "b" / names.ENCODER / names.ENCODER_STATES
    content = bytearray(states.read_bytes())
    content[::2] = content[1::2]
    states.write_bytes(content)
    told: list[str] = []
    with telling_damage(told.append):
        found, _ = run(config, pairs, tmp_path / "b", "decoder", cache_encoder=True)
    assert found.losses == expected.losses
    assert names.ENCODER_STATES in told[0]


@pytest.mark.parametrize("key", ["lora", "full", "prompt_tuning", "prefix_tuning"])
def test_what_the_encoder_reads_is_not_cached_where_it_is_trained(
    key: str, config: Any, pairs: Any, tmp_path: Path
) -> None:
    run(config, pairs, tmp_path, key, cache_encoder=True)
    assert not (tmp_path / names.ENCODER).exists()
