"""One whole model, the adapter merged into its base, as plain transformers reads it, in versions 4 and 5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dialora.export.forms.form import Form, Source, merge

if TYPE_CHECKING:
    from dialora.config import DecodingConfig
    from dialora.generation import Engine
    from dialora.systems import System


class Merged(Form):
    """A folder in transformers' format with safetensors."""

    name = "merged"
    precisions = ("fp32", "bf16")

    def write(self, source: Source, folder: Path) -> None:
        """Merge and save; the config says whether head and embedding are one matrix (`Family.export`)."""
        import torch

        from dialora.models.adapters import save_system

        model = merge(source, self)
        if source.precision == "bf16":
            model = model.to(torch.bfloat16)
        save_system(model, source.system.tokenizer, folder, base=source.base)

    def open(self, folder: Path, system: System, decoding: DecodingConfig) -> Engine:
        """Load it with plain transformers, in the numbers that it was saved in."""
        from dialora.generation import TorchEngine
        from dialora.models.device import find_device
        from dialora.models.families.family import find_model_class
        from dialora.models.loading import load_base_config, loading_explained

        kind = find_model_class(load_base_config(system.config))
        with loading_explained(str(folder)):
            model = kind.from_pretrained(folder, dtype="auto", trust_remote_code=False)
        return TorchEngine(model.to(find_device(system.config.training)), system.tokenizer, decoding)


__all__ = ["Merged"]
