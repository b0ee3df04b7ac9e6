"""Blind judgement by people: a study is drawn from finished comparisons, served to raters, and analysed.

Takes what systems wrote (`report.comparison_stage`), gives a comparison by people (`comparison.people`) that stands in
the experiment's report. Guarantees that nothing served names a system, and that no acknowledged rating is lost.
"""
