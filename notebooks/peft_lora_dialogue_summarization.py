# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Dialogue summaries: full fine-tuning or LoRA?
#
# A model that was never trained for it, the same model fine-tuned as a whole, and once more with LoRA, which trains a
# few percent of the weights: how do their summaries of dialogues compare, and what did each cost? We go the usual way,
# stage by stage – data and model, zero-shot, full fine-tuning, LoRA – and judge each system twice: by reading, and by
# ROUGE. The last section says which of the differences are sure.
#
# Every stage is a function of `dialora` that does only what is missing, so each cell may be run again at no cost. All
# in all it takes two to three minutes on two cores.

# %% [markdown]
# ## 1. Set-up

# %%
import warnings

# What libraries say of each other and of the notebook's widgets.
warnings.filterwarnings("ignore")

# %%
from pathlib import Path

import pandas
import torch
from peft import PeftModel
from transformers.utils import logging

import dialora
from dialora.data.examples import load_dataset
from dialora.models.bases import settle
from dialora.models.loading import load_tokenizer

pandas.set_option("display.max_colwidth", None)
logging.disable_progress_bar()

# %% [markdown]
# The next cell decides what everything below is about. As it stands, a small base model and dialogues that are inside
# the package are used: nothing is downloaded and no GPU is needed. So small a model shows how the comparison works,
# not how good summaries can be.

# %%
EXPERIMENT = dialora.load_experiment("bundled")
# google/flan-t5-base on knkarthick/dialogsum, from the hub; hours without a GPU:
# EXPERIMENT = dialora.load_experiment("seed")

FOLDER = f"runs/notebook-{EXPERIMENT.name}"

# %% [markdown]
# The systems come one after the other here, so a helper takes some of the experiment's methods. A method's options and
# learning rate are its own; data, batches, budget and decoding are the same for all.


# %%
def only(*keys):
    """The experiment with some of its methods."""
    return EXPERIMENT.model_copy(update={"methods": {key: EXPERIMENT.methods[key] for key in keys}})


print("base model:", EXPERIMENT.model)
print("dialogues: ", EXPERIMENT.data.source)
for key, method in EXPERIMENT.methods.items():
    print(f"{key + ':':<11}", method.label, f"(learning rate {method.learning_rate:g})" if method.trains else "")

# %% [markdown]
# Before anything is trained, the experiment is checked: splits and sizes, whether the target modules exist, how much
# would be cut off, whether labels are masked where they are padding, and more.

# %%
checks = dialora.check(EXPERIMENT, output=FOLDER)
checks.loc[["data", "methods and targets", "lengths", "labels", "prompt"]]

# %% [markdown]
# ## 2. Data and base model
#
# One training example: what goes in is the dialogue inside a prompt, what should come out is what a person wrote. In
# training and in use the prompt is the same.

# %%
dataset = load_dataset(EXPERIMENT.data)
example = dataset.train[0]
print(EXPERIMENT.prompt.replace("{dialogue}", example.dialogue))
print("→", example.references[0])

# %% [markdown]
# The base model is an ordinary `transformers` model. Its parameters, counted:

# %%
base, tokenizer = dialora.load_model(EXPERIMENT), load_tokenizer(EXPERIMENT)
print(f"{type(base).__name__}: {sum(weights.numel() for weights in base.parameters()):,} parameters")

# %% [markdown]
# ## 3. Zero-shot inference
#
# What does the base model make of a dialogue when it is simply asked? Plain `generate` for one test dialogue:

# %%
DECODING = {
    "max_new_tokens": EXPERIMENT.decoding.max_new_tokens,
    "no_repeat_ngram_size": EXPERIMENT.decoding.no_repeat_ngram_size,
    "num_beams": EXPERIMENT.decoding.num_beams,
    "do_sample": False,
}


def summarize(model, dialogue):
    """One summary by a plain transformers or peft model."""
    inputs = tokenizer(EXPERIMENT.prompt.replace("{dialogue}", dialogue), return_tensors="pt")
    with torch.no_grad():
        written = model.eval().generate(**inputs, **DECODING)
    return tokenizer.decode(written[0], skip_special_tokens=True).strip()


test = dataset.test[0]
print(test.dialogue, "\n")
print("human:    ", test.references[0])
print("zero-shot:", summarize(base, test.dialogue))

# %% [markdown]
# The same for all test dialogues, scored. `examples` puts what was written beside the dialogue and the human
# summaries; with a single system there is nothing to disagree about, so its worst and best are worth a look.

# %%
zero_shot = dialora.compare(only("zero_shot"), output=FOLDER)
zero_shot.examples(1, sort="worst", systems="zero_shot")

# %%
zero_shot.examples(1, sort="best", systems="zero_shot")

# %% [markdown]
# ## 4. Full fine-tuning
#
# All weights are trained. The table counts them beside the base model, whose weights are counted as loaded.

# %%
dialora.params(only("zero_shot", "full"))

# %%
dialora.train(only("zero_shot", "full"), output=FOLDER)

# %% [markdown]
# What was trained lies in the experiment's folder as an ordinary model. Summaries are written, scored and compared;
# `compare` alone would do all of it. The loss of every optimizer step, and on the validation dialogues:

# %%
dialora.generate(only("zero_shot", "full"), output=FOLDER)
dialora.score(only("zero_shot", "full"), output=FOLDER)
instruct = dialora.compare(only("zero_shot", "full"), output=FOLDER)
instruct.plot("loss")

# %% [markdown]
# ### 4.1 Read
#
# First by eye. Underlined is a name, number, time, price or speaker that a summary has and its dialogue has not. The
# dialogue on which the two systems' ROUGE-1 differs most comes first, which flatters whoever is ahead; two at random
# keep one honest.

