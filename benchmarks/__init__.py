"""Dialora against what people use today, on the same work, model, data and machine: `python -m benchmarks`."""
