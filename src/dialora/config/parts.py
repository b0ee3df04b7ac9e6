"""BaseParts: what methods need to know of a base model, whatever kind it is; `models/families` says it of each.

Rates are those of a method on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleNames:
    """What methods adapt unless an experiment names it; known from the kind of model alone.

    A name is matched as PEFT does: the whole of a module's name, or its end after a dot.
    """

    queries_and_values: tuple[str, ...]
    """Linear layers that low-rank methods adapt unless an experiment names others."""
    scaled: tuple[str, ...]
    """Linear layers that (IA)³ scales: keys, values, and the feed-forward's last."""
    scaled_inputs: tuple[str, ...]
    """Those of `scaled` whose inputs are scaled, and not their outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseParts(ModuleNames):
    """A base model's modules by name, and the sizes that PEFT would otherwise guess."""

    task_type: str
    """PEFT's: SEQ_2_SEQ_LM or CAUSAL_LM."""
    norms: tuple[str, ...]
    decoder: tuple[str, ...]
    """Full names of the modules that write, from the first layer to the output head."""
    blocks: str
    """Full name of the list of the decoder's layers."""
    final_norm: str | None
    """Full name of the norm that follows the decoder's last layer; None where there is none."""
    head_is_embedding: bool
    """Whether output head and embedding are one matrix."""
    width: int
    """Of the embedding."""
    num_heads: int
    num_layers: int
    """Of the part that reads the source."""
    prefix_width: int
    """Of a decoder layer's keys, all heads together."""
    prefix_heads: int
    prefix_layers: int
    """The decoder's."""
    quantizes_all_but: tuple[str, ...] = ("lm_head",)
    """Last names of linear layers that four bits are too few for."""
    computed: tuple[str, ...] = ()
    """Full names of modules whose weights are computed, and never trained."""
    is_transposed: bool = False
    """Whether linear layers hold their matrix inputs first, as GPT-2's do (PEFT's fan_in_fan_out)."""

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether the source is read by a part of its own."""
        return self.task_type == "SEQ_2_SEQ_LM"


@dataclass(frozen=True, slots=True)
class Rates:
    """A method's learning rate on a base: the one to take, where a search should look, and where they come from."""

    rate: float
    low: float
    high: float
    source: str


__all__ = ["BaseParts", "ModuleNames", "Rates"]
