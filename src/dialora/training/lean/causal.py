"""The modules of Llama and its kin with less work: SWAPS, and CPU_SWAPS for a processor alone.

The loss looks at the positions that have labels, and never holds the logits of a prompt. Batches are padded on the
right, so no mask is needed: a token reads those before it, and what a padded one makes of them is nobody's loss.
Shapes: B batch, S tokens, M model width, K key heads, G query heads of each, D width of a head.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.activations import SiLUActivation
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.llama import modeling_llama as llama
from transformers.models.mistral import modeling_mistral as mistral
from transformers.models.qwen2 import modeling_qwen2 as qwen2
from transformers.models.qwen3 import modeling_qwen3 as qwen3
from transformers.models.smollm3 import modeling_smollm3 as smollm3

from dialora.data.tokens import IGNORED_LABEL
from dialora.training.lean.causal_kernels import attend, gate_linear_unit, rotate
from dialora.training.lean.kernels import find_dtype, normalize, sum_cross_entropy

LONGEST = 1024
"""Tokens of a row for which attention keeps its weights for the backward pass; torch's own makes them again."""


class _LeanModel:
    lm_head: Any
    model: Any

    def forward(self, labels: Tensor | None = None, **inputs: Any) -> Any:
        """Return the loss alone where there are labels; the mean over label positions as ever."""
        head = self.lm_head
        # A head that a method has wrapped has a forward of its own to be heard.
        if labels is None or type(head) is not nn.Linear or head.bias is not None:
            return super().forward(labels=labels, **inputs)  # type: ignore[misc]
        mask = inputs.get("attention_mask")
        if mask is not None and inputs.get("past_key_values") is None and _is_right_padded(mask):
            inputs["attention_mask"] = None
        inputs["use_cache"] = inputs.get("past_key_values") is not None
        hidden = self.model(**inputs).last_hidden_state[:, :-1]  # (B, S - 1, M)
        following = labels[:, 1:]
        at = following != IGNORED_LABEL
        total = sum_cross_entropy(hidden[at], head.weight, following[at], fused=hidden.device.type == "cpu")
        return CausalLMOutputWithPast(loss=total / at.sum())


def _is_right_padded(mask: Tensor) -> bool:
    return mask.ndim == 2 and bool((mask[:, 1:] <= mask[:, :-1]).all())


class _LeanNorm:
    weight: Tensor
    variance_epsilon: float

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Normalize in fp32; give what the matrices behind it read."""
        return normalize(hidden_states.float(), self.weight, self.variance_epsilon, dtype=find_dtype(hidden_states))


class _LeanFeedForward:
    act_fn: nn.Module
    gate_proj: nn.Module
    up_proj: nn.Module
    down_proj: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        if not isinstance(self.act_fn, SiLUActivation | nn.SiLU):
            return super().forward(x)  # type: ignore[misc]
        return self.down_proj(gate_linear_unit(self.gate_proj(x), self.up_proj(x)))


class _LeanAttention:
    config: Any
    training: bool
    head_dim: int
    num_key_value_groups: int
    scaling: float
    attention_dropout: float
    q_proj: nn.Module
    k_proj: nn.Module
    v_proj: nn.Module
    o_proj: nn.Module

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: Any = None,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend to every token before; go the model's own way where a mask or a cache says otherwise."""
        is_own = attention_mask is not None or past_key_values is not None or hidden_states.shape[1] > LONGEST
        if is_own or self.config._attn_implementation != "sdpa" or (self.training and self.attention_dropout):
            return super().forward(  # type: ignore[misc]
                hidden_states,
                position_embeddings=position_embeddings,
                attention_mask=attention_mask,
                past_key_values=past_key_values,
                **kwargs,
            )
        heads = (*hidden_states.shape[:2], -1)  # (B, S, K)
        query = self.q_proj(hidden_states).view(*heads, self.num_key_value_groups, self.head_dim)
        key = self.k_proj(hidden_states).view(*heads, 1, self.head_dim)
        value = self.v_proj(hidden_states).view(*heads, self.head_dim).transpose(1, 2)
        if hasattr(self, "q_norm"):
            query, key = self.q_norm(query), self.k_norm(key)  # type: ignore[attr-defined]
        if getattr(self, "use_rope", True):
            cos, sin = (table.float()[:, None, :, None] for table in position_embeddings)  # (1, 1, S, 1, D)
            query, key = rotate(query, cos * self.scaling, sin * self.scaling), rotate(key, cos, sin)
        else:
            query, key = (query * self.scaling).transpose(1, 2).contiguous(), key.transpose(1, 2).contiguous()
        attended = attend(query, key.squeeze(3), value.contiguous())  # (B, K, S, G, D)
        return self.o_proj(attended.transpose(1, 2).flatten(2)), None


MODULES = {"Llama": llama, "Mistral": mistral, "Qwen2": qwen2, "Qwen3": qwen3, "SmolLM3": smollm3}
"""By how their classes' names begin."""


def _lean(**forwards: type) -> dict[type, type]:
    """Return each kind's class whose name ends so → the same class with another forward, behind which its own is."""
    kinds = {
        getattr(module, kind + part): forward for kind, module in MODULES.items() for part, forward in forwards.items()
    }
    return {kind: type(f"Lean{kind.__name__}", (forward, kind), {}) for kind, forward in kinds.items()}


SWAPS = _lean(ForCausalLM=_LeanModel, RMSNorm=_LeanNorm)
CPU_SWAPS = _lean(Attention=_LeanAttention, MLP=_LeanFeedForward)

__all__ = ["CPU_SWAPS", "LONGEST", "SWAPS"]
