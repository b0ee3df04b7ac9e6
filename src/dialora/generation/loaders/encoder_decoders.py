"""Encoder-decoders for CTranslate2: T5, mT5, umT5; BART with mBART and Pegasus.

The layers of both are read by CTranslate2's own converters, which go by modules there. What they would take from a
config's keys is set here.
"""

from __future__ import annotations

from typing import Any

from dialora.generation.loaders.layers import read_activation, set_linear


class T5:
    """T5 v1.0, v1.1, FLAN-T5.

    CTranslate2's converter asks `tie_word_embeddings` whether to scale the decoder's output by d_model ** -0.5.
    transformers 5 sets that key to true for every T5 and moved its meaning to `scale_decoder_outputs`: an untied model
    (T5 v1.1, FLAN-T5) would come out with wrong scores, beams and samples at right greedy tokens.
    """

    converter = "T5Loader"

    def build(self, model: Any) -> Any:
        """Return the specification, with the scale of its output head."""
        from ctranslate2.converters import transformers
        from ctranslate2.specs import model_spec

        spec = getattr(transformers, self.converter)().get_model_spec(model)
        is_scaled = self.is_scaled(model.config)
        spec.decoder.scale_outputs = model.config.d_model**-0.5 if is_scaled else model_spec.OPTIONAL
        return spec

    def is_scaled(self, config: Any) -> bool:
        """Whether the decoder's output is scaled before the head."""
        return bool(config.scale_decoder_outputs)


class MT5(T5):
    """mT5, which scales nothing."""

    def is_scaled(self, config: Any) -> bool:
        """No mT5 does, tied or not."""
        return False


class UMT5(T5):
    """umT5, whose layers each have positions of their own."""

    converter = "UMT5Loader"

    def is_scaled(self, config: Any) -> bool:
        """Whether head and embedding are one, as transformers reads it."""
        return bool(config.tie_word_embeddings)


class Bart:
    """BART, mBART and Pegasus: which norms there are is what the modules say."""

    def build(self, model: Any) -> Any:
        """Return the specification of encoder, decoder and head."""
        import numpy as np
        from ctranslate2.converters.transformers import BartLoader
        from ctranslate2.specs import transformer_spec

        config, decoder = model.config, model.model.decoder
        spec = transformer_spec.TransformerSpec.from_config(
            (config.encoder_layers, config.decoder_layers),
            config.encoder_attention_heads,
            pre_norm=hasattr(decoder, "layer_norm"),
            activation=read_activation(config),
            layernorm_embedding=hasattr(decoder, "layernorm_embedding"),
        )
        spec.decoder.num_heads = np.dtype("int16").type(config.decoder_attention_heads)
        loader = BartLoader()
        loader.set_encoder(spec.encoder, model.model.encoder)
        loader.set_decoder(spec.decoder, decoder)
        set_linear(spec.decoder.projection, model.lm_head)
        if model.final_logits_bias.any():
            spec.decoder.projection.bias = model.final_logits_bias.squeeze(0)
        return spec


__all__ = ["MT5", "T5", "UMT5", "Bart"]
