"""A chat template: what stands around a message to a model, and what ends its answer; and what does without one.

Templates are Jinja, which transformers renders in a sandbox. What depends on the day, or lets a model think aloud
first, is settled here, so that a prompt is the same in training and in use, today and tomorrow.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from dialora.data.tokens.plain import encode_texts, find_special
from dialora.data.tokens.prompt import DIALOGUE, Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DAY = "26 Jul 2024"
"""Today, for every template: what Llama 3's own takes where it knows none."""
SETTLED: dict[str, Any] = {"enable_thinking": False, "date_string": DAY}
"""Qwen3 and SmolLM3 do not think before a summary."""
NO_CLOCK = f"{{%- macro strftime_now(format) -%}}{DAY}{{%- endmacro -%}}"
"""Stands before a template, and takes the place of what transformers gives it to ask for the day."""
ANSWER = "ANSWER"


def has_template(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer brings a chat template."""
    return bool(getattr(tokenizer, "chat_template", None))


def render_message(text: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return what a model reads before it answers a message. Raises ValueError where the template loses it."""
    rendered = _render([{"role": "user", "content": text}], tokenizer, add_generation_prompt=True)
    if rendered.count(DIALOGUE) != 1:
        raise ValueError("its chat template does not give a message back once; give a tokenizer without one")
    return rendered


def find_answer_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the token that the template puts behind an answer; None where it is no special token."""
    messages = [{"role": "user", "content": "QUESTION"}, {"role": "assistant", "content": ANSWER}]
    behind = _render(messages, tokenizer, add_generation_prompt=False).rpartition(ANSWER)[2]
    ends = {token: behind.find(token) for token in find_special(behind, tokenizer)}
    if not ends:
        return None
    first = min(ends, key=lambda token: (ends[token], -len(token)))
    return int(tokenizer.convert_tokens_to_ids(first))


def build_message(text: str, tokenizer: PreTrainedTokenizerBase) -> Prompt:
    """Return a prompt as a message of the tokenizer's chat template, or as it stands; a summary ends as answers do."""
    if has_template(tokenizer):
        end = find_answer_end(tokenizer)
        end = tokenizer.eos_token_id if end is None else end
        return Prompt(render_message(text.rstrip(), tokenizer), (), end)
    return Prompt(text, _find_beginning(tokenizer), tokenizer.eos_token_id)


def list_ends(model: Any, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Return the end tokens of config, checkpoint and tokenizer, and the chat template's."""
    found = [model.config.eos_token_id, model.generation_config.eos_token_id, tokenizer.eos_token_id]
    if has_template(tokenizer):
        found.append(find_answer_end(tokenizer))
    ids = [one for each in found if each is not None for one in (each if isinstance(each, list) else [each])]
    return tuple(dict.fromkeys(int(one) for one in ids if one >= 0))


def _find_beginning(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Return the special tokens that the tokenizer puts before a text."""
    (encoding,) = encode_texts(["a"], tokenizer)
    special = list(takewhile(bool, encoding.special_tokens_mask))
    return tuple(encoding.ids[: len(special)])


def _render(messages: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase, *, add_generation_prompt: bool) -> str:
    try:
        template = f"{NO_CLOCK}{tokenizer.get_chat_template()}"
        rendered: Any = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=add_generation_prompt, **SETTLED
        )
    except Exception as error:  # a template raises what it likes
        raise ValueError(f"its chat template cannot be used ({' '.join(str(error).split())[:200]})") from error
    return str(rendered)


__all__ = ["build_message", "find_answer_end", "has_template", "list_ends", "render_message"]
