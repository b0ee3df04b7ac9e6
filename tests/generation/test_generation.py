"""Generation: order, batches, repeats, resuming, and the experiment's decoding alone."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from dialora.config import DecodingConfig, ExperimentConfig, load_experiment
from dialora.data.tokens import fill_batches, tokenize_sources
from dialora.errors import GenerationError, Interrupted
from dialora.generation import TorchEngine, Written, generate, write_predictions
from dialora.generation.batches import plan_source_batches
from dialora.methods import LoRA
from dialora.models.adapters import apply_method
from dialora.models.loading import load_base_model, load_tokenizer
from dialora.records import Example, Prediction
from dialora.store import PartialLog

TEXTS = [
    "#Person1#: Hi.",
    "A much longer dialogue. " * 12,
    "#Person1#: Hi.",
    "Middle sized, this one. " * 4,
    "Bye now.",
]
EXAMPLES = [Example(f"e{i}", text, ("A.",)) for i, text in enumerate(TEXTS)]


@pytest.fixture
def config(experiment: dict[str, Any]) -> ExperimentConfig:
    return load_experiment(experiment)


@pytest.fixture
def system(config: ExperimentConfig) -> tuple[Any, Any]:
    torch.manual_seed(0)
    return load_base_model(config), load_tokenizer(config)


def summarize(system: tuple[Any, Any], examples: list[Example] = EXAMPLES, **options: Any) -> list[Prediction]:
    model, tokenizer = system
    decoding = DecodingConfig(**({"max_new_tokens": 9} | options.pop("decoding", {})))
    sources = tokenize_sources(
        [e.dialogue for e in examples], tokenizer, prompt="Summarize: {dialogue}", max_length=100
    )
    return generate(model, tokenizer, examples, sources, decoding, **options)


@pytest.mark.parametrize("num_beams", [1, 3])
def test_batched_and_sorted_equals_one_by_one(system: Any, num_beams: int) -> None:
    together = summarize(system, decoding={"num_beams": num_beams})
    alone = [summarize(system, [example], decoding={"num_beams": num_beams})[0] for example in EXAMPLES]
    assert together == alone
    assert [p.id for p in together] == [e.id for e in EXAMPLES]
    assert len({p.summary for p in together}) > 1


def test_small_batches_change_nothing(system: Any) -> None:
    assert summarize(system, decoding={"max_batch_tokens": 8}) == summarize(system)


def test_a_gpu_is_given_larger_batches_unless_the_user_chose() -> None:
    sources = [[0] * 100] * 2000
    count = {device: len(plan_source_batches(sources, DecodingConfig(), device=device)) for device in ("cpu", "cuda")}
    assert count == {"cpu": 38, "cuda": 10}  # of at most 54 and 218 rows, each of 300 tokens
    chosen = DecodingConfig(max_batch_tokens=30_000)
    assert len(plan_source_batches(sources, chosen, device="cuda")) == len(plan_source_batches(sources, chosen)) == 20


def test_what_a_gpu_has_no_memory_for_is_written_in_parts(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = system
    expected, whole, asked = summarize(system), model.generate, []

    def generate_little(input_ids: torch.Tensor, **options: Any) -> Any:
        asked.append(len(input_ids))
        if len(input_ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(input_ids=input_ids, **options)

    monkeypatch.setattr(model, "generate", generate_little)
    most = 1
    assert summarize(system) == expected
    assert asked == [4, 2, 1, 1, 1, 1]
    most = 0
    with pytest.raises(GenerationError, match="no memory for a single dialogue; lower decoding"):
        summarize(system)


def test_bf16_rounds_a_matrix_once_a_batch_and_not_for_every_token(system: Any) -> None:
    model, tokenizer = system
    adapted = apply_method(model, LoRA(r=4), key="lora")
    frozen = [name for name, p in adapted.named_parameters() if not p.requires_grad]

    def count_rounded(max_new_tokens: int) -> int:
        engine = TorchEngine(adapted, tokenizer, DecodingConfig(max_new_tokens=max_new_tokens), precision="bf16")
        engine.config.min_new_tokens = max_new_tokens
        with engine, profile(activities=[ProfilerActivity.CPU], record_shapes=True) as taken:
            assert len(next(engine.write([[[5, 6, 1]]]))[0].new_ids) == max_new_tokens
        events = [e for e in taken.key_averages(group_by_input_shape=True) if e.key == "aten::_to_copy"]
        return sum(e.count for e in events if len(e.input_shapes[0]) == 2 and min(e.input_shapes[0]) > 1)

    assert count_rounded(2) == count_rounded(6)
    assert frozen == [name for name, p in adapted.named_parameters() if not p.requires_grad]


@pytest.mark.parametrize(("num_sources", "num_beams"), [(48, 1), (48, 4), (7, 1), (1, 1), (0, 1)])
def test_batches_are_few_and_none_is_a_small_rest(num_sources: int, num_beams: int) -> None:
    lengths = [90 + i % 40 for i in range(num_sources)]
    decoding = DecodingConfig(max_new_tokens=10, num_beams=num_beams, max_batch_tokens=4096)
    batches = plan_source_batches([[0] * length for length in lengths], decoding)
    limit = 4096 // num_beams
    longest_first = sorted(range(num_sources), key=lambda i: -lengths[i])
    assert [i for batch in batches for i in batch] == longest_first
    sizes = [len(batch) * (max(lengths[i] for i in batch) + 10) for batch in batches]
    assert all(size <= limit for size in sizes)
    filled = fill_batches([(i, lengths[i], 10) for i in longest_first], limit)
    assert len(batches) == len(filled)
    assert min(sizes, default=1) >= 0.7 * max(sizes, default=1)


def test_a_log_of_other_batches_is_not_taken(system: Any, tmp_path: Path) -> None:
    log = PartialLog(tmp_path / "log.jsonl", "key")
    other = [example for example in EXAMPLES if example.id != "e3"]
    summarize(system, other, log=log)
    assert summarize(system, log=log) == summarize(system)


def test_each_distinct_dialogue_is_generated_once(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 0
    original = system[0].generate

    def count(**inputs: Any) -> Any:
        nonlocal rows
        rows += len(inputs["input_ids"])
        return original(**inputs)

    monkeypatch.setattr(system[0], "generate", count)
    predictions = summarize(system)
    assert rows == 4
    assert predictions[0].summary == predictions[2].summary


def test_the_length_asked_for_is_the_length_made(system: Any) -> None:
    # transformers stops at 20 tokens when it is told nothing.
    made = summarize(system, decoding={"max_new_tokens": 40})
    assert max(p.num_new_tokens for p in made) == 40


def test_a_checkpoints_own_decoding_is_not_used(system: Any) -> None:
    expected = summarize(system)
    system[0].generation_config.num_beams = 4
    system[0].generation_config.min_length = 30
    system[0].generation_config.do_sample = True
    assert summarize(system) == expected


def test_the_truncated_are_marked(system: Any) -> None:
    assert [p.truncated for p in summarize(system)] == [False, True, False, False, False]


def test_an_interrupted_generation_goes_on_where_it_was(system: Any, tmp_path: Path) -> None:
    options = {"decoding": {"max_batch_tokens": 8}, "log": PartialLog(tmp_path / "log.jsonl", "key")}
    asked = iter(range(10))
    with pytest.raises(Interrupted, match="stopped after 2 of 4 summaries"):
        summarize(system, should_stop=lambda: next(asked) == 2, **options)
    system[0].generate, calls = _counting(system[0].generate)
    assert summarize(system, **options) == summarize(system, decoding={"max_batch_tokens": 8})
    assert calls[0] == 2 + 4


def _counting(function: Any) -> tuple[Any, list[int]]:
    calls = [0]

    def wrapped(**inputs: Any) -> Any:
        calls[0] += 1
        return function(**inputs)

    return wrapped, calls


def test_an_adapter_is_merged_for_generation_and_taken_out_again(config: ExperimentConfig, system: Any) -> None:
    model, tokenizer = system
    adapted = apply_method(model, LoRA(r=4), key="lora")
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    before = {name: p.detach().clone() for name, p in adapted.named_parameters()}
    first = summarize((adapted, tokenizer))
    assert all(torch.equal(p, before[name]) for name, p in adapted.named_parameters())
    assert summarize((adapted, tokenizer)) == first
    assert first != summarize((load_base_model(config), tokenizer))


def test_an_interrupted_generation_takes_the_time_of_all_its_batches(system: Any, tmp_path: Path) -> None:
    class Slow:
        """An engine that takes a while for every batch."""

        name, precision, device = "slow", "fp32", "cpu"

        def __enter__(self) -> "Slow":
            return self

        def __exit__(self, *args: object) -> None:
            return None

        def write(self, batches: Any) -> Any:
            for batch in batches:
                time.sleep(0.05)
                yield [Written([5, 1]) for _ in batch]

    _, tokenizer = system
    decoding = DecodingConfig(max_new_tokens=8, max_batch_tokens=8)
    sources = tokenize_sources([e.dialogue for e in EXAMPLES], tokenizer, prompt="{dialogue}", max_length=64)
    log = PartialLog(tmp_path / "log.jsonl", "key")
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        write_predictions(Slow(), tokenizer, EXAMPLES, sources, decoding, log=log, should_stop=lambda: next(asked))
    num_batches = len({tuple(source.input_ids) for source in sources})
    made = write_predictions(Slow(), tokenizer, EXAMPLES, sources, decoding, log=log)
    # Two batches were written before: only the others take time now, but all of it counts.
    assert 0.05 * num_batches <= made.seconds < 0.05 * num_batches + 0.5
    assert made.seconds == write_predictions(Slow(), tokenizer, EXAMPLES, sources, decoding, log=log).seconds
