"""What a batch job and an experiment take on many workers: measured parts, a model of the whole, and its checks.

`model` has the formulas, `simulation` plays a job with failures event by event, `parts` measures what the formulas are
fed with, and `__main__` puts predictions beside what one and two workers of this machine take.
"""
