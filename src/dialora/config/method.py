"""Method: what every method is, and the hooks through which models, training and tables ask it.

A method is an entry of `methods:`: its options are the file's, its class stands in `methods/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, ValidationInfo, field_validator, model_serializer

from dialora.config.section import Section

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts, ModuleNames

METHODS: dict[str, type[Method]] = {}

MIN_RATE, MAX_RATE = 1e-10, 10.0
"""Of learning rates, searched ones included."""
LearningRate = Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE, description="AdamW peak learning rate")]


LARGEST = 65_536
"""Ranks, widths, scales: no matrix of a model that fits a machine has more rows."""


OF_BASE = ("model", "model_revision", "prompt")
"""Options of every method that say which base it stands on; what is not named is the experiment's."""


def require_dialogue(prompt: str) -> str:
    """Return a prompt. Raises ValueError where it does not say where the dialogue stands."""
    if prompt.count("{dialogue}") != 1:
        raise ValueError("must contain {dialogue} exactly once")
    return prompt


class Method(Section):
    """How the base model becomes a system."""

    name: ClassVar[str]
    """Its key in an experiment file."""
    label: ClassVar[str]
    """Its row in the tables."""
    paper: ClassVar[str]
    trains: ClassVar[bool] = True
    is_peft: ClassVar[bool] = False
    """It is saved as an adapter, not as a whole model."""
    is_mergeable: ClassVar[bool] = False
    """Its weights can be added to the base's for generation."""
    allows_gradient_checkpointing: ClassVar[bool] = True
    learning_rate_range: ClassVar[tuple[float, float]]
    """Where a search for the learning rate should look: the default and a factor of ten to either side, or wider."""
    learning_rate_source: ClassVar[str]
    """Where the default learning rate comes from."""
    learning_rate_follows_full: ClassVar[bool] = False
    """Whether it is a multiple of full fine-tuning's, which some bases have lower than T5: LoRA's is ten times that."""

    model: Annotated[str | None, Field(min_length=1, description="another base than the experiment's")] = None
    model_revision: Annotated[str | None, Field(description="commit or tag of that hub id")] = None
    prompt: Annotated[str | None, Field(max_length=20_000, description="another prompt than the experiment's")] = None

    @field_validator("prompt")
    @classmethod
    def _has_dialogue(cls, value: str | None) -> str | None:
        return value if value is None else require_dialogue(value)

    @field_validator("model_revision")
    @classmethod
    def _is_of_a_model(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("model") is None:
            raise ValueError("is of the entry's own model; name `model` too, or leave both to the experiment")
        return value

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_named(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Write a method on the experiment's own base as it has always been written."""
        return {key: value for key, value in write(self).items() if value is not None or key not in OF_BASE}

    def list_options(self) -> dict[str, Any]:
        """Return the method's own options as plain values: all but which base it stands on."""
        return self.model_dump(mode="json", exclude=set(OF_BASE))

    @field_validator("*")
    @classmethod
    def _is_of_this_world(cls, value: Any) -> Any:
        if isinstance(value, int | float) and abs(value) > LARGEST:
            raise ValueError(f"must be at most {LARGEST:,}, got {value:,}")
        return value

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the class in METHODS under its own `name`."""
        super().__init_subclass__(**kwargs)
        if "name" in vars(cls):
            METHODS[cls.name] = cls

    def name_targets(self, names: ModuleNames) -> Self:
        """Return the method with the layers named that it adapts on a kind of base, where it leaves that open."""
        is_open = "target_modules" in type(self).model_fields and getattr(self, "target_modules", None) is None
        return self.model_copy(update={"target_modules": names.queries_and_values}) if is_open else self

    def count_virtual_tokens(self) -> tuple[int, int]:
        """Return how many trained vectors take positions before the source, and before the summary."""
        return 0, 0

    def require_available(self, *, key: str) -> None:
        """Raise ConfigError when this machine lacks what the method needs."""

    def prepare_base(self, model: PreTrainedModel, base: BaseParts) -> PreTrainedModel:
        """Return the base model in the form the method trains and generates with (as it is, unless quantized)."""
        return model

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return `model` ready to train: only this method's weights require a gradient.

        `base` says what its parts are called; `key` is the method's name in the experiment file, for messages. Raises
        ConfigError when an option does not fit the model. Works on the meta device, where it only lays out what would
        be trained.
        """
        raise NotImplementedError

    def build_optimizer(self, model: nn.Module, *, learning_rate: float, weight_decay: float) -> Optimizer | None:
        """Return the method's own optimizer; None stands for AdamW with one learning rate."""
        return None

    def begin_training(self, model: nn.Module, *, num_steps: int) -> None:
        """Set what depends on the number of optimizer steps."""

    def after_step(self, model: nn.Module, *, step: int) -> None:
        """Do what follows an optimizer step (the first is 1); gradients are still there."""

    @contextmanager
    def validating(self, model: nn.Module) -> Iterator[None]:
        """For the time of the block, let the model's loss be that of the task alone."""
        yield

    def training_state(self, model: nn.Module) -> dict[str, Tensor]:
        """Return what a checkpoint must hold besides weights and optimizer."""
        return {}

    def load_training_state(self, model: nn.Module, state: dict[str, Tensor]) -> None:
        """Put back what `training_state` gave."""


__all__ = ["METHODS", "OF_BASE", "LearningRate", "Method", "require_dialogue"]
