"""Learn a small unigram vocabulary in T5's form and save it so that `AutoTokenizer` loads it.

Ids: 0 `<pad>`, 1 `</s>`, 2 `<unk>`, then the pieces, then the 100 sentinels with `<extra_id_0>` last, as
in T5. Like T5's own normaliser it turns newlines into spaces. Unlike T5's, it writes curly quotes as
straight ones and drops outer spaces, so that the space after "Summary: " costs nothing. `#Person1#` to `#Person7#`
are single pieces, not added tokens: an added token would swallow or invent the spaces around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

PAD, EOS, UNK = "<pad>", "</s>", "<unk>"
SENTINELS = [f"<extra_id_{i}>" for i in reversed(range(100))]
SPEAKERS = [f"#Person{i}#" for i in range(1, 8)]
ALPHABET = [chr(code) for code in range(33, 127)] + ["\u2581", "£", "€", "é", "°"]

# Words, numbers and single signs: without this "pm." and "Hi," would become pieces of their own.
WORD = r"\u2581?#Person[1-7]#|\u2581?\p{L}+(?:'\p{L}+)?|\u2581?'\p{L}+|\u2581?\p{N}+|\u2581?[^\p{L}\p{N}\u2581]|\u2581"


def build_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Train on `texts` and return a tokenizer of at most `vocab_size` entries that appends `</s>`."""
    core = Tokenizer(models.Unigram())
    core.normalizer = _normalizer()
    split = pre_tokenizers.Split(Regex(WORD), "isolated")
    core.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="always"), split])
    whole = [piece for speaker in SPEAKERS for piece in ("\u2581" + speaker, speaker)]
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size - len(whole) - len(SENTINELS),
        special_tokens=[PAD, EOS, UNK],
        unk_token=UNK,
        initial_alphabet=ALPHABET,
        max_piece_length=16,
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return _wrap(_with_pieces(core, whole))


def _normalizer() -> normalizers.Normalizer:
    straight = [
        normalizers.Replace(Regex("[\u2018\u2019`]"), "'"),
        normalizers.Replace(Regex("[\u201c\u201d]"), '"'),
    ]
    steps = [normalizers.Nmt(), normalizers.NFKC(), *straight, normalizers.Replace(Regex(r"\s+"), " ")]
    return normalizers.Sequence([*steps, normalizers.Strip()])


def _with_pieces(core: Tokenizer, whole: list[str]) -> Tokenizer:
    """Add `whole` to the vocabulary with the best score there is, so that they always win."""
    state = json.loads(core.to_str())
    vocab = [entry for entry in state["model"]["vocab"] if "#Person" not in entry[0]]
    state["model"]["vocab"] = vocab + [[piece, 0.0] for piece in whole] + [[s, -20.0] for s in SENTINELS]
    state["model"]["unk_id"] = 2
    return Tokenizer.from_str(json.dumps(state))


def _wrap(core: Tokenizer) -> PreTrainedTokenizerFast:
    core.decoder = decoders.Metaspace(prepend_scheme="always")
    core.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", pair=f"$A {EOS} $B {EOS}", special_tokens=[(EOS, 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        additional_special_tokens=SENTINELS[::-1],
        model_max_length=512,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, with a class name that v4 and v5 both know."""
    tokenizer.save_pretrained(str(folder))
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
