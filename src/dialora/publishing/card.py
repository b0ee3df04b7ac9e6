"""The card of a published system: README.md, from what is known of its run.

Pure: takes RunFacts, gives Markdown behind the hub's metadata. Every number is the report's; text from data is escaped,
so that it neither opens markup nor ends a cell, a fence or the metadata.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from dialora.comparison.faithfulness import HUMAN, SystemFaithfulness
from dialora.config import BUNDLED
from dialora.models.bases import load_family
from dialora.models.usage import render_usage
from dialora.printable import clean_all
from dialora.publishing.choices import Choices
from dialora.publishing.metadata import build_metadata, clean_line
from dialora.publishing.run_facts import RunFacts
from dialora.report import numbers
from dialora.report.known_data import describe_known_data
from dialora.report.licences import describe_terms, find_works
from dialora.report.markdown import escape_markdown, render_table
from dialora.report.origins import Origin, find_base_origin, find_data_origin
from dialora.report.paper import build_paper_table
from dialora.report.tables import name_metric, split_verdict

FEW = 1000
"""Training pairs below which a card says that they are few."""


def render_card(facts: RunFacts, choices: Choices) -> str:
    """Return README.md. Raises ModelError."""
    title = clean_line(f"{facts.system.label} for dialogue summaries")
    front = yaml.safe_dump(build_metadata(facts, choices), sort_keys=False, allow_unicode=True, width=10_000)
    parts = [
        f"# {escape_markdown(title)}",
        _render_lead(facts),
        "## Licence",
        _render_list(describe_terms(find_works(facts.config), choices.licence)),
        "## How good it is",
        *_render_results(facts),
        "## How to use it",
        *_render_usage(facts, choices),
        "## What it cannot do",
        _render_list(describe_limits(facts)),
        "## How it was made",
        _render_list(_describe_making(facts)),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _render_lead(facts: RunFacts) -> str:
    base = _link(find_base_origin(facts.config), "https://huggingface.co/")
    data = _link(find_data_origin(facts.config), "https://huggingface.co/datasets/")
    num = numbers.format_count(facts.comparison.num_examples)
    what = f"An adapter for {base}" if facts.is_adapter else f"A fine-tuned copy of {base}"
    return (
        f"Summarizes dialogues. {what}, trained with method `{facts.system.method}` on {data}, and compared by dialora "
        f"with the other systems below on the same {num} test dialogues."
    )


def _link(origin: Origin, hub: str) -> str:
    name = escape_markdown(clean_line(origin.full_name))
    return f"[{name}]({hub}{origin.hub_id})" if origin.hub_id is not None else name


def _render_results(facts: RunFacts) -> list[str]:
    comparison = clean_all(facts.comparison)
    headline, rest = split_verdict(comparison)
    verdict = [f"**{escape_markdown(headline)}**", *([""] if rest else []), *(f"- {escape_markdown(s)}" for s in rest)]
    row = f"This is **{escape_markdown(facts.system.full_label)}** in the table."
    if len(facts.system.seeds) > 1:
        seeds = ", ".join(map(str, facts.system.seeds))
        means = {name_metric(metric): facts.find_own_mean(metric) for metric in facts.system.scores}
        own = ", ".join(f"{name} {numbers.format_score(mean)}" for name, mean in means.items())
        row += (
            f" It has the means of seeds {seeds}; these weights are those of seed {facts.seed}: {escape_markdown(own)}."
        )
    return [
        "\n".join(f"> {line}".rstrip() for line in verdict),
        clean_line(row),
        render_table(build_paper_table(comparison), has_title=False),
    ]


def _render_usage(facts: RunFacts, choices: Choices) -> list[str]:
    config, is_adapter = facts.config, facts.is_adapter
    name, is_lost = find_base_origin(config).name, is_adapter and choices.needs_folder(config)
    code = render_usage(
        config,
        facts.prompt,
        facts.special,
        is_adapter=is_adapter,
        folder=choices.repo or ".",
        base=name if is_lost else None,
    )
    needs = f"{'peft ' if is_adapter else ''}transformers torch"
    needs += " dialora" if is_adapter and config.model == BUNDLED else ""
    notes = []
    if is_lost:
        notes.append(
            f"It goes on the base {escape_markdown(clean_line(name))}, which is not on the hub: without that "
            "folder nobody can use it."
        )
    if config.methods[facts.key].name == "qlora":
        notes.append("Its base was kept in four bits; on the whole base, as here, it writes other words now and then.")
    if load_family(config).is_causal and config.decoding.no_repeat_ngram_size:
        size = config.decoding.no_repeat_ngram_size
        notes.append(
            f"When it was scored, no {size} tokens stood twice in a summary, which plain `generate` cannot do."
        )
    notes.append(f"`pip install {needs}`{'' if choices.repo else ', in this folder'}:")
    after = (
        f"Sources longer than {config.data.max_source_length:,} tokens were cut at the end of the dialogue. `dialora "
        "summarize --system` takes long dialogues in parts, gives speakers their names back and writes in batches."
    )
    return [" ".join(notes), f"```python\n{code}\n```", after]


def describe_limits(facts: RunFacts) -> list[str]:
    """Say what the system cannot do, as far as its numbers show it; plain sentences."""
    made, num = facts.written, facts.comparison.num_examples
    rows = {row.key: row for row in facts.faithfulness}
    limits = _describe_unfaithful(rows.get(facts.key), rows.get(HUMAN))
    num_pairs = facts.trained["data"]["num_pairs"]
    few = ", which are few" if num_pairs < FEW else ""
    limits.append(
        f"It was trained on {numbers.format_count(num_pairs)} pairs of dialogue and summary{few}. "
        "On dialogues of another kind, about other things or in another language than theirs, nothing is known of it."
    )
    if made["num_truncated"]:
        limits.append(
            f"It reads at most {facts.config.data.max_source_length:,} tokens: the end of {made['num_truncated']} of "
            f"{num} test dialogues was cut, and what is said there cannot be in a summary."
        )
    if made["num_cut"]:
        verb = "was" if made["num_cut"] == 1 else "were"
        limits.append(
            f"{made['num_cut']} of {num} test summaries {verb} cut at {facts.config.decoding.max_new_tokens} tokens."
        )
    if made["num_empty"]:
        limits.append(f"It wrote nothing for {made['num_empty']} of {num} test dialogues.")
    if len(facts.system.seeds) == 1:
        limits.append("One training is behind these numbers: they speak of these weights, not of the method.")
    limits.append(
        "ROUGE counts words that a summary shares with people's; it does not see whether what it says is true."
    )
    limits.append("Do not let it decide anything about people.")
    return limits


def _describe_unfaithful(own: SystemFaithfulness | None, people: SystemFaithfulness | None) -> list[str]:
    if own is None or (interval := own.measures["unsupported"]) is None:
        return ["How often it says what a dialogue does not was not measured."]
    share, bounds = numbers.format_share(interval.mean), numbers.format_bounds(interval, scale=100, digits=1)
    text = (
        f"It makes things up: {share} {bounds} of its test summaries hold a name, number, time, price or speaker that "
        "the dialogue does not"
    )
    theirs = None if people is None else people.measures["unsupported"]
    text += "" if theirs is None else f" (people's: {numbers.format_share(theirs.mean)})"
    said = [f"{text}. This is found by rules for English, which see only a part of what can be wrong."]
    if own.num_role_claims and (swapped := own.measures["swapped"]) is not None and swapped.mean > 0:
        said.append(
            f"It mixes up who did what: {numbers.format_share(swapped.mean)} of {own.num_role_claims} claims about who "
            "asked or told that the dialogue decides are the wrong way round."
        )
    return said


def _describe_making(facts: RunFacts) -> list[str]:
    config, result, cost = facts.config, facts.trained["result"], facts.trained["cost"]
    method = config.methods[facts.key]
    options = method.list_options()
    said = ", ".join(f"{name} {value}" for name, value in options.items() if value is not None)
    splits = ", ".join(f"{numbers.format_count(split['examples'])} {name}" for name, split in facts.splits.items())
    versions = facts.trained["environment"]
    named = ("dialora", "torch", "transformers", "peft")
    lines = [
        f"Method {facts.system.method}" + (f": {said}" if said else ""),
        f"Dialogues: {splits}",
        f"{numbers.format_count(cost['trainable_params'])} of {numbers.format_count(cost['total_params'])} parameters "
        f"trained in {numbers.format_count(result['num_steps'])} steps, multiplied in {result['precision']}, seed "
        f"{facts.seed}, {numbers.format_duration(result['train_seconds'])}",
        f"Protocol of the scores: {facts.comparison.protocol}",
        *describe_known_data(config),
        "Versions: " + ", ".join(f"{name} {versions[name]}" for name in named if name in versions),
    ]
    return [facts.hide(line) for line in lines]


def _render_list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {escape_markdown(clean_line(sentence))}" for sentence in sentences)


__all__ = ["describe_limits", "render_card"]
