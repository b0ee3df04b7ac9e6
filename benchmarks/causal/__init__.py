"""A causal model's training steps beside those of `Trainer`, step by step in turns: `python -m benchmarks.causal`."""
