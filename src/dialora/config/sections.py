"""The sections of an experiment file: what each key may be, its default, and a line about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_serializer, model_validator

from dialora.config.entries import build_entries, build_metric
from dialora.config.metric import Metric
from dialora.config.section import MAX_SEED, Section
from dialora.protocols import PROTOCOLS, Protocol

BUNDLED = "bundled"
"""As `model` or `data.source`: the base model or the dialogues inside the package."""
BATCH_TOKENS = {"cpu": 16_384, "cuda": 65_536}
"""Of a batch that is generated: a GPU does more rows in nearly the same time, for each step of it is mostly waiting."""
MOST_TOKENS = 100_000_000
"""In a batch."""
DEFAULT_PROMPT = "Summarize the following conversation.\n\n{dialogue}\n\nSummary: "
Splits = Literal["train", "validation", "test"]
_NEWER_DATA_KEYS = frozenset({"name", "files", "split_column", "turn_text_key", "turn_speaker_key"})
_NAMES_ELSEWHERE = {
    "text_column": "dialogue_column",
    "source_column": "dialogue_column",
    "summary_column": "summary_columns",
    "target_column": "summary_columns",
    "dataset_name": "source",
    "dataset_config_name": "name",
    **dict.fromkeys(("train_file", "validation_file", "test_file"), "files: {train: …, validation: …, test: …}"),
}
"""Keys of other tools' files for the same, which the nearest name would misdirect."""
Trackers = Literal["none", "tensorboard", "trackio", "wandb", "mlflow"]


