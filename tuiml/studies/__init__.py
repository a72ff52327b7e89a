"""Studies: one thing changed, everything else held: what a study is, its trials, running them, results."""
