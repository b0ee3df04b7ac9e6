"""ONNX graphs of an encoder-decoder: one for its encoder, one for a step of its decoder (see `generation.onnx_engine`).

The encoder's graph ends with the keys and values that the decoder attends to, so that no weight stands in both graphs
but the embedding, and the decoder's first step is as any other, with an empty cache.

Shapes: B batch, S source tokens, T tokens so far, H heads, D size of a head, V vocabulary.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialora.errors import ExportError
from dialora.export.forms.form import Form, Source, merge
from dialora.store import names

if TYPE_CHECKING:
    from dialora.config import DecodingConfig
    from dialora.generation import Engine
    from dialora.systems import System
    from dialora.systems.kinds.system import RunSystem


class Onnx(Form):
    """Two graphs for ONNX Runtime, and the tokenizer in a folder of its own."""

    name = "onnx"

    def explain(self, system: RunSystem) -> str | None:
        """Return why there are no such graphs."""
        from dialora.models.bases import load_family

        if not all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")):
            return "ONNX needs onnx, onnxscript and onnxruntime (pip install 'dialora[onnx]')"
        if load_family(system.config).is_causal:
            return "the graphs are of encoder-decoders, and the base is a causal model; use --to merged or ctranslate2"
        return None

    def write(self, source: Source, folder: Path) -> None:
        """Trace both graphs of the merged system."""
        from dialora.models.adapters import save_description

        model = merge(source, self)
        try:
            write_graphs(model, folder)
        except Exception as error:  # tracing a kind of model that it does not know may raise anything
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = " ".join(str(error).split())[:300]
            raise ExportError(f"--to onnx: {source.system.name} cannot be traced: {reason}") from error
        save_description(model, source.system.tokenizer, folder / names.TOKENIZER)

    def open(self, folder: Path, system: System, decoding: DecodingConfig) -> Engine:
        """Load the graphs by themselves."""
        from dialora.generation.onnx_engine import OnnxEngine
        from dialora.models.loading import load_base_config

        return OnnxEngine(folder, load_base_config(system.config), system.tokenizer, decoding)


def write_graphs(model: Any, folder: Path) -> None:
    """Write `encoder.onnx` and `decoder.onnx` of an encoder-decoder, their weights beside them."""
    import torch
    from torch.export import Dim

    from dialora.export.graphs import DecoderStep, Encoder
    from dialora.generation.onnx_engine import DECODER, ENCODER, name_cache

    encoder, decoder = Encoder(model).eval(), DecoderStep(model).eval()
    # Two or more of everything that may vary: torch takes a 0 or 1 that it sees for one that is always there.
    ids = torch.full((2, 5), model.config.pad_token_id)  # (B, S)
    mask = torch.ones_like(ids)
    size = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    with _quiet(), torch.no_grad():
        cross = encoder(ids, mask)
        num_layers = len(cross) // 2
        past = [torch.zeros(*tensor.shape[:2], 3, tensor.shape[3]) for tensor in cross]  # (B, H, T, D)
        torch.onnx.export(
            encoder,
            (),
            folder / ENCODER,
            kwargs={"input_ids": ids, "attention_mask": mask},
            input_names=["input_ids", "attention_mask"],
            output_names=name_cache("cross", num_layers),
            dynamic_shapes={"input_ids": size, "attention_mask": size},
            dynamo=True,
            external_data=True,
            verbose=False,
        )
        cached = [{0: Dim.DYNAMIC, 2: Dim.DYNAMIC}] * len(cross)
        torch.onnx.export(
            decoder,
            (),
            folder / DECODER,
            kwargs={"input_ids": ids[:, :1], "attention_mask": mask, "cross": list(cross), "past": past},
            input_names=[
                "input_ids",
                "attention_mask",
                *name_cache("cross", num_layers),
                *name_cache("past", num_layers),
            ],
            output_names=["logits", *name_cache("present", num_layers)],
            dynamic_shapes={"input_ids": {0: Dim.DYNAMIC}, "attention_mask": size, "cross": cached, "past": cached},
            dynamo=True,
            external_data=True,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what tracing says of its own insides."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


__all__ = ["Onnx", "write_graphs"]
