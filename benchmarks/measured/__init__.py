"""What is measured: the parts of the benchmark, the dialogues and models they take, one probe for each measurement.

Takes Settings; leaves raw measurements in build/bench/, each made once in a fresh process.
"""
