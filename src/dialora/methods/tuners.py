"""Every other tuner that PEFT has, by its name there: `peft: {peft_type: LOHA, r: 8}`.

Options are PEFT's own. They are checked against the tuner's config class when the method is put on a model, not when
the experiment file is read, so that reading one does not load torch.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from dialora.config.method import LearningRate, Method
from dialora.errors import ConfigError
from dialora.methods.low_rank import AS_LORA
from dialora.methods.patterns import explain_pattern
from dialora.methods.targets import require_targets, resolve_targets

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from dialora.config.parts import BaseParts

REFUSED = {
    "ADALORA": "its schedule must be driven; use the method adalora",
    "ADAPTION_PROMPT": "it is made for Llama-like decoders",
    "CARTRIDGE": "it is made for decoders alone",
    "CPT": "it is made for decoders alone",
    "MULTITASK_PROMPT_TUNING": "it needs a task's number with every dialogue",
    "POLY": "it needs a task's number with every dialogue",
    "SHADOW": "it is made for decoders alone",
    "TRAINABLE_TOKENS": "it trains new words, and no words are added here",
    "XLORA": "it mixes adapters that are trained already",
}
"""PEFT types that cannot work here, and why."""

UNMERGEABLE = frozenset({"BEFT", "LILY", "OSF", "P_TUNING", "PREFIX_TUNING", "PROMPT_TUNING"})
"""PEFT types that cannot be merged into T5, or not be taken out of it again."""

DATA_FREE_STARTS = (True, "gaussian", "mica", "orthogonal")
"""How LoRA's matrices may begin here: PiSSA and OLoRA change the base, others need batches first."""

OWN = frozenset({"task_type", "peft_type", "inference_mode", "auto_mapping", "base_model_name_or_path", "revision"})
"""What dialora decides."""


class Peft(Method):
    """Any other tuner of PEFT: `peft_type` and its own options, as in PEFT's documentation."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name = "peft"
    label = "Other PEFT"
    paper = "https://huggingface.co/docs/peft"
    is_peft = True
    is_mergeable = True
    learning_rate_range = (1e-4, 1e-1)
    learning_rate_source = AS_LORA
    learning_rate_follows_full = True

    learning_rate: LearningRate = 1e-3
    peft_type: Annotated[str, Field(min_length=1, description="PEFT's name of the tuner, as LOHA or HRA")]

    def apply(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> nn.Module:
        """Return the model wrapped by PEFT, its own weights frozen; what PEFT objects to becomes a ConfigError."""
        from peft import get_peft_model

        try:
            adapted = get_peft_model(model, self._build_config(model, base, key=key))
        except (ValueError, TypeError, NotImplementedError, ImportError, RuntimeError, KeyError) as error:
            raise ConfigError(f"methods.{key}: PEFT says: {' '.join(str(error).split())}") from error
        if not any(parameter.requires_grad for parameter in adapted.parameters()):
            raise ConfigError(f"methods.{key}: {self.peft_type} trains nothing with these options.")
        return adapted

    def _build_config(self, model: PreTrainedModel, base: BaseParts, *, key: str) -> Any:
        config_class = _find_config_class(self.peft_type, key=key)
        options = {"task_type": base.task_type, **self._options(config_class, model, base, key=key)}
        try:
            return TypeAdapter(config_class).validate_python(options)
        except ValidationError as error:
            lines = [
                f"methods.{key}.{'.'.join(map(str, e['loc'])) or 'peft_type'}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise ConfigError(lines) from error

    def _options(self, config_class: Any, model: PreTrainedModel, base: BaseParts, *, key: str) -> dict[str, Any]:
        """Return the options for PEFT, their names checked. Raises ConfigError with one line for each problem."""
        options = dict(self.model_extra or {})
        allowed = set(config_class.__dataclass_fields__) - OWN
        problems = []
        for option in options:
            if option not in allowed:
                close = difflib.get_close_matches(option, allowed, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(sorted(allowed))}."
                problems.append(f"methods.{key}.{option}: {self.peft_type} has no such option; {hint}")
        if problems:
            raise ConfigError(problems)
        start = options.get("init_lora_weights", True)
        if start not in DATA_FREE_STARTS:
            raise ConfigError(
                f"methods.{key}.init_lora_weights: {start!r} changes the base or needs data; allowed: true, "
                f"{', '.join(map(str, DATA_FREE_STARTS[1:]))}, or the methods pissa and olora."
            )
        targets = options.get("target_modules")
        if targets == "all-linear":
            options["target_modules"] = resolve_targets(model, targets, base, key=key)
        elif isinstance(targets, list):
            # Another module than a linear layer may be meant; PEFT itself says when it cannot adapt it.
            names = [name for name, _ in model.named_modules()]
            unknown = [t for t in targets if not any(name == t or name.endswith(f".{t}") for name in names)]
            require_targets(model, unknown, base, key=key)
        elif isinstance(targets, str):
            if (reason := explain_pattern([targets])) is not None:
                raise ConfigError(f"methods.{key}.target_modules: {targets[:80]!r} {reason}.")
        elif targets is None and "target_modules" in allowed and self.peft_type.upper() not in ("IA3", "LN_TUNING"):
            # PEFT's own defaults for T5 name `wi` for some tuners; of other kinds of model it has none for others.
            options["target_modules"] = list(base.queries_and_values)
        return options


def _find_config_class(peft_type: str, *, key: str) -> Any:
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    classes = {kind.value: config_class for kind, config_class in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    name = peft_type.upper()
    if name in REFUSED:
        raise ConfigError(f"methods.{key}.peft_type: {name} cannot be used here: {REFUSED[name]}.")
    if name not in classes:
        close = difflib.get_close_matches(name, classes, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(sorted(set(classes) - set(REFUSED)))}."
        raise ConfigError(f"methods.{key}.peft_type: PEFT has no {peft_type!r}; {hint}")
    return classes[name]


__all__ = ["REFUSED", "UNMERGEABLE", "Peft"]
