"""Causal models for CTranslate2: one class per way of building a layer, which names its modules."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from dialora.generation.loaders.layers import read_activation, set_fused, set_linear, set_norm
from dialora.generation.loaders.rotation import describe_rotation, set_rotation


class Llama:
    """Llama, Mistral, Qwen: a norm before attention and one before a gated unit."""

    body: ClassVar[str] = "model"
    layers: ClassVar[str] = "layers"
    attention: ClassVar[str] = "self_attn"
    embedding: ClassVar[str] = "embed_tokens"
    final_norm: ClassVar[str] = "norm"

    def build(self, model: Any) -> Any:
        """Return the specification of a decoder with its head."""
        from ctranslate2.specs import transformer_spec

        config, body = model.config, model.get_submodule(self.body)
        layers = body.get_submodule(self.layers)
        heads = config.num_attention_heads
        kept = getattr(config, "num_key_value_heads", None) or heads
        spec = transformer_spec.TransformerDecoderModelSpec.from_config(
            len(layers),
            heads,
            activation=read_activation(config),
            head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
            num_heads_kv=None if kept == heads else kept,
            qk_norm=hasattr(layers[0].get_submodule(self.attention), "q_norm"),
            **describe_rotation(config, body),
            **self.describe(config),
        )
        decoder = spec.decoder
        decoder.scale_embeddings = False
        decoder.embeddings.weight = body.get_submodule(self.embedding).weight
        for into, layer in zip(decoder.layer, layers, strict=True):
            attention: Any = layer.get_submodule(self.attention)
            into.self_attention.queries_scale = float(attention.scaling)
            self.set_attention(into.self_attention, attention)
            self.set_norms(into, layer)
            self.set_unit(into.ffn, layer.mlp)
        set_rotation(decoder.layer, config, body)
        set_norm(decoder.layer_norm, body.get_submodule(self.final_norm))
        set_linear(decoder.projection, model.lm_head)
        self.finish(spec, body)
        return spec

    def describe(self, config: Any) -> dict[str, Any]:
        """Return the specification's other options."""
        return {"rms_norm": True, "ffn_glu": True}

    def set_attention(self, into: Any, attention: Any) -> None:
        """Set queries, keys and values as one matrix, what follows on them, and norms if there are any."""
        set_fused(into.linear[0], (attention.q_proj, attention.k_proj, attention.v_proj))
        set_linear(into.linear[1], attention.o_proj)
        if hasattr(into, "q_norm"):
            set_norm(into.q_norm, attention.q_norm)
            set_norm(into.k_norm, attention.k_norm)

    def set_norms(self, into: Any, layer: Any) -> None:
        """Set a layer's norms."""
        set_norm(into.self_attention.layer_norm, layer.input_layernorm)
        set_norm(into.ffn.layer_norm, layer.post_attention_layernorm)

    def set_unit(self, into: Any, unit: Any) -> None:
        """Set the feed-forward."""
        set_linear(into.linear_0, unit.gate_proj)
        set_linear(into.linear_0_noact, unit.up_proj)
        set_linear(into.linear_1, unit.down_proj)

    def finish(self, spec: Any, body: Any) -> None:
        """Set what is particular outside of the layers."""


class Gemma(Llama):
    """Gemma: norms whose weights have one added, embeddings that are scaled."""

    def set_attention(self, into: Any, attention: Any) -> None:
        """Set attention, and that one is added to its norms."""
        super().set_attention(into, attention)
        if hasattr(into, "q_norm"):
            into.q_norm.layer_norm_use_residual = into.k_norm.layer_norm_use_residual = True

    def set_norms(self, into: Any, layer: Any) -> None:
        """Set a layer's norms, and that one is added to them."""
        super().set_norms(into, layer)
        into.self_attention.layer_norm.layer_norm_use_residual = True
        into.ffn.layer_norm.layer_norm_use_residual = True

    def finish(self, spec: Any, body: Any) -> None:
        """Set the embedding's scale, the last norm, and how far logits go."""
        import numpy as np

        decoder, config = spec.decoder, body.config
        decoder.scale_embeddings = True
        decoder.embeddings.multiply_by_sqrt_depth = float(config.hidden_size**0.5)
        decoder.layer_norm.layer_norm_use_residual = True
        if getattr(config, "final_logit_softcapping", None):
            decoder.final_logit_softcapping = np.dtype("float32").type(config.final_logit_softcapping)


class Gemma2(Gemma):
    """Gemma 2 and 3: a norm before and one behind both parts of a layer."""

    norms: ClassVar[tuple[tuple[str, str], ...]] = (
        ("input_layer_norm", "input_layernorm"),
        ("post_attention_layer_norm", "post_attention_layernorm"),
        ("pre_feedforward_layer_norm", "pre_feedforward_layernorm"),
        ("post_feedforward_layer_norm", "post_feedforward_layernorm"),
    )

    def describe(self, config: Any) -> dict[str, Any]:
        """Return Llama's options with four norms."""
        return super().describe(config) | {"pre_post_layer_norm": True}

    def set_norms(self, into: Any, layer: Any) -> None:
        """Set the four norms of a layer."""
        for name, own in self.norms:
            norm = getattr(into, name)
            set_norm(norm, layer.get_submodule(own))
            norm.layer_norm_use_residual = True


