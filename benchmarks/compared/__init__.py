"""What is compared: dialora's side, the alternatives as their users write them, and what is divided by what.

`ours` is the one file to change when a stage of dialora changes; `notebook`, `best_practice` and `evaluate_rouge` are
what people use today; `ratios` and `notes.yaml` hold the bars, and why one is missed.
"""
