"""What a piece of work takes: memory, time, energy, and the machine that does it.

One place that resets and reads; every other room takes its numbers from here. A fact that cannot be measured is None.
"""
