"""What goes out of a study as files and comes back: pages that need no server, ratings, and other tools' formats.

What goes out names no system unless it is asked for; what comes back becomes events, checked as those of a served page.
"""
