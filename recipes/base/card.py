"""Write the model card of the exported folder from what the run measured."""

from __future__ import annotations

from recipes.base.network import Size
from recipes.base.pretrain import Run

CARD = """---
language: en
license: cc-by-sa-4.0
library_name: transformers
pipeline_tag: text2text-generation
tags: [t5, dialogue-summarization, teaching]
---

# dialora base: a small T5 for learning

A T5 v1.1 of {millions:.1f} M parameters that follows a few instructions about English dialogues. It plays FLAN-T5's
part on a small scale, so that full fine-tuning and LoRA can be compared on a laptop, without a download and
in minutes. It is a teaching model: it is no substitute for FLAN-T5.

| | |
|---|---|
| layout | T5 v1.1 as FLAN-T5: gated GELU, untied `lm_head`; no dropout |
| size | {num_layers} + {num_layers} layers, d_model {d_model}, d_ff {d_ff}, {num_heads} heads |
| parameters | {parameters:,} in bf16 |
| vocabulary | {vocab_size:,} unigram pieces of our own with 100 sentinels; newlines become spaces |
| speakers | `#Person1#` to `#Person7#` are single pieces |
| trained on | {examples:,} rows in {steps:,} steps, {minutes:.0f} minutes on two CPU cores |
| lengths in training | sources up to 288 tokens, targets up to 64 |
| made by | `python -m recipes.base`, described in `recipes/base/README.md` of the repository |

## Data

No row of DialogSum, SAMSum or any other chat summarization set: DialogSum is new to this model.

| corpus | used for | licence |
|---|---|---|
| Schema-Guided Dialogue | all tasks; summaries composed from its acts and reported from its turns | CC BY-SA 4.0 |
| Topical-Chat (valid and test) | all tasks; reported summaries | CDLA-Sharing-1.0 |
| CRD3 | all tasks; human summaries of chunks | CC BY-SA 4.0 |
| QMSum | all tasks; human answers to queries | MIT |
| ConvoSumm (e-mail) | all tasks; human summaries | CC BY-SA 4.0 |
| Taskmaster-4 | all tasks; few rows | CC BY 4.0 |

## Measured

Loss per token (natural logarithm) on held-out dialogues, one dialogue in fifty:

{losses}

`copy` is half real text, half random pieces: it says whether cross-attention works.

## What it cannot do

It knows little of the world and writes some wrong sentences. Before fine-tuning its summaries repeat telling
sentences in the third person more often than they condense; it mixes up who did what; it gets lost in
dialogues much longer than 250 tokens and in anything that is not an English dialogue. Do not use it for
decisions about people.
"""


def render_card(run: Run, size: Size, num_parameters: int) -> str:
    """Return the card as Markdown."""
    rows = [f"| {task} | {loss:.2f} |" for task, loss in sorted(run.held_out.items())]
    return CARD.format(
        millions=num_parameters / 1e6,
        parameters=num_parameters,
        examples=run.examples,
        steps=run.step,
        minutes=run.seconds / 60,
        losses="\n".join(["| task | loss |", "|---|---|", *rows]),
        **size.__dict__,
    )