class DataConfig(Section):
    """Where the dialogues come from, and how much of each is read."""

    source: Annotated[str, Field(description="hub id, a folder or file, or `bundled`")]
    name: Annotated[str | None, Field(description="configuration of a hub id, where it has several")] = None
    revision: Annotated[str | None, Field(description="commit or tag of a hub id")] = None
    files: Annotated[
        dict[Splits, tuple[str, ...]] | None,
        Field(description="files of each split in the folder `source`, where their names do not say it"),
    ] = None
    split_column: Annotated[str | None, Field(description="says which split a row is of; `split` is recognised")] = None
    dialogue_column: Annotated[str | None, Field(description="recognised when not named")] = None
    summary_columns: Annotated[tuple[str, ...] | None, Field(description="recognised when not named")] = None
    id_column: Annotated[str | None, Field(description="recognised when not named; none: rows are numbered")] = None
    topic_column: Annotated[str | None, Field(description="recognised when not named")] = None
    turn_text_key: Annotated[str | None, Field(description="of a turn that is an object; recognised")] = None
    turn_speaker_key: Annotated[str | None, Field(description="of a turn that is an object; recognised")] = None
    deduplicate: Annotated[bool, Field(description="train on no dialogue that validation or test hold too")] = False
    max_train_examples: Annotated[int | None, Field(ge=1, description="drawn with `seed`")] = None
    max_validation_examples: Annotated[int | None, Field(ge=1, description="drawn with `seed`")] = None
    max_test_examples: Annotated[int | None, Field(ge=1, description="drawn with `seed`")] = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, description="of the limits and of a split made here")] = 0
    max_source_length: Annotated[
        int,
        Field(
            ge=8,
            le=MOST_TOKENS,
            description="tokens of prompt and dialogue; unless named, what every base has positions for, 1,024 at most",
        ),
    ] = 512
    max_target_length: Annotated[int, Field(ge=2, le=MOST_TOKENS, description="tokens of a training summary")] = 128

    @model_validator(mode="before")
    @classmethod
    def _translate_names(cls, values: Any) -> Any:
        for name, own in _NAMES_ELSEWHERE.items() if isinstance(values, Mapping) else ():
            if name in values:
                raise ValueError(f"unknown key {name!r}; here it is {own}.")
        return values

    @field_validator("files", mode="before")
    @classmethod
    def _wrap_single_files(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {split: (files,) if isinstance(files, str) else files for split, files in value.items()}

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_named(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Write the file of an experiment that names none of the newer keys as it has always been written."""
        return {key: value for key, value in write(self).items() if value is not None or key not in _NEWER_DATA_KEYS}


class TrainingConfig(Section):
    """The training budget, shared by every method; the learning rate belongs to the method."""

    num_train_epochs: Annotated[float, Field(ge=1e-4, le=10_000, description="passes over the training split")] = 1.0
    max_steps: Annotated[
        int | None, Field(ge=1, le=10_000_000, description="optimizer steps; replaces num_train_epochs")
    ] = None
    per_device_train_batch_size: Annotated[int, Field(ge=1, le=10_000, description="examples per batch")] = 8
    max_batch_tokens: Annotated[
        int | None,
        Field(ge=8, le=MOST_TOKENS, description="padded source + target tokens per batch; replaces the batch size"),
    ] = None
    gradient_accumulation_steps: Annotated[int, Field(ge=1, le=10_000, description="batches per optimizer step")] = 1
    gradient_checkpointing: Annotated[bool, Field(description="less memory, more time")] = False
    lean: Annotated[bool, Field(description="the same steps with less work; false: transformers' own forward")] = True
    cache_encoder: Annotated[
        bool, Field(description="methods that train the decoder alone run the frozen encoder once, without dropout")
    ] = False
    warmup_ratio: Annotated[float, Field(ge=0, lt=1, description="share of the steps")] = 0.03
    lr_scheduler_type: Annotated[Literal["linear", "cosine", "constant_with_warmup"], Field()] = "linear"
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    max_grad_norm: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Field(description="auto: bf16 where the processor multiplies it natively")
    ] = "auto"
    num_evaluations: Annotated[
        int, Field(ge=1, le=10_000, description="validation losses per run, the last at the end")
    ] = 5
    early_stopping_patience: Annotated[
        int | None,
        Field(ge=1, le=10_000, description="evaluations without a better validation loss; the best weights are kept"),
    ] = None
    checkpoint_seconds: Annotated[
        float, Field(gt=0, le=604_800, description="at most so much work is lost by a crash")
    ] = 120.0
    report_to: Annotated[tuple[Trackers, ...], Field(description="experiment trackers")] = ()
    device: Annotated[Literal["auto", "cpu", "cuda"], Field()] = "auto"
    num_processes: Annotated[
        int, Field(ge=1, le=64, description="share the rows of every batch, with a GPU or some cores each")
    ] = 1
    fsdp: Annotated[
        bool, Field(description="methods that train the base's own weights share these out over num_processes too")
    ] = False

    @model_validator(mode="after")
    def _is_shared_by_several(self) -> Self:
        if self.fsdp and self.num_processes == 1:
            raise ValueError("fsdp shares weights out over num_processes, which is 1; set it to 2 or more")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_one_process(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Write a training in one process as it has always been written."""
        alone = {"num_processes": 1, "fsdp": False}
        return {key: value for key, value in write(self).items() if key not in alone or value != alone[key]}

    @field_validator("precision", mode="before")
    @classmethod
    def _refuse_fp16(cls, value: Any) -> Any:
        if value in ("fp16", "float16"):
            raise ValueError("fp16 makes T5's loss 0 or NaN, and Gemma's (pretrained in bf16); use auto, bf16 or fp32")
        return value


class DecodingConfig(Section):
    """How every system writes its summaries."""

    num_beams: Annotated[int, Field(ge=1, le=100, description="1 is greedy")] = 1
    max_new_tokens: Annotated[int, Field(ge=1, le=10_000, description="longest summary in tokens")] = 200
    length_penalty: Annotated[float, Field(ge=-10, le=10, description="exponent of the length; beams only")] = 1.0
    no_repeat_ngram_size: Annotated[int, Field(ge=0, le=1_000, description="0 allows repeats")] = 0
    early_stopping: Annotated[
        bool, Field(description="end with num_beams whole summaries, not when no better one is likely; beams only")
    ] = False
    max_batch_tokens: Annotated[
        int | None,
        Field(
            ge=8,
            le=MOST_TOKENS,
            description="per batch: padded source tokens and max_new_tokens of each row, times num_beams; unless "
            f"named, {BATCH_TOKENS['cpu']:,} on a processor and {BATCH_TOKENS['cuda']:,} on a GPU",
        ),
    ] = None

    def count_batch_tokens(self, device: str) -> int:
        """Return `max_batch_tokens`, or what is good on a device where none are named."""
        return self.max_batch_tokens or BATCH_TOKENS[device]

    def identify(self) -> dict[str, Any]:
        """Return what summaries depend on, as plain values for a key.

        What came later than the first finished experiments stands at what they had, so that their keys stay.
        """
        values = self.model_dump(mode="json") | {"max_batch_tokens": self.count_batch_tokens("cpu")}
        if not self.early_stopping:
            del values["early_stopping"]
        return values


class GenerationConfig(Section):
    """What writes the summaries; in fp32 that changes how long it takes, not what is written."""

    engine: Annotated[
        Literal["auto", "torch", "ctranslate2"],
        Field(
            description="auto: ctranslate2 on a processor where it writes the same as torch, and for int8; else torch"
        ),
    ] = "auto"
    precision: Annotated[
        Literal["fp32", "bf16", "int8"],
        Field(description="bf16 and int8 are faster and write other words here and there; see `dialora parity`"),
    ] = "fp32"


class ScoringConfig(Section):
    """How summaries are compared with the references."""

    protocol: Annotated[
        Literal["standard", "hub", "lab"], Field(description="ours, `evaluate`'s, or the notebook's; see protocols.py")
    ] = "standard"
    references: Annotated[
        Literal["mean", "max", "first"],
        Field(description="over a dialogue's references; hub takes the maximum, lab each one, whatever stands here"),
    ] = "mean"
    tokenizer: Annotated[
        Literal["rouge_score", "unicode", "zh", "ja"],
        Field(
            description="what a word is: rouge_score knows a–z and 0–9 alone, unicode every script; zh and ja are "
            "sacrebleu's, where it is installed"
        ),
    ] = "rouge_score"
    num_resamples: Annotated[int, Field(ge=100, le=1_000_000, description="bootstrap and permutation draws")] = 10_000
    margin: Annotated[
        float | None, Field(gt=0, le=100, description="ROUGE points below full fine-tuning that would not matter")
    ] = None
    learned: Annotated[
        dict[str, SerializeAsAny[Metric]],
        Field(description="metrics besides ROUGE, by the name they have in the tables"),
    ] = {}  # noqa: RUF012 - never changed

    @property
    def rules(self) -> Protocol:
        """The protocol with this tokenizer."""
        return replace(PROTOCOLS[self.protocol], tokenizer=self.tokenizer)

    @field_validator("learned", mode="before")
    @classmethod
    def _build_metrics(cls, value: Any) -> Any:
        return build_entries(build_metric, value) if isinstance(value, Mapping) else value

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_there(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        values = write(self)
        there = {"learned": bool(self.learned), "tokenizer": self.tokenizer != "rouge_score"}
        return {key: value for key, value in values.items() if there.get(key, True)}

    @model_validator(mode="before")
    @classmethod
    def _protocol_decides(cls, values: Any) -> Any:
        name = values.get("protocol") if isinstance(values, Mapping) else None
        protocol = PROTOCOLS.get(name) if isinstance(name, str) else None
        return (
            values if protocol is None or protocol.references is None else {**values, "references": protocol.references}
        )


class TuningConfig(Section):
    """The search for each trained method's learning rate, on validation; the best one is what the runs use."""

    trials: Annotated[
        int, Field(ge=2, le=1_000, description="trainings per method; the first has the method's own rate")
    ]
    metric: Annotated[
        Literal["validation_loss", "rouge1"], Field(description="what the chosen trial is best in, on validation")
    ] = "validation_loss"
    factor: Annotated[
        float | None, Field(ge=1.1, le=10_000, description="look from rate / factor to rate × factor, not in its range")
    ] = None
    halving: Annotated[bool, Field(description="give up trials whose validation loss is in the worse half")] = True
    max_examples: Annotated[
        int, Field(ge=1, le=1_000_000, description="validation dialogues a trial summarizes; rouge1 only")
    ] = 100
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, description="of every trial's training")] = 0


__all__ = [
    "BUNDLED",
    "DEFAULT_PROMPT",
    "DataConfig",
    "DecodingConfig",
    "GenerationConfig",
    "ScoringConfig",
    "TrainingConfig",
    "TuningConfig",
]
