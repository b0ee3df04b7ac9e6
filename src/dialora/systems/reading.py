"""Items → what the system reads of them: text in its own style, as token ids, in one part or several.

A conversation of turns is written with tags or names, as the system's training data had them; a text stays as it is.
What is too long is cut between turns (or lines), and a turn that is too long by itself at the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dialora.data.tokens import TokenizedSource, build_prompt, count_source_tokens, tokenize_sources
from dialora.data.transcripts import Conversation, Dialogue, Style, Turn, restore_names, to_dialogue
from dialora.errors import DataError
from dialora.systems.items import Item
from dialora.systems.kinds.system import System
from dialora.systems.options import SummaryOptions
from dialora.systems.splitting import cut_text, split_evenly

UNKNOWN_STYLE: Style = "names"
"""How speakers are called for a system whose training dialogues are not known."""
_TAG = re.compile(r"#Person\d+#")
_CUT = 2
"""A turn that is longer than a part is cut into pieces of at most a part's share, one by so many."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is read at a time."""

    text: str
    names: Mapping[str, str]
    """The name behind each label of the text."""
    source: TokenizedSource


@dataclass(frozen=True, slots=True)
class ReadItem:
    """An item as the system reads it."""

    item: Item
    whole: Dialogue
    parts: tuple[Part, ...]
    """None where nothing is said."""

    @property
    def is_truncated(self) -> bool:
        """Some of it is not read."""
        return any(part.source.truncated for part in self.parts)


class ItemReader:
    """Makes items into what one system reads."""

    def __init__(self, system: System, options: SummaryOptions, on_warning: Callable[[str], None]) -> None:
        self.system, self.options = system, options
        self.length = system.config.data.max_source_length
        self.style = options.speakers or system.style or UNKNOWN_STYLE
        self._on_warning = on_warning
        self._is_style_known = bool(options.speakers or system.style)

    def read(self, items: Sequence[Item]) -> list[ReadItem]:
        """Return what is read of each item. Raises DataError where one is too long and `on_long` is `error`."""
        whole = [self._write(item.content) for item in items]
        said = [at for at, dialogue in enumerate(whole) if dialogue.text]
        sources = dict(zip(said, self.tokenize([whole[at].text for at in said]), strict=True))
        return [
            ReadItem(item, dialogue, self._divide(item, dialogue, sources[at]) if at in sources else ())
            for at, (item, dialogue) in enumerate(zip(items, whole, strict=True))
        ]

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedSource]:
        """Return texts in the prompt as token ids, cut at what is read."""
        return tokenize_sources(texts, self.system.tokenizer, prompt=self.system.prompt, max_length=self.length)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts in the prompt, nothing cut."""
        return count_source_tokens(texts, self.system.tokenizer, prompt=self.system.prompt)

    def measure(self, content: Conversation | str) -> tuple[int, int]:
        """Return how many tokens are read of a conversation or text, prompts included, and in how many parts."""
        (one,) = self.read([Item(1, "", "", content)])
        return sum(len(part.source.input_ids) for part in one.parts), len(one.parts)

    def show(self, part: Part) -> str:
        """Return the exact text that goes in; of what is cut, that of its tokens."""
        prompt = self.system.prompt
        if part.source.truncated or prompt.begin_ids:
            return str(self.system.tokenizer.decode(part.source.input_ids, clean_up_tokenization_spaces=False))
        return build_prompt(part.text, prompt.text)

    def read_again(self, text: str, names: Mapping[str, str]) -> tuple[Part, ...]:
        """Return the parts of a text that the system wrote itself, a line for each of the parts before.

        Its tags are the labels of `names`, and are numbered anew: a system is used to a #Person1# in every dialogue.
        """
        tags = dict.fromkeys(_TAG.findall(text)) if any(map(_TAG.fullmatch, names)) else ()
        own = {tag: f"#Person{number}#" for number, tag in enumerate(tags, start=1)}
        text = restore_names(text, own)
        (source,) = self.tokenize([text])
        parts = self._split(text) if source.truncated else (Part(text, {}, source),)
        named = {label: names.get(tag, tag) for tag, label in own.items()}
        return tuple(
            replace(part, names={label: name for label, name in named.items() if label in part.text}) for part in parts
        )

    def _write(self, content: Conversation | str) -> Dialogue:
        if isinstance(content, str):
            return Dialogue(content, {})
        if not self._is_style_known:
            self._is_style_known = True
            self._on_warning(
                f"{self.system.name}: how its training dialogues call speakers is not known, so it reads names; "
                f"--speakers person_tags writes #Person1#, as in DialogSum."
            )
        return to_dialogue(content, self.style)

    def _divide(self, item: Item, whole: Dialogue, source: TokenizedSource) -> tuple[Part, ...]:
        if source.truncated and self.options.on_long == "error":
            (length,) = self.count([whole.text])
            raise DataError(
                f"{item.source or 'dialogue'}: {item.id}: has {length:,} tokens in its prompt, and {self.system.name} "
                f"reads {self.length:,}; --on-long split summarizes it in parts."
            )
        if source.truncated and self.options.on_long == "split":
            return self._split(item.content)
        return (Part(whole.text, whole.names, source),)

    def _split(self, content: Conversation | str) -> tuple[Part, ...]:
        """Return what is too long in parts that are not cut."""
        around = self.count([""])[0]
        capacity = self.length - around
        if capacity < 1:
            raise DataError(f"{self.system.name}: reads {self.length} tokens, which its prompt ({around}) fills alone.")
        while True:
            units = self._list_units(content, capacity)
            sizes = [
                max(1, size - around) for size in self.count([self._write_units(content, [one]).text for one in units])
            ]
            parts = split_evenly(sizes, max(capacity, *sizes))
            dialogues = [self._write_units(content, units[part.start : part.stop]) for part in parts]
            sources = self.tokenize([dialogue.text for dialogue in dialogues])
            # Tokens of a whole are not quite the sum of its parts'.
            if not any(source.truncated for source in sources) or capacity <= 1:
                return tuple(
                    Part(dialogue.text, dialogue.names, source)
                    for dialogue, source in zip(dialogues, sources, strict=True)
                )
            capacity = capacity * 9 // 10

    def _list_units(self, content: Conversation | str, capacity: int) -> list[Turn | str]:
        """Return the turns of a conversation, or lines of a text, those cut that are longer than a part."""
        turns: Sequence[Turn | str] = content.turns if isinstance(content, Conversation) else content.split("\n")
        texts = [self._write_units(content, [turn]).text for turn in turns]
        around = self.count([""])[0]
        units: list[Turn | str] = []
        for turn, size in zip(turns, self.count(texts), strict=True):
            if size - around <= capacity:
                units.append(turn)
                continue
            label = size - around - self._count(turn if isinstance(turn, str) else turn.text)
            most = max(1, capacity // _CUT - max(0, label))
            pieces = cut_text(turn if isinstance(turn, str) else turn.text, most, self._count)
            units += pieces if isinstance(turn, str) else [replace(turn, text=piece) for piece in pieces]
        return units

    def _count(self, text: str) -> int:
        """Count the tokens of a text by itself."""
        with_text, around = self.count([text, ""])
        return with_text - around

    def _write_units(self, content: Conversation | str, units: Sequence[Turn | str]) -> Dialogue:
        if isinstance(content, str):
            return Dialogue("\n".join(str(unit) for unit in units), {})
        turns = tuple(unit for unit in units if isinstance(unit, Turn))
        return to_dialogue(replace(content, turns=turns), self.style)


__all__ = ["ItemReader", "Part", "ReadItem"]
