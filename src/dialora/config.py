"""ExperimentConfig: one YAML file that fixes data, budget, decoding and scoring for every method.

Takes a file, the name of a shipped experiment, or a mapping, plus `key=value` overrides. Gives a frozen, validated
object with a stable hash. All problems are reported at once, each with the key it belongs to.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from dialora.errors import ConfigError
from dialora.methods import METHODS, Method
from dialora.protocols import PROTOCOLS

BUNDLED = "bundled"
"""As `model` or `data.source`: the base model or the dialogues inside the package."""

DEFAULT_PROMPT = "Summarize the following conversation.\n\n{dialogue}\n\nSummary: "
M = TypeVar("M", bound=BaseModel)
Trackers = Literal["none", "tensorboard", "trackio", "wandb", "mlflow"]


class Section(BaseModel):
    """A part of a file: no key but its own, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """Where the dialogues come from, and how much of each is read."""

    source: Annotated[str, Field(description="hub id, a folder or file, or `bundled`")]
    revision: Annotated[str | None, Field(description="commit or tag of a hub id")] = None
    dialogue_column: Annotated[str | None, Field(description="recognised when not named")] = None
    summary_columns: Annotated[tuple[str, ...] | None, Field(description="recognised when not named")] = None
    id_column: Annotated[str | None, Field(description="recognised when not named")] = None
    topic_column: Annotated[str | None, Field(description="recognised when not named")] = None
    deduplicate: Annotated[bool, Field(description="train on no dialogue that validation or test hold too")] = False
    max_train_examples: Annotated[int | None, Field(ge=1, description="drawn with `seed`")] = None
    max_validation_examples: Annotated[int | None, Field(ge=1, description="drawn with `seed`")] = None
    max_test_examples: Annotated[int | None, Field(ge=1, description="drawn with `seed`")] = None
    seed: Annotated[int, Field(ge=0, description="of the limits and of a split made here")] = 0
    max_source_length: Annotated[int, Field(ge=8, description="tokens of prompt and dialogue")] = 512
    max_target_length: Annotated[int, Field(ge=2, description="tokens of a training summary")] = 128


class TrainingConfig(Section):
    """The training budget, shared by every method; the learning rate belongs to the method."""

    num_train_epochs: Annotated[float, Field(gt=0, description="passes over the training split")] = 1.0
    max_steps: Annotated[int | None, Field(ge=1, description="optimizer steps; replaces num_train_epochs")] = None
    per_device_train_batch_size: Annotated[int, Field(ge=1, description="examples per batch")] = 8
    max_batch_tokens: Annotated[
        int | None, Field(ge=8, description="padded source + target tokens per batch; replaces the batch size")
    ] = None
    gradient_accumulation_steps: Annotated[int, Field(ge=1, description="batches per optimizer step")] = 1
    gradient_checkpointing: Annotated[bool, Field(description="less memory, more time")] = False
    lean: Annotated[bool, Field(description="the same steps with less work; false: transformers' own forward")] = True
    cache_encoder: Annotated[
        bool, Field(description="methods that train the decoder alone run the frozen encoder once, without dropout")
    ] = False
    warmup_ratio: Annotated[float, Field(ge=0, lt=1, description="share of the steps")] = 0.03
    lr_scheduler_type: Annotated[Literal["linear", "cosine", "constant_with_warmup"], Field()] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], Field(description="auto: bf16 where the processor multiplies it natively")
    ] = "auto"
    num_evaluations: Annotated[int, Field(ge=1, description="validation losses per run, the last at the end")] = 5
    early_stopping_patience: Annotated[
        int | None, Field(ge=1, description="evaluations without a better validation loss; the best weights are kept")
    ] = None
    checkpoint_seconds: Annotated[float, Field(gt=0, description="at most so much work is lost by a crash")] = 120.0
    report_to: Annotated[tuple[Trackers, ...], Field(description="experiment trackers")] = ()
    device: Annotated[Literal["auto", "cpu", "cuda"], Field()] = "auto"

    @field_validator("precision", mode="before")
    @classmethod
    def _refuse_fp16(cls, value: Any) -> Any:
        if value in ("fp16", "float16"):
            raise ValueError("fp16 makes T5's loss 0 or NaN (it was pretrained in bf16); use auto, bf16 or fp32")
        return value


