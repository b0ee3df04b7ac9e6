"""A source → rows of text: one streaming reader for each format, for training data and for tables to summarize alike.

Takes a file, folder or hub id; gives rows with their places, whose columns are recognised by name or named. No row is
lost silently, and what cannot be read is a DataError with its place.
"""