# %%
instruct.examples(1)

# %%
instruct.examples(2, sort="random", seed=1)

# %% [markdown]
# ### 4.2 ROUGE
#
# Then by ROUGE over all test dialogues, each number with its 95 % interval over dialogues. Three rows below the systems
# say what the numbers are worth: people, each human summary scored against the others, and two floors that write
# nothing and copy two turns.

# %%
SCORES = ["rouge1", "rouge1_low", "rouge1_high", "rouge2", "rougeL", "rougeLsum"]
instruct.frame()[SCORES].round(4)

# %% [markdown]
# ## 5. LoRA
#
# LoRA leaves the base model as it is and trains, for each chosen matrix $W$, a product of two thin ones: $W + BA$ with
# $B$ of rank $r$. Here that is $r = 32$ on the queries and values (`q`, `v`) of every attention. How many weights that
# trains is known before anything is trained: $r \cdot (d_{in} + d_{out})$ for each matrix.

# %%
lora = settle(EXPERIMENT).methods["lora"]  # with the layers that are adapted in this base
print(f"r = {lora.r}, alpha = {lora.lora_alpha}, dropout = {lora.lora_dropout}, on {', '.join(lora.target_modules)}")

matrices = [part for name, part in base.named_modules() if name.split(".")[-1] in lora.target_modules]
by_hand = sum(lora.r * (matrix.in_features + matrix.out_features) for matrix in matrices)
print(f"{len(matrices)} matrices, {by_hand:,} weights to train")

# %%
dialora.params(EXPERIMENT)

# %% [markdown]
# ### 5.1 Train the adapter
#
# What is trained already stays; only LoRA is missing.

# %%
dialora.train(EXPERIMENT, output=FOLDER)
comparison = dialora.compare(EXPERIMENT, output=FOLDER)
comparison.plot("loss")

# %% [markdown]
# What was trained is an ordinary adapter. Plain `peft` loads it onto the base model, and it writes what was compared:

# %%
adapter = next(Path(FOLDER).glob("lora-s0-*")) / "training"
peft_model = PeftModel.from_pretrained(base, adapter)

first = comparison.examples(ids=[one.id for one in dataset.test[:8]])
again = [summarize(peft_model, one.dialogue) for one in first]
same = sum(one.summaries["lora"] == text for one, text in zip(first, again, strict=True))
print(f"{same} of {len(again)} summaries are the same")

# %% [markdown]
# It can be trained on, too. Ten steps on one batch with nothing but `torch` and `peft`, padding masked with -100 so
# that it is not learned; the base model's weights stay as they are.

# %%
peft_model = PeftModel.from_pretrained(dialora.load_model(EXPERIMENT), adapter, is_trainable=True)
peft_model.print_trainable_parameters()

batch = dataset.train[:8]
inputs = tokenizer(
    [EXPERIMENT.prompt.replace("{dialogue}", one.dialogue) for one in batch], padding=True, return_tensors="pt"
)
labels = tokenizer([one.references[0] for one in batch], padding=True, return_tensors="pt").input_ids
labels[labels == tokenizer.pad_token_id] = -100

optimizer = torch.optim.AdamW((w for w in peft_model.parameters() if w.requires_grad), lr=lora.learning_rate / 10)
losses = []
for _ in range(10):
    loss = peft_model(**inputs, labels=labels).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    losses.append(loss.item())
print(f"loss of the batch: {losses[0]:.3f} → {losses[-1]:.3f}")

# %% [markdown]
# ### 5.2 Read
#
# All three systems side by side: where they disagree most, and two at random.

# %%
comparison.examples(2)

# %%
comparison.examples(2, sort="random", seed=2)

# %% [markdown]
# Reading a handful tells what kinds of errors there are, and hardly which system is better: one knows whose summary
# one reads, and a few dialogues are few. For a judgement that counts, `dialora study` draws dialogues, hides the names
# and balances the positions.
#
# ### 5.3 ROUGE

# %%
comparison.frame()[SCORES].round(4)

# %%
comparison.plot("scores")

# %% [markdown]
# What each gained over the untrained model, and what LoRA lost or gained against full fine-tuning, in ROUGE-1 points
# over the same dialogues. A difference is clear where its interval leaves out zero and the test, corrected for the
# number of pairs, agrees.

# %%
for a, b in (("full", "zero_shot"), ("lora", "zero_shot"), ("lora", "full")):
    found = comparison.difference(a, b)
    low, high = 100 * found.ci_low, 100 * found.ci_high
    sure = "clear" if found.is_clear else "could be chance"
    print(f"{a} − {b}: {100 * found.difference:+.1f} [{low:+.1f}, {high:+.1f}], {sure}")

# %% [markdown]
# ## 6. What is sure
#
# The verdict puts it together: what LoRA gives away against full fine-tuning, at which share of weights and time, and
# how large a difference would have to be for so many dialogues to show it. Of all that stands here, times are the least
# sure: they are this machine's, and whatever else it was doing is in them.

# %%
print(comparison.verdict.replace(". ", ".\n"))

# %% [markdown]
# Quality against every cost that was measured:

# %%
comparison.plot("tradeoff")

# %% [markdown]
# For a paper or a README there is `to_latex()`, `to_markdown()` and `to_csv()`. A mean is bold only where it is clearly
# the best, so often none is.

# %%
print(comparison.to_latex(caption="Summaries of test dialogues", label="tab:summaries"))

# %% [markdown]
# The whole report, with every summary side by side, lies in the experiment's folder as `report.html`.
