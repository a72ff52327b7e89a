"""Studies: one thing changed, everything else held. What a study is, its trials, running them, its results."""
