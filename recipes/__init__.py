"""Recipes that build the artefacts this project ships; none of them is needed at run time."""
