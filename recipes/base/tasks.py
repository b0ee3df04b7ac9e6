"""Turn dialogues into rows of text: an instruction with a dialogue, and the answer.

Every task is a function of a window of turns and a random generator and returns (source, target) or None
where the window does not suit it. Speakers are `#Person1#`, `#Person2#` in seven windows of ten, names in
the rest.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

from recipes.base.corpora import Dialogue, Turn
from recipes.base.lexicon import FIRST_NAMES
from recipes.base.reports import report_dialogue
from recipes.base.summaries import compose_summary

Row = tuple[str, str]
DEFAULT_PROMPT = "Summarize the following conversation.\n\n{d}\n\nSummary: "
PROMPTS = (
    "Summarize this dialogue.\n\n{d}",
    "What is this conversation about?\n\n{d}",
    "Write a short summary of the dialogue.\n\n{d}\n\nSummary: ",
    "{d}\n\nBriefly summarize that dialogue.",
    "Here is a dialogue:\n\n{d}\n\nWrite a short summary!",
    "Tell me what happens in the conversation below.\n\n{d}",
    "Dialogue:\n{d}\n\nWhat was going on?",
)
RETELL = ("Retell the conversation in the third person.", "Report who says what.", "Tell what the speakers say.")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def render(turns: Sequence[Turn]) -> str:
    """Write one turn per line."""
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in turns)


def cut_window(dialogue: Dialogue, rng: random.Random, words: int) -> list[Turn]:
    """Return consecutive turns of at most about `words` words, half of the time from the beginning."""
    start = 0 if rng.random() < 0.5 else rng.randrange(max(1, len(dialogue.turns) - 3))
    window: list[Turn] = []
    for turn in dialogue.turns[start : start + 14]:
        said = turn.text.split()
        if window and sum(len(t.text.split()) for t in window) + min(len(said), 60) > words:
            break
        window.append(Turn(turn.speaker, " ".join(said[:60]), turn.acts))
    return window


def name_speakers(turns: Sequence[Turn], rng: random.Random) -> dict[str, str]:
    """Choose a label for each speaker: numbered persons, the real names or invented ones."""
    speakers = list(dict.fromkeys(turn.speaker for turn in turns))
    if len(speakers) <= 7 and rng.random() < 0.7:
        return {speaker: f"#Person{i}#" for i, speaker in enumerate(speakers, 1)}
    if speakers[0].istitle():
        return {speaker: speaker for speaker in speakers}
    return dict(zip(speakers, rng.sample(FIRST_NAMES, len(speakers)), strict=True))


def relabel(turns: Sequence[Turn], labels: dict[str, str]) -> list[Turn]:
    """Return the turns with each speaker's label."""
    return [Turn(labels[turn.speaker], turn.text, turn.acts) for turn in turns]


def _window(dialogue: Dialogue, rng: random.Random, words: tuple[int, int] = (50, 190)) -> list[Turn]:
    turns = cut_window(dialogue, rng, rng.randint(*words))
    return relabel(turns, name_speakers(turns, rng))


