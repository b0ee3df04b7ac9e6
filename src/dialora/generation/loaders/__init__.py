"""Loaders: what CTranslate2 is given of a model, one class per way of building its layers (`Family.name_loader`).

CTranslate2 brings converters of its own. They take rotation, windows and the scale of outputs from keys that
transformers 5 has no more, use defaults without a word, and some take the model apart while they read it. Here all of
it comes from the model's modules and from what its config says today; what CTranslate2 lacks is refused before.
"""

from dialora.generation.loaders.causal import GPT2, Gemma, Gemma2, GPTNeoX, Llama, Phi, Phi3
from dialora.generation.loaders.encoder_decoders import MT5, T5, UMT5, Bart
from dialora.generation.loaders.layers import Loader, read_epsilon

LOADERS: dict[str, type[Loader]] = {
    one.__name__: one for one in (T5, MT5, UMT5, Bart, Llama, Gemma, Gemma2, Phi, Phi3, GPT2, GPTNeoX)
}
"""By the names that families give."""

__all__ = ["LOADERS", "Loader", "read_epsilon"]