class DecodingConfig(Section):
    """How every system writes its summaries."""

    num_beams: Annotated[int, Field(ge=1, description="1 is greedy")] = 1
    max_new_tokens: Annotated[int, Field(ge=1, description="longest summary in tokens")] = 200
    length_penalty: Annotated[float, Field(description="exponent of the length; beams only")] = 1.0
    no_repeat_ngram_size: Annotated[int, Field(ge=0, description="0 allows repeats")] = 0
    early_stopping: Annotated[
        bool, Field(description="end with num_beams whole summaries, not when no better one is likely; beams only")
    ] = False
    max_batch_tokens: Annotated[
        int, Field(ge=8, description="per batch: padded source tokens and max_new_tokens of each row, times num_beams")
    ] = 16_384

    def identify(self) -> dict[str, Any]:
        """Return what summaries depend on, as plain values for a key.

        What came later than the first finished experiments is left out at its default, so that their keys stay.
        """
        values = self.model_dump(mode="json")
        if not self.early_stopping:
            del values["early_stopping"]
        return values


class GenerationConfig(Section):
    """What writes the summaries; in fp32 that changes how long it takes, not what is written."""

    engine: Annotated[
        Literal["auto", "torch", "ctranslate2"],
        Field(description="auto: ctranslate2 on a processor where it writes the same as torch; else torch"),
    ] = "auto"
    precision: Annotated[
        Literal["fp32", "bf16", "int8"],
        Field(description="bf16 and int8 are faster and write other words here and there; see `dialora parity`"),
    ] = "fp32"


class LearnedMetric(Section):
    """A metric that a model computes; `learned` does it, and says what each kind is."""

    model: Annotated[str, Field(min_length=1, description="local folder, or hub id")]
    revision: Annotated[str | None, Field(description="commit or tag of a hub id")] = None


class BertScore(LearnedMetric):
    """BERTScore F1 against each reference."""

    kind: Literal["bertscore"]
    layer: Annotated[int | None, Field(ge=1, description="whose output is compared; the last one if not named")] = None


class PairClassifier(LearnedMetric):
    """What a sequence classifier says of (reference or dialogue, summary)."""

    kind: Literal["pair_classifier"]
    label: Annotated[
        str | None, Field(description="whose probability is the score, the more the better; none for a regression")
    ] = None
    against: Annotated[Literal["references", "dialogue"], Field(description="the pair's first text")] = "references"


MetricName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,23}$")]
OWN_NAMES = frozenset(
    {"system", "method", "trainable_params", "trainable_percent", "train_seconds", "peak_memory_bytes"}
)
"""Columns that `Comparison.frame` has besides the metrics'."""


