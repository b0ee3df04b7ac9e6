"""What raters' judgements say of the systems: preferences, strengths, ratings, agreement, and how sure all of it is.

Takes a study's key, its sheets and its events; gives `comparison.people.StudyResult`. The unit is the dialogue
everywhere, and attention checks and repeats are no judgements ([decision 17](docs/decisions)).
"""
