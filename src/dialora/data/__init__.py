"""From a source to batches: files or a hub id → rows → Examples → token ids; and what is odd in them.

Takes a DataConfig. Guarantees that every row is accounted for, that each distinct dialogue stands once in a split,
and that the same data give the same examples and batches. `reading` turns a source into rows, `examples` rows into
Examples, `tokens` Examples into batches; `quality` looks for what would spoil a comparison.
"""
