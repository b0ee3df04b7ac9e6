"""What a user without dialora does with an adapter or a merged model: a script for any Python with transformers.

Reads {"folder", "base" (of an adapter), "texts", "max_length", "max_new_tokens", "no_repeat_ngram_size", "beams"} as
JSON from standard input, and prints {"transformers", "peft", "ids" (of each text), "new_ids", "summaries"}.
"""

import json
import sys

import torch
import transformers
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer


def main() -> None:
    asked = json.load(sys.stdin)
    folder, base = asked["folder"], asked.get("base")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(base or folder, dtype=torch.float32)
    said = {"transformers": transformers.__version__}
    if base:
        import peft

        said["peft"] = peft.__version__
        model = peft.PeftModel.from_pretrained(model, folder)
    model.eval()
    rows = [tokenizer(text, truncation=True, max_length=asked["max_length"])["input_ids"] for text in asked["texts"]]
    new_ids, scores = [], []
    for row in rows:
        made = model.generate(
            input_ids=torch.tensor([row]),
            attention_mask=torch.ones(1, len(row), dtype=torch.long),
            max_new_tokens=asked["max_new_tokens"],
            no_repeat_ngram_size=asked["no_repeat_ngram_size"],
            num_beams=asked["beams"],
            early_stopping=asked["beams"] > 1,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=asked["beams"] > 1,
        )
        new_ids.append(made.sequences[0, 1:].tolist())
        scores.append(float(made.sequences_scores[0]) if asked["beams"] > 1 else None)
    summaries = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in new_ids]
    json.dump(said | {"ids": rows, "new_ids": new_ids, "scores": scores, "summaries": summaries}, sys.stdout)


if __name__ == "__main__":
    main()
