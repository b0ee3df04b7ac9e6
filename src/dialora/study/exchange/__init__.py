"""What goes out of a study as files and comes back: pages that work without a server, ratings, other tools' formats."""