class ScoringConfig(Section):
    """How summaries are compared with the references."""

    protocol: Annotated[
        Literal["standard", "hub", "lab"], Field(description="ours, `evaluate`'s, or the notebook's; see protocols.py")
    ] = "standard"
    references: Annotated[
        Literal["mean", "max", "first"],
        Field(description="over a dialogue's references; hub takes the maximum, lab each one, whatever stands here"),
    ] = "mean"
    num_resamples: Annotated[int, Field(ge=100, description="bootstrap and permutation draws")] = 10_000
    margin: Annotated[
        float | None, Field(gt=0, le=100, description="ROUGE points below full fine-tuning that would not matter")
    ] = None
    learned: Annotated[
        dict[MetricName, Annotated[BertScore | PairClassifier, Field(discriminator="kind")]],
        Field(description="metrics besides ROUGE, by the name they have in the tables"),
    ] = {}

    @field_validator("learned")
    @classmethod
    def _names_are_free(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if name.lower().startswith("rouge") or name in OWN_NAMES or name.endswith(("_low", "_high")):
                raise ValueError(f"{name}: this name is taken; give the metric another one")
        return value

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_there(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        values = write(self)
        return values if self.learned else {key: value for key, value in values.items() if key != "learned"}

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

    trials: Annotated[int, Field(ge=2, description="trainings per method; the first has the method's own rate")]
    metric: Annotated[
        Literal["validation_loss", "rouge1"], Field(description="what the chosen trial is best in, on validation")
    ] = "validation_loss"
    factor: Annotated[
        float | None, Field(gt=1, le=10_000, description="look from rate / factor to rate × factor, not in its range")
    ] = None
    halving: Annotated[bool, Field(description="give up trials whose validation loss is in the worse half")] = True
    max_examples: Annotated[int, Field(ge=1, description="validation dialogues a trial summarizes; rouge1 only")] = 100
    seed: Annotated[int, Field(ge=0, description="of every trial's training")] = 0


class ExperimentConfig(Section):
    """One experiment, whole: nothing else decides its result."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the run folder")]
    model: Annotated[str, Field(min_length=1, description="hub id, local folder, or `bundled`")] = BUNDLED
    model_revision: Annotated[str | None, Field(description="commit or tag of a hub id")] = None
    data: DataConfig
    prompt: Annotated[str, Field(description="around the dialogue, in training and in use")] = DEFAULT_PROMPT
    methods: Annotated[dict[str, SerializeAsAny[Method]], Field(min_length=1, description="see `dialora methods`")]
    training: TrainingConfig = TrainingConfig()
    decoding: DecodingConfig = DecodingConfig()
    generation: GenerationConfig = GenerationConfig()
    scoring: ScoringConfig = ScoringConfig()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, description="one run each")] = (0,)
    tuning: Annotated[TuningConfig | None, Field(description="a search for learning rates; none by default")] = None

    @field_validator("prompt")
    @classmethod
    def _has_dialogue(cls, value: str) -> str:
        if value.count("{dialogue}") != 1:
            raise ValueError("must contain {dialogue} exactly once")
        return value

    @field_validator("seeds")
    @classmethod
    def _are_distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names a seed twice")
        return value

    @field_validator("methods", mode="before")
    @classmethod
    def _build_methods(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError("must map a method's name to its options, as in `lora: {r: 8}`")
        return {str(key): _build_method(str(key), options) for key, options in value.items()}

    @model_validator(mode="after")
    def _files_have_safe_names(self) -> ExperimentConfig:
        for key in self.methods:
            if not key.replace("_", "").replace("-", "").replace(".", "").isalnum():
                raise ValueError(f"methods.{key}: a name may hold letters, digits, '_', '-' and '.'")
        return self

    @model_validator(mode="after")
    def _methods_allow_checkpointing(self) -> ExperimentConfig:
        for key, method in self.methods.items():
            if self.training.gradient_checkpointing and not method.allows_gradient_checkpointing:
                raise ValueError(f"methods.{key}: {method.name} does not work with training.gradient_checkpointing")
        return self

    @cached_property
    def hash(self) -> str:
        """The whole experiment in 64 hexadecimal digits; the order of keys does not matter."""
        return stable_hash(self.model_dump(mode="json"))

    def to_yaml(self) -> str:
        """Return the experiment as an experiment file, with every default written out."""
        return yaml.safe_dump(dump_experiment(self), sort_keys=False, allow_unicode=True)


def dump_experiment(config: ExperimentConfig) -> dict[str, Any]:
    """Return the experiment as plain values that `build_experiment` takes back."""
    values = config.model_dump(mode="json")
    values["methods"] = {
        key: ({} if key == method.name else {"method": method.name}) | method.model_dump(mode="json")
        for key, method in config.methods.items()
    }
    return values


def _build_method(key: str, options: Any) -> Method:
    """Build one method from its entry; `method:` names the class where the key is another name for it."""
    options = {} if options is None else options
    if isinstance(options, Method):
        return options
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"methods.{key}: got {options!r}; options are a mapping, as in `{key}: {{}}`")
    options = dict(options)
    name = options.pop("method", key)
    if not isinstance(name, str) or name not in METHODS:
        raise ValueError(f"methods.{key}: unknown method {name!r}{_suggest(name, METHODS)}")
    try:
        return METHODS[name](**options)
    except ValidationError as error:
        raise ValueError("\n".join(_problems(error, METHODS[name], prefix=f"methods.{key}."))) from error


def _suggest(name: Any, allowed: Iterable[str]) -> str:
    allowed = list(allowed)
    close = difflib.get_close_matches(str(name), allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; allowed: {', '.join(allowed)}."


def _problems(error: ValidationError, model: type[BaseModel], *, prefix: str = "") -> list[str]:
    """Return one line for each thing pydantic found wrong."""
    lines: list[str] = []
    for item in error.errors():
        path = _without_kind([str(part) for part in item["loc"]])
        key = prefix + ".".join(path)
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"unknown key{_suggest(path[-1], _fields_at(model, path[:-1]))}"
        elif item["type"] == "missing":
            message = "is missing"
        elif item["type"] != "value_error":
            message = f"{message[0].lower()}{message[1:]}, got {item['input']!r}"
        elif message.startswith("methods."):
            lines.extend(message.splitlines())
            continue
        lines.append(f"{key}: {message}" if key else message)
    return lines


def _without_kind(path: list[str]) -> list[str]:
    """Leave out what pydantic puts behind a learned metric's name: its kind, or that the name itself is wrong."""
    return path[:3] + path[4:] if path[:2] == ["scoring", "learned"] else path


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    models = [model]
    for part in path:
        # A part that is no field is the name of an entry.
        fields = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        models = [found for annotation in fields for found in _models_in(annotation)] or models
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models_in(annotation: Any) -> Sequence[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def build_experiment(values: Mapping[str, Any]) -> ExperimentConfig:
    """Validate plain values. Raises ConfigError with every problem found."""
    return build_config(ExperimentConfig, values)


def build_config(kind: type[M], values: Mapping[str, Any]) -> M:
    """Validate plain values as one kind of file. Raises ConfigError with every problem found."""
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigError(_problems(error, kind)) from error


def list_experiments() -> list[str]:
    """Return the names of the experiments shipped with dialora."""
    folder = resources.files("dialora") / "experiments"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_experiment(
    experiment: str | Path | Mapping[str, Any] | ExperimentConfig, overrides: Iterable[str] | Mapping[str, Any] = ()
) -> ExperimentConfig:
    """Load an experiment from a file, a shipped name or a mapping, and apply overrides.

    `overrides` are `key=value` strings with dotted keys and YAML values, or a mapping of the same. Relative paths in
    `model` and `data.source` count from the working directory. Raises ConfigError.
    """
    if isinstance(experiment, ExperimentConfig):
        values = dump_experiment(experiment)
    elif isinstance(experiment, Mapping):
        values = json.loads(json.dumps(experiment, default=list))
        values.setdefault("name", "experiment")
    else:
        values = _read_file(experiment)
    apply_overrides(values, overrides)
    return build_experiment(values)


def apply_overrides(values: dict[str, Any], overrides: Iterable[str] | Mapping[str, Any]) -> None:
    """Set dotted keys in plain values. Raises ConfigError where an override is no `key=value`."""
    pairs = overrides.items() if isinstance(overrides, Mapping) else map(_split_override, overrides)
    for key, value in pairs:
        _set(values, key, value)


def _read_file(experiment: str | Path) -> dict[str, Any]:
    path = Path(experiment)
    if isinstance(experiment, str) and experiment in list_experiments() and not path.is_file():
        text = (resources.files("dialora") / "experiments" / f"{experiment}.yaml").read_text(encoding="utf-8")
    elif path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}).") from error
    else:
        names = ", ".join(list_experiments())
        raise ConfigError(f"{experiment}: no such file, and no shipped experiment of that name. Shipped: {names}.")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: an experiment file is a mapping with at least `data` and `methods`.")
    values.setdefault("name", path.stem)
    return values


def _split_override(text: str) -> tuple[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"--set {text}: must be key=value, as in training.num_train_epochs=3.")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not valid YAML.") from error


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for part in parents:
        child = values.get(part)
        if not isinstance(child, dict):
            child = values[part] = {}
        values = child
    values[last] = value


def stable_hash(values: Any) -> str:
    """Return the SHA-256 of plain values as 64 hexadecimal digits, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


__all__ = [
    "BUNDLED",
    "DEFAULT_PROMPT",
    "BertScore",
    "DataConfig",
    "DecodingConfig",
    "ExperimentConfig",
    "GenerationConfig",
    "LearnedMetric",
    "PairClassifier",
    "ScoringConfig",
    "Section",
    "TrainingConfig",
    "TuningConfig",
    "apply_overrides",
    "build_config",
    "build_experiment",
    "dump_experiment",
    "list_experiments",
    "load_experiment",
    "stable_hash",
]