def copy_text(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Repeat a short stretch letter for letter."""
    words = render(_window(dialogue, rng)).split()
    start = rng.randrange(max(1, len(words) - 30))
    text = " ".join(words[start : start + rng.randint(8, 38)])
    return rng.choice(("Repeat the following text.", "Copy:", "Repeat:")) + "\n\n" + text, text


def recall(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Find one or more turns again and repeat them."""
    turns = _window(dialogue, rng, (25, 150))
    if len(turns) < 3:
        return None
    kind, at = rng.randrange(5), rng.randrange(len(turns))
    speaker = turns[at].speaker
    own = [turn.text for turn in turns if turn.speaker == speaker]
    if kind == 0 and at < len(ORDINALS):
        task, answer = f"Repeat the {ORDINALS[at]} turn.", f"{speaker}: {turns[at].text}"
    elif kind == 1:
        which = rng.choice(("first", "last"))
        task, answer = f"What does {speaker} say {which}?", own[0 if which == "first" else -1]
    elif kind == 2 and at + 1 < len(turns):
        opening = " ".join(turns[at].text.split()[:8])
        task, answer = f'What is the reply to "{opening}"?', render(turns[at + 1 : at + 2])
    elif kind == 3:
        task, answer = "Repeat the last two turns in reverse order.", render(turns[:-3:-1])
    else:
        task, answer = f"What did {speaker} say?", " ".join(own)
    return f"{task}\n\n{render(turns)}", answer


def continue_dialogue(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Write the turns that follow."""
    turns = _window(dialogue, rng, (70, 220))
    if len(turns) < 4:
        return None
    at = rng.randint(2, len(turns) - 1)
    return f"Continue the conversation.\n\n{render(turns[:at])}", render(turns[at:])


def missing_turn(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Write the turn that is left out."""
    turns = _window(dialogue, rng)
    if len(turns) < 4:
        return None
    at = rng.randint(1, len(turns) - 2)
    shown = [*turns[:at], Turn(turns[at].speaker, "..."), *turns[at + 1 :]]
    return f"Write the missing turn.\n\n{render(shown)}", render(turns[at : at + 1])


def who_said(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Name the speaker of a sentence."""
    turns = _window(dialogue, rng)
    turn = rng.choice(turns)
    sentence = rng.choice(re.split(r"(?<=[.!?])\s+", turn.text))
    if len(sentence.split()) < 4:
        return None
    return f'Who says "{sentence}"?\n\n{render(turns)}', f"{turn.speaker} says: {sentence}"


def denoise(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Restore words that sentinels replace: a quarter of the words in spans of one to five."""
    words = render(_window(dialogue, rng, (40, 150))).split()
    source: list[str] = []
    target: list[str] = []
    at = count = 0
    while at < len(words):
        if rng.random() < 0.09 and count < 15:
            length = rng.randint(1, 5)
            source.append(f"<extra_id_{count}>")
            target += [f"<extra_id_{count}>", *words[at : at + length]]
            at, count = at + length, count + 1
        source += words[at : at + 1]
        at += 1
    return (" ".join(source), " ".join(target)) if count else None


def _ask_summary(turns: Sequence[Turn], rng: random.Random) -> str:
    prompt = DEFAULT_PROMPT if rng.random() < 0.7 else rng.choice(PROMPTS)
    return prompt.replace("{d}", render(turns))


def composed_summary(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Summarize a task dialogue in words composed from its acts."""
    if dialogue.corpus != "schema_guided":
        return None
    window = cut_window(dialogue, rng, rng.randint(60, 190))
    labels = name_speakers(window, rng)
    if len(labels) < 2:
        return None
    summary = compose_summary(window, rng, user=labels["USER"], system=labels["SYSTEM"])
    return (_ask_summary(relabel(window, labels), rng), summary) if summary else None


def reported_summary(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Summarize a dialogue of two by reporting its one or two most telling sentences."""
    turns, summary = _report(dialogue, rng, rng.choice((1, 1, 2)))
    return (_ask_summary(turns, rng), summary) if 5 <= len(summary.split()) <= 25 else None


def retold(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Tell a dialogue of two in the third person."""
    turns, story = _report(dialogue, rng, rng.choice((2, 3, 3, 4)))
    return (f"{rng.choice(RETELL)}\n\n{render(turns)}", story) if 12 <= len(story.split()) <= 45 else None


def _report(dialogue: Dialogue, rng: random.Random, num_sentences: int) -> tuple[list[Turn], str]:
    if dialogue.corpus in ("convosumm", "qmsum"):  # quoted mail and half sentences make poor reports
        return [], ""
    turns = _window(dialogue, rng)
    return turns, report_dialogue(turns, rng, num_sentences)


def human_summary(dialogue: Dialogue, rng: random.Random) -> Row | None:
    """Give the human summary, with numbered persons in place of names where the source has them."""
    if not dialogue.summary:
        return None
    labels = name_speakers(dialogue.turns, rng)
    target = dialogue.summary
    for name, label in labels.items():
        target = re.sub(rf"\b{re.escape(name)}\b", label, target)
    turns = relabel([Turn(t.speaker, " ".join(t.text.split()[:60])) for t in dialogue.turns], labels)
    if dialogue.query and rng.random() < 0.5:
        return f"{dialogue.query}\n\n{render(turns)}", target
    return _ask_summary(turns, rng), target


TASKS: dict[str, Callable[[Dialogue, random.Random], Row | None]] = {
    "copy": copy_text,
    "recall": recall,
    "continue": continue_dialogue,
    "missing": missing_turn,
    "who": who_said,
    "denoise": denoise,
    "composed": composed_summary,
    "reported": reported_summary,
    "retold": retold,
    "human": human_summary,
}
# Rows per task at full size: as many as 200,000 rows of the mixture visit once.
NUM_ROWS = {
    "copy": 9000, "recall": 24000, "continue": 40000, "missing": 12000, "who": 6000, "denoise": 32000,
    "composed": 24000, "reported": 28000, "retold": 32000, "human": 8000,
}  # fmt: skip


def make_rows(task: str, dialogues: Sequence[Dialogue], num_rows: int, rng: random.Random) -> Iterator[Row]:
    """Yield up to `num_rows` rows of one task; corpora count equally by the square root of their size."""
    groups: dict[str, list[Dialogue]] = {}
    for dialogue in dialogues:
        if task != "human" or dialogue.summary:
            groups.setdefault(dialogue.corpus, []).append(dialogue)
    if not groups:
        return
    weights = [len(group) ** 0.5 * (0.2 if name == "taskmaster" else 1.0) for name, group in groups.items()]
    made = 0
    for _ in range(6 * num_rows):
        if made == num_rows:
            break
        group = rng.choices(list(groups.values()), weights)[0]
        row = TASKS[task](rng.choice(group), rng)
        if row is not None:
            made += 1
            yield row
