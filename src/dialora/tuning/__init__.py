"""The search for each method's learning rate: the same budget and rules for every method.

`rules` decides which rate is tried next and which one is chosen, `trials` knows what lies on disk, `trial` makes one.
Nothing is drawn: a search that was killed goes on from the trials that are there. Only `trial` imports torch.
"""
