"""What a model has to be given: its matrices by name and shape; and whether a checkpoint gives just that.

Takes a model on the meta device and the headers of a checkpoint's files. What transformers would draw at random, or
leave out, without a word, is an error that names the keys. Legitimately absent is what is tied to another matrix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialora.models.files import list_names

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
"""Types of weights, as safetensors names them; fp8 means nothing without its scales."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of one of its matrices."""

    shape: tuple[int, ...]
    dtype: str
    """As safetensors names it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The matrices of a model, each once."""

    shapes: dict[str, tuple[int, ...]]
    tied: dict[str, str]
    """Other names of a matrix, and its own."""
    ignored: tuple[str, ...]
    """Patterns of names that checkpoints of this kind of model hold for nothing."""
    optional: frozenset[str]
    """Matrices that a checkpoint may leave out: loading makes them from others."""
    is_gated: bool = True
    prefix: str = ""
    """What a checkpoint of the model without its head leaves out of names."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Names that checkpoints have for a matrix, and the model's own."""

    def identify(self, name: str) -> str:
        """Return the name of the matrix that another of its names stands for."""
        name = self.renamed.get(name, name)
        if name not in self.shapes and name not in self.tied and self.prefix:
            longer = f"{self.prefix}{name}"
            name = longer if longer in self.shapes or longer in self.tied else name
        return self.tied.get(name, name)

    def find_needless(self, found: Mapping[str, Header]) -> list[str]:
        """Return the names of a checkpoint that the model has no place for."""
        return [name for name in found if self.identify(name) not in self.shapes]

    def require(self, found: Mapping[str, Header]) -> list[str]:
        """Return names that are left out harmlessly. Raises ValueError, which names the keys, where anything is wrong.

        A name inside the model's own parts is not left out: the model would be another one without it.
        """
        needless = [
            name for name in self.find_needless(found) if not any(re.search(each, name) for each in self.ignored)
        ]
        parts = {name.partition(".")[0] for name in self.shapes}
        strange = [name for name in needless if name.partition(".")[0] in parts]
        missing = self.shapes.keys() - self.optional - {self.identify(name) for name in found}
        problems = list(self._find_problems(found))
        if missing:
            problems.append(f"{len(missing)} missing ({list_names(missing)})")
        if strange or (missing and needless):
            strange = strange or needless
            problems.append(f"{len(strange)} that the model has no place for ({list_names(strange)})")
        if problems:
            raise ValueError(
                f"its weights are not those of its config.json: {'; '.join(problems)}{self._hint(needless)}"
            )
        return needless

    def _find_problems(self, found: Mapping[str, Header]) -> Iterator[str]:
        known = {name: header for name, header in found.items() if self.identify(name) in self.shapes}
        wrong = {name: self.shapes[self.identify(name)] for name in known}
        wrong = {name: shape for name, shape in wrong.items() if known[name].shape != shape}
        if wrong:
            first = min(wrong)
            yield (
                f"{len(wrong)} of another shape ({list_names(wrong)}; the first is {_write(known[first].shape)} and "
                f"should be {_write(wrong[first])})"
            )
        strange = {name: header.dtype for name, header in known.items() if header.dtype not in FLOATS}
        if strange:
            types = ", ".join(sorted(set(strange.values()))[:3])
            yield f"{len(strange)} that are no plain floating-point numbers but {types} ({list_names(strange)})"

    def _hint(self, needless: list[str]) -> str:
        if not self.is_gated and any(".wi_0." in name for name in needless):
            return ". The weights are gated: feed_forward_proj should be gated-gelu"
        return ""


def describe_layout(
    model: PreTrainedModel,
    *,
    optional: Iterable[str] = (),
    ignored: Iterable[str] = (),
    renamed: Mapping[str, str] | None = None,
    is_gated: bool = True,
) -> Layout:
    """Return the layout of a model, whether it has weights or lies on the meta device.

    `optional` matrices may be left out of a checkpoint, and `ignored` patterns stand for what it holds for nothing.
    `renamed` are names that it may have for others.
    """
    tied = dict(model.all_tied_weights_keys)
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items() if name not in tied}
    ignored = (*(model._keys_to_ignore_on_load_unexpected or ()), *ignored)
    return Layout(shapes, tied, ignored, frozenset(optional), is_gated, f"{model.base_model_prefix}.", renamed or {})


def _write(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"


__all__ = ["Header", "Layout", "describe_layout"]
