"""An experiment end to end: its data read, its runs laid out, made in processes of their own, scored and reported.

Takes an ExperimentConfig, gives a Comparison; what it did lies in the experiment's folder (see `store`). Guarantees
that a stage is done once, that a kill loses at most a checkpoint's worth of work, and that an interrupted experiment
ends with the numbers of an undisturbed one.
"""
