"""The runs that `docs/benchmarks.json` keeps: one from its raw measurements, all of them on disk, their medians.

Takes raw measurements or that file; gives the document that the pages are made from. Measures nothing.
"""
