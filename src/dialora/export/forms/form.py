"""Form: how a run is written for others, and how they load it again. The gate loads it in just that way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dialora.errors import ConfigError
from dialora.models.adapters import is_mergeable, peft_warnings_ignored

if TYPE_CHECKING:
    from torch import nn

    from dialora.config import DecodingConfig
    from dialora.generation import Engine
    from dialora.systems import System
    from dialora.systems.kinds.system import RunSystem

FORMS: dict[str, Form] = {}
"""Every form by its name."""


@dataclass(frozen=True)
class Source:
    """What is exported."""

    system: RunSystem
    model: nn.Module
    """Loaded for this; a form may take it apart."""
    precision: str
    base: str
    """The base's name where the export will lie: a hub id, "bundled", or the way to its folder from there."""


class Form:
    """One form."""

    name: ClassVar[str]
    """What it is called at the command line and in `export.json`."""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    """Which it can be had in."""
    needs_base: ClassVar[bool] = False
    """Whether the base is not in it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the form in FORMS."""
        super().__init_subclass__(**kwargs)
        FORMS[cls.name] = cls()

    def explain(self, system: RunSystem) -> str | None:
        """Return why this system cannot be had in this form, from its configuration alone; None where it can."""
        return None

    def write(self, source: Source, folder: Path) -> None:
        """Write all of it into an empty folder but `export.json`. Raises ConfigError for what has no such form."""
        raise NotImplementedError

    def open(self, folder: Path, system: System, decoding: DecodingConfig) -> Engine:
        """Load what lies in a folder as its users do; `system` is what `systems` reads of it.

        Raises ModelError, GenerationError.
        """
        raise NotImplementedError


def merge(source: Source, form: Form) -> Any:
    """Return a system as a model of its base's layout, in main memory. Raises ConfigError where it has none."""
    model: Any = source.model
    if not is_mergeable(model):
        raise ConfigError(
            f"--to {form.name}: {source.system.key} of {source.system.name} does not merge into its base; use --to "
            f"adapter."
        )
    if hasattr(model, "peft_config"):
        with peft_warnings_ignored():
            model = model.merge_and_unload()
    return model.to("cpu").eval()


__all__ = ["FORMS", "Form", "Source", "merge"]
