"""Where a study meets other tools: what they are given names no system, and what they give back becomes events."""
