"""Base models and what is put on them: found, loaded, adapted, merged, counted, saved.

Takes an experiment's configuration, gives models in fp32 with their tokenizers. Guarantees that every weight comes from
the checkpoint and none of its code runs, that output head and embedding stay what the checkpoint says, that merging is
undone to the last bit, and that what is saved is an ordinary `transformers` or `peft` folder in safetensors.
`checkpoint` and `network` load neither torch nor transformers.
"""
