"""Write the model card of the exported folder from what the run measured."""

from __future__ import annotations

from recipes.base.presets import Preset
from recipes.base.pretrain import Run

START, END = "<!-- measured -->", "<!-- end of measured -->"  # `evaluate` writes between them
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
| layout | T5 v1.1 as FLAN-T5: gated GELU, untied `lm_head`; no dropout, as T5 v1.1 was pretrained |
| size | {num_layers} + {num_layers} layers, d_model {d_model}, d_ff {d_ff}, {num_heads} heads |
| parameters | {parameters:,} in bf16 |
| vocabulary | {vocab_size:,} unigram pieces of our own with 100 sentinels; newlines become spaces |
| speakers | `#Person1#` to `#Person7#` are single pieces |
| trained on | {examples:,} rows in {steps:,} steps, {minutes:.0f} minutes on {device} |
| lengths in training | sources up to 288 tokens, targets up to 48 |
| made by | `python -m recipes.base`, described in `recipes/base/README.md` of the repository |

## Data

No row of DialogSum, SAMSum or any other chat summarization set: DialogSum is new to this model.

| corpus | used for | licence |
|---|---|---|
| Schema-Guided Dialogue | all tasks; summaries composed from its acts, reports of its turns | CC BY-SA 4.0 |
| Topical-Chat (valid and test) | all tasks; reports of its turns | CDLA-Sharing-1.0 |
| CRD3 | all tasks; human summaries of chunks | CC BY-SA 4.0 |
| QMSum | all tasks; human answers to queries | MIT |
| ConvoSumm (e-mail) | all tasks; human summaries | CC BY-SA 4.0 |
| Taskmaster-4 | all tasks; few rows | CC BY 4.0 |

## Measured

{start}
Not measured yet: `python -m recipes.base.evaluate`.
{end}

Loss per token (natural logarithm) on held-out dialogues of the training corpora, one dialogue in fifty:

{losses}

`copy` is half real text, half random pieces: it says whether cross-attention works. What was tried and what it gave
stands in `recipes/base/README.md`.

## What it cannot do

It knows little of the world and writes some wrong sentences. Before fine-tuning, asked for a summary, it mostly
reports one or two things that were said; it rarely says what a dialogue is about. It mixes up who did what; it gets
lost in dialogues much longer than 250 tokens and in anything that is not an English dialogue. Fine-tuned on the bundled
dialogues, about seven of its ten summaries above are English sentences that name the right speakers; hardly one is
right in all it says, and rare words break ("November'sself"). Do not use it for decisions about people.
"""


def render_card(run: Run, preset: Preset, num_parameters: int) -> str:
    """Return the card as Markdown."""
    rows = [f"| {task} | {loss:.2f} |" for task, loss in sorted(run.held_out.items())]
    return CARD.format(
        millions=num_parameters / 1e6,
        parameters=num_parameters,
        examples=run.examples,
        steps=run.step,
        minutes=run.seconds / 60,
        device=run.device,
        start=START,
        end=END,
        losses="\n".join(["| task | loss |", "|---|---|", *rows]),
        **preset.size.__dict__,
    )