class Phi3(Llama):
    """Phi-3: queries, keys and values are one matrix, and so are both of a gated unit."""

    def set_attention(self, into: Any, attention: Any) -> None:
        """Set attention."""
        set_linear(into.linear[0], attention.qkv_proj)
        set_linear(into.linear[1], attention.o_proj)

    def set_unit(self, into: Any, unit: Any) -> None:
        """Set the gated unit, whose first half is the gate."""
        into.linear_0.weight, into.linear_0_noact.weight = unit.gate_up_proj.weight.chunk(2)
        set_linear(into.linear_1, unit.down_proj)


class Phi(Llama):
    """Phi-1 and 2: attention and a plain unit side by side, behind one norm."""

    final_norm = "final_layernorm"

    def describe(self, config: Any) -> dict[str, Any]:
        """Return that both parts read the same."""
        return {"parallel_residual": True, "shared_layer_norm": True}

    def set_attention(self, into: Any, attention: Any) -> None:
        """Set attention."""
        set_fused(into.linear[0], (attention.q_proj, attention.k_proj, attention.v_proj))
        set_linear(into.linear[1], attention.dense)

    def set_norms(self, into: Any, layer: Any) -> None:
        """Set the one norm."""
        set_norm(into.shared_layer_norm, layer.input_layernorm)

    def set_unit(self, into: Any, unit: Any) -> None:
        """Set the feed-forward."""
        set_linear(into.linear_0, unit.fc1)
        set_linear(into.linear_1, unit.fc2)


class GPT2(Llama):
    """GPT-2: positions are embedded, and matrices have inputs first."""

    body, layers, attention, embedding, final_norm = "transformer", "h", "attn", "wte", "ln_f"

    def describe(self, config: Any) -> dict[str, Any]:
        """Return no option: it is what CTranslate2's specification is by itself."""
        return {}

    def set_attention(self, into: Any, attention: Any) -> None:
        """Set attention."""
        set_linear(into.linear[0], attention.c_attn, is_transposed=True)
        set_linear(into.linear[1], attention.c_proj, is_transposed=True)

    def set_norms(self, into: Any, layer: Any) -> None:
        """Set a layer's norms."""
        set_norm(into.self_attention.layer_norm, layer.ln_1)
        set_norm(into.ffn.layer_norm, layer.ln_2)

    def set_unit(self, into: Any, unit: Any) -> None:
        """Set the feed-forward."""
        set_linear(into.linear_0, unit.c_fc, is_transposed=True)
        set_linear(into.linear_1, unit.c_proj, is_transposed=True)

    def finish(self, spec: Any, body: Any) -> None:
        """Set the positions."""
        spec.decoder.position_encodings.encodings = body.wpe.weight


class GPTNeoX(Llama):
    """GPT-NeoX and Pythia: each head's query, key and value lie together; both parts side by side, or one by one."""

    body, attention, embedding, final_norm = "gpt_neox", "attention", "embed_in", "final_layer_norm"

    def describe(self, config: Any) -> dict[str, Any]:
        """Return whether both parts read the same."""
        return {"parallel_residual": config.use_parallel_residual}

    def set_attention(self, into: Any, attention: Any) -> None:
        """Set attention, all queries before all keys before all values."""
        mixed = attention.query_key_value
        into.linear[0].weight = _part(mixed.weight, attention.head_size)
        if mixed.bias is not None:
            into.linear[0].bias = _part(mixed.bias, attention.head_size)
        set_linear(into.linear[1], attention.dense)

    def set_norms(self, into: Any, layer: Any) -> None:
        """Set a layer's norms, which lie in the layer itself where its parts stand side by side."""
        if not layer.use_parallel_residual:
            super().set_norms(into, layer)
            return
        set_norm(into.input_layer_norm, layer.input_layernorm)
        set_norm(into.post_attention_layer_norm, layer.post_attention_layernorm)

    def set_unit(self, into: Any, unit: Any) -> None:
        """Set the feed-forward."""
        set_linear(into.linear_0, unit.dense_h_to_4h)
        set_linear(into.linear_1, unit.dense_4h_to_h)


def _part(mixed: Tensor, head_size: int) -> Tensor:
    """Return a matrix or bias of rows (heads, 3, head_size) with rows (3, heads, head_size)."""
    return mixed.reshape(-1, 3, head_size, *mixed.shape[1:]).transpose(0, 1).reshape(mixed.shape)


__all__ = ["GPT2", "GPTNeoX", "Gemma", "Gemma2", "Llama", "Phi", "Phi3"]
