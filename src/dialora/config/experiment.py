"""ExperimentConfig: everything that decides an experiment's result, frozen and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, SerializeAsAny, ValidationError, field_validator, model_validator

from dialora.config.entries import build_entries, build_launch, build_method
from dialora.config.launch import Launch
from dialora.config.method import OF_BASE, Method, require_dialogue
from dialora.config.problems import describe_problems
from dialora.config.section import MAX_SEED, Section
from dialora.config.sections import (
    BUNDLED,
    DEFAULT_PROMPT,
    DataConfig,
    DecodingConfig,
    GenerationConfig,
    ScoringConfig,
    TrainingConfig,
    TuningConfig,
)
from dialora.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


BY_BASE = frozenset({"prompt", "learning_rate", "max_source_length"})
"""What has a default of its own for each kind of base model, where an experiment does not name it."""


class ExperimentConfig(Section):
    """One experiment, whole: nothing else decides its result."""

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, description="names the run folder")
    ]
    model: Annotated[str, Field(min_length=1, description="hub id, local folder, or `bundled`")] = BUNDLED
    model_revision: Annotated[
        str | None, Field(description="commit or tag of a hub id; a run's has the hash of a folder's files")
    ] = None
    data: DataConfig
    prompt: Annotated[str, Field(max_length=20_000, description="around the dialogue, in training and in use")] = (
        DEFAULT_PROMPT
    )
    methods: Annotated[dict[str, SerializeAsAny[Method]], Field(min_length=1, description="see `dialora methods`")]
    training: TrainingConfig = TrainingConfig()
    decoding: DecodingConfig = DecodingConfig()
    generation: GenerationConfig = GenerationConfig()
    scoring: ScoringConfig = ScoringConfig()
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, le=MAX_SEED)], ...],
        Field(min_length=1, max_length=1_000, description="one run each"),
    ] = (0,)
    tuning: Annotated[TuningConfig | None, Field(description="a search for learning rates; none by default")] = None
    launch: Annotated[
        SerializeAsAny[Launch] | None, Field(description="where jobs are done; here, one after the other, by default")
    ] = None

    @field_validator("prompt")
    @classmethod
    def _has_dialogue(cls, value: str) -> str:
        return require_dialogue(value)

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
        return build_entries(build_method, value)

    @field_validator("launch", mode="before")
    @classmethod
    def _build_launch(cls, value: Any) -> Any:
        return None if value is None else build_launch(value)

    @model_validator(mode="after")
    def _methods_allow_checkpointing(self) -> ExperimentConfig:
        for key, method in self.methods.items():
            if self.training.gradient_checkpointing and not method.allows_gradient_checkpointing:
                raise ValueError(f"methods.{key}: {method.name} does not work with training.gradient_checkpointing")
        return self

    @model_validator(mode="after")
    def _jobs_have_room(self) -> ExperimentConfig:
        if self.launch is not None:
            self.launch.require_room(self.training.num_processes)
        return self

    def for_method(self, key: str) -> ExperimentConfig:
        """Return the experiment as one system sees it: with its base, revision and prompt where its entry names them.

        Whatever loads, tokenizes, plans or identifies for a system takes this one.
        """
        method = self.methods[key]
        own: dict[str, Any] = {name: value for name in OF_BASE if (value := getattr(method, name)) is not None}
        if "model" in own:
            own["model_revision"] = method.model_revision
        return self.model_copy(update=own) if own else self

    @cached_property
    def hash(self) -> str:
        """All that decides the result in 64 hexadecimal digits; the order of keys does not matter."""
        return stable_hash(self.model_dump(mode="json", exclude={"launch"}))

    def to_yaml(self) -> str:
        """Return the experiment as an experiment file, with every default written out.

        `launch` is left out: it says where work is done, which is another question on every machine.
        """
        values = dump_experiment(self.model_copy(update={"launch": None}))
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def dump_experiment(config: ExperimentConfig, *, with_defaults: bool = True) -> dict[str, Any]:
    """Return the experiment as plain values that `build_experiment` takes back.

    Without defaults, what a base model decides (BY_BASE) is left out where the experiment does not name it.
    """
    values = config.model_dump(mode="json", exclude=None if config.launch else {"launch"})
    values["methods"] = {
        key: ({} if key == method.name else {"method": method.name}) | method.model_dump(mode="json")
        for key, method in config.methods.items()
    }
    if not with_defaults:
        sections = [(values, config), (values["data"], config.data)]
        for part, section in [*sections, *((values["methods"][key], m) for key, m in config.methods.items())]:
            for name in BY_BASE - section.model_fields_set:
                part.pop(name, None)
    return values


def build_experiment(values: Mapping[str, Any]) -> ExperimentConfig:
    """Validate plain values. Raises ConfigError with every problem found."""
    return build_config(ExperimentConfig, values)


def build_config(kind: type[M], values: Mapping[str, Any]) -> M:
    """Validate plain values as one kind of file. Raises ConfigError with every problem found."""
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigError(describe_problems(error, kind)) from error


def stable_hash(values: Any) -> str:
    """Return the SHA-256 of plain values as 64 hexadecimal digits, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


__all__ = ["ExperimentConfig", "build_config", "build_experiment", "dump_experiment", "stable_hash"]
