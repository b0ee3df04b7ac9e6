"""The engine for exported ONNX graphs: ONNX Runtime computes, and transformers' own search chooses the tokens.

So every decoding there is works as in torch, and what may differ is the graphs alone. There are two of them:

    encoder.onnx  input_ids, attention_mask (B, S) -> cross.<layer>.key, .value (B, H, S, D): what is attended to
    decoder.onnx  input_ids (B, 1), attention_mask (B, S), cross.*, past.<layer>.key, .value (B, H, T, D)
                  -> logits (B, 1, V), present.* (B, H, T + 1, D); T is 0 at the first token

Shapes: B batch, S source tokens, T tokens so far, L decoder layers, H heads, D size of a head, V vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from dialora.config import DecodingConfig
from dialora.errors import GenerationError
from dialora.generation.torch_engine import TorchEngine

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
NEEDED = "ONNX needs onnx, onnxscript and onnxruntime (pip install 'dialora[onnx]')"


def name_cache(kind: str, num_layers: int) -> list[str]:
    """Return the graphs' names of keys and values, layer after layer; `kind` is cross, past or present."""
    return [f"{kind}.{layer}.{part}" for layer in range(num_layers) for part in ("key", "value")]


class OnnxEngine(TorchEngine):
    """Exported graphs with the experiment's decoding, on the processor. Raises GenerationError."""

    name = "onnx"

    def __init__(self, folder: Path, config: Any, tokenizer: PreTrainedTokenizerBase, decoding: DecodingConfig) -> None:
        super().__init__(GraphModel(folder, config), tokenizer, decoding)


class GraphEncoder(nn.Module):
    """What `generate` calls for the encoder: its output holds what the decoder's layers attend to, (B, 2L, H, S, D)."""

    main_input_name = "input_ids"

    def __init__(self, session: Any) -> None:
        super().__init__()
        self.session = session

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> BaseModelOutput:
        """Run the encoder's graph."""
        found = run(self.session, {"input_ids": input_ids, "attention_mask": attention_mask})
        return BaseModelOutput(last_hidden_state=torch.stack(list(found.values()), dim=1))


class GraphModel(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """The graphs as a model that `generate` of transformers drives. Raises GenerationError."""

    main_input_name = "input_ids"
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, folder: Path, config: Any) -> None:
        super().__init__(config)
        self.encoder = GraphEncoder(open_session(folder / ENCODER))
        self.decoder_session = open_session(folder / DECODER)
        shapes = {one.name: one.shape for one in self.decoder_session.get_inputs()}
        past = [name for name in shapes if name.startswith("past.")]
        self.num_layers = len(past) // 2
        self.num_heads, self.head_size = int(shapes[past[0]][1]), int(shapes[past[0]][3])
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # a model is where its parameters are

    def get_encoder(self, *_: Any, **__: Any) -> nn.Module:
        """Return what encodes a source."""
        return self.encoder

    def forward(
        self,
        decoder_input_ids: Tensor,
        attention_mask: Tensor,
        encoder_outputs: Any = None,
        past_key_values: Any = None,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """Run the decoder's graph for one token, and put its keys and values into the cache."""
        own, cross = past_key_values.self_attention_cache, past_key_values.cross_attention_cache
        if not cross.get_seq_length():
            pairs = encoder_outputs.last_hidden_state.unbind(1)
            for layer in range(self.num_layers):
                cross.update(pairs[2 * layer].contiguous(), pairs[2 * layer + 1].contiguous(), layer)
                past_key_values.is_updated[layer] = True
        empty = torch.zeros(len(decoder_input_ids), self.num_heads, 0, self.head_size)
        so_far = flatten(own) if own.get_seq_length() else [empty] * (2 * self.num_layers)
        inputs = {"input_ids": decoder_input_ids, "attention_mask": attention_mask}
        inputs |= dict(zip(name_cache("cross", self.num_layers), flatten(cross), strict=True))
        inputs |= dict(zip(name_cache("past", self.num_layers), so_far, strict=True))
        found = run(self.decoder_session, inputs)
        is_first = not own.get_seq_length()
        for layer in range(self.num_layers):
            key, value = (found[f"present.{layer}.{part}"] for part in ("key", "value"))
            if is_first:
                own.update(key, value, layer)
            else:  # the graph has put the new ones behind the others already
                own.layers[layer].keys, own.layers[layer].values = key, value
        return Seq2SeqLMOutput(logits=found["logits"], past_key_values=past_key_values)


def flatten(cache: Any) -> list[Tensor]:
    """Return a cache's keys and values, layer after layer, of those that hold any."""
    return [tensor for layer in cache.layers if layer.is_initialized for tensor in (layer.keys, layer.values)]


def open_session(path: Path) -> Any:
    """Open a graph on the processor. Raises GenerationError."""
    try:
        import onnxruntime
    except ImportError as error:
        raise GenerationError(f"{path.parent}: {NEEDED}.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of a class of its own for every kind of damage
        raise GenerationError(f"{path}: ONNX Runtime cannot load it: {' '.join(str(error).split())[:300]}") from error


def run(session: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Run a graph with those of the inputs that it has, and return its outputs by name."""
    taken = {one.name: inputs[one.name].contiguous().numpy() for one in session.get_inputs()}
    outputs = session.run(None, taken)
    return {one.name: torch.from_numpy(made) for one, made in zip(session.get_outputs(), outputs, strict=True)}


__all__ = ["DECODER", "ENCODER", "NEEDED", "OnnxEngine", "flatten", "name_cache"]
