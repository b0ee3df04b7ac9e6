"""What a piece of work takes: memory, time, energy, and the machine that does it.

The numbers of results come from here and from nowhere else. A fact that cannot be measured is None.
"""
