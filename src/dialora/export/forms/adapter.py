"""The adapter alone, as PEFT reads it, for the base that it names."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dialora.config.base_identity import FILES
from dialora.export.forms.form import Form, Source
from dialora.models.adapter_settings import SETTINGS
from dialora.models.checkpoint import GENERATION, opening
from dialora.models.files import read_object
from dialora.store import save_json

if TYPE_CHECKING:
    from dialora.config import DecodingConfig
    from dialora.generation import Engine
    from dialora.systems import System
    from dialora.systems.kinds.system import RunSystem

WEIGHTS = "adapter_model.safetensors"


class Adapter(Form):
    """The trained weights, to be put on the base."""

    name = "adapter"
    needs_base = True

    def explain(self, system: RunSystem) -> str | None:
        """Return why there is no adapter."""
        if system.training is not None and (system.training.folder / SETTINGS).is_file():
            return None
        return f"{system.key} of {system.name} has no adapter, it is a whole model; use --to merged"

    def write(self, source: Source, folder: Path) -> None:
        """Copy the run's adapter, and name its base as it can be found from elsewhere."""
        assert source.system.training is not None
        trained, revision = source.system.training.folder, source.system.config.model_revision or ""
        for name in (WEIGHTS, GENERATION):
            shutil.copyfile(trained / name, folder / name)
        named = {"base_model_name_or_path": source.base, "revision": None if revision.startswith(FILES) else revision}
        save_json(read_object(trained / SETTINGS) | named, folder / SETTINGS)
        source.system.tokenizer.save_pretrained(folder)

    def open(self, folder: Path, system: System, decoding: DecodingConfig) -> Engine:
        """Put it on the base with plain transformers and PEFT."""
        import torch
        from peft import PeftModel

        from dialora.generation import TorchEngine
        from dialora.models.adapters import peft_warnings_ignored
        from dialora.models.device import find_device
        from dialora.models.families.family import find_model_class
        from dialora.models.loading import load_base_config, loading_explained

        kind = find_model_class(load_base_config(system.config))
        with opening(system.config) as (base, revision), loading_explained(str(folder)), peft_warnings_ignored():
            model = kind.from_pretrained(base, revision=revision, dtype=torch.float32, trust_remote_code=False)
            adapted = PeftModel.from_pretrained(model, folder)
        adapted = adapted.to(find_device(system.config.training))
        return TorchEngine(adapted, system.tokenizer, decoding)


__all__ = ["Adapter"]
