"""Tokenizers as models on the hub have them: the kind of pieces, special tokens, files and settings of each, trained
on a few dialogues.

A tokenizer.json says all of how a text is cut, whatever class tokenizer_config.json names beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import DIALOGUES

GPT4_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_WORDS = GPT4_WORDS.replace(r"\p{N}{1,3}", r"\p{N}")
NUM_PIECES = 420


def write_tokenizer(folder: Path, kind: str, settings: dict[str, Any], **files: Any) -> dict[str, int]:
    """Write a kind of tokenizer with its settings, and other files by name; returns the ids of its pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = KINDS[kind]()
    tokenizer.save(str(folder / "tokenizer.json"))
    for name, content in ({"tokenizer_config.json": settings} | files).items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return dict(tokenizer.get_vocab(with_added_tokens=True))


def read_texts() -> list[str]:
    lines = (DIALOGUES / "train.jsonl").read_text(encoding="utf-8").splitlines()[:40]
    return [json.loads(line)["dialogue"] for line in lines]


def _train_byte_level(
    first: tuple[str, ...] = (),
    last: tuple[str, ...] = (),
    *,
    words: Any = None,
    normalizer: Any = None,
    whole: bool = False,
) -> Any:
    """Byte-level pieces, as GPT-2, BART, Llama 3 and Qwen have them; special tokens stand before or behind the rest."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=whole))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words) if words else level
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=NUM_PIECES,
        special_tokens=list(first),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(read_texts(), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in last])
    return tokenizer


def _split(pattern: str) -> list[Any]:
    from tokenizers import Regex, pre_tokenizers

    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return [pre_tokenizers.Split(Regex(pattern), behavior="isolated"), level]


def train_bart() -> Any:
    from tokenizers import AddedToken, processors

    tokenizer = _train_byte_level(first=("<s>", "<pad>", "</s>", "<unk>"))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def train_gpt2() -> Any:
    return _train_byte_level(last=("<|endoftext|>",))


def train_phi() -> Any:
    return _add_spaces(_train_byte_level(last=("<|endoftext|>",)))


def _add_spaces(tokenizer: Any) -> Any:
    """Add runs of spaces that are tokens and not special, as Phi and Pythia have them for code."""
    tokenizer.add_tokens([" " * size for size in (4, 3, 2)])
    return tokenizer


def train_neox() -> Any:
    from tokenizers import normalizers

    return _add_spaces(_train_byte_level(first=("<|endoftext|>", "<|padding|>"), normalizer=normalizers.NFC()))


def train_smollm2() -> Any:
    from tokenizers import pre_tokenizers

    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>")
    words = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    return _train_byte_level(first=special, words=words)


def train_llama3() -> Any:
    from tokenizers import processors

    names = ("begin_of_text", "end_of_text", "eom_id", "eot_id", "start_header_id", "end_header_id")
    tokenizer = _train_byte_level(last=tuple(f"<|{name}|>" for name in names), words=_split(GPT4_WORDS), whole=True)
    begin = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    template = processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[begin])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer


def train_smollm3() -> Any:
    names = ("begin_of_text", "end_of_text", "im_start", "im_end", "finetune_right_pad_id")
    tokenizer = _train_byte_level(last=tuple(f"<|{name}|>" for name in names), words=_split(GPT4_WORDS), whole=True)
    tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


def train_olmo2() -> Any:
    return _train_byte_level(last=("<|endoftext|>", "<|endofprompt|>", "<|pad|>"), words=_split(GPT4_WORDS))


def train_qwen() -> Any:
    from tokenizers import normalizers

    tokenizer = _train_byte_level(
        last=("<|endoftext|>", "<|im_start|>", "<|im_end|>"), words=_split(QWEN_WORDS), normalizer=normalizers.NFC()
    )
    tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


def _train_fallback(
    first: tuple[str, ...], last: tuple[str, ...] = (), *, is_gemma: bool = False, rstrip: bool = False
) -> Any:
    """Pieces with spaces as ▁, and bytes where there is none, as Llama 2 and Gemma have them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    marked = [normalizers.Replace(" ", "▁")]
    trained.normalizer = normalizers.Sequence(marked if is_gemma else [normalizers.Prepend("▁"), *marked])
    trained.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")  # in training alone, which is slow
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=NUM_PIECES + 256, special_tokens=[*first, *bytes_], show_progress=False)
    trained.train_from_iterator(read_texts(), trainer)
    model = json.loads(trained.to_str())["model"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab=model["vocab"],
            merges=[tuple(pair) for pair in model["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = marked[0] if is_gemma else trained.normalizer
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps if is_gemma else [*steps, decoders.Strip(" ", 1, 0)])
    if is_gemma:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in first])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True, rstrip=rstrip) for token in last])
    return _close(tokenizer, "<bos> $A" if is_gemma else "<s> $A")


def train_llama2() -> Any:
    return _train_fallback(("<unk>", "<s>", "</s>"))


def train_mistral() -> Any:
    return _train_fallback(("<unk>", "<s>", "</s>", "[INST]", "[/INST]"))


def train_phi3() -> Any:
    """Phi-3's special tokens swallow what space follows them."""
    names = ("endoftext", "assistant", "placeholder1", "system", "end", "user")
    return _train_fallback(("<unk>", "<s>", "</s>"), tuple(f"<|{name}|>" for name in names), rstrip=True)


def train_gemma() -> Any:
    return _train_fallback(
        ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"), is_gemma=True
    )


def train_gemma3() -> Any:
    """Gemma 3's last token stands for an image, and models of text alone have no row for it."""
    first = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>")
    return _train_fallback(first, ("<image_soft_token>",), is_gemma=True)


def _train_unigram(first: list[str], last: tuple[str, ...], single: str, *, unk: str = "<unk>") -> Any:
    """Pieces with a probability each, as T5, Pegasus and mBART have them."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(r" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=NUM_PIECES, special_tokens=first, unk_token=unk, show_progress=False)
    tokenizer.train_from_iterator(read_texts(), trainer)
    tokenizer.add_special_tokens(list(last))
    return _close(tokenizer, single)


def _close(tokenizer: Any, single: str) -> Any:
    """Let a tokenizer put special tokens around a text."""
    from tokenizers import processors

    special = [(token, tokenizer.token_to_id(token)) for token in single.split() if token != "$A"]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=special)
    return tokenizer


def train_t5() -> Any:
    return _train_unigram(
        ["<pad>", "</s>", "<unk>"], tuple(f"<extra_id_{at}>" for at in reversed(range(100))), "$A </s>"
    )


def train_pegasus() -> Any:
    masks = ["<mask_1>", "<mask_2>", *(f"<unk_{at}>" for at in range(2, 103))]
    return _train_unigram(["<pad>", "</s>", *masks, "<unk>"], (), "$A </s>")


def train_mbart50() -> Any:
    from tokenizers import Tokenizer

    plan = json.loads(_train_unigram(["<s>", "<pad>", "</s>", "<unk>"], (), "$A </s>").to_str())
    names, pieces = ["ar_AR", "de_DE", "en_XX", "<mask>"], plan["model"]["vocab"]
    pieces.extend([name, 0.0] for name in names)
    tokenizer = Tokenizer.from_str(json.dumps(plan))
    tokenizer.add_special_tokens(names)
    return _close(tokenizer, "en_XX $A </s>")


KINDS: dict[str, Callable[[], Any]] = {
    name.removeprefix("train_"): make for name, make in list(globals().items()) if name.startswith("train_")
}
