"""The recipe of the embedded base model: corpora in, a small T5 that follows dialogue instructions out.

Stages, one module each: `corpora` reads dialogues, `summaries` and `reports` write summaries for dialogues
that have none, `tasks` turns dialogues into rows, `tokenizer` learns the vocabulary, `rows` keeps the
tokenised rows, `network` builds and exports the model, `pretrain` trains it, `probe` measures it.
"""
