"""How the mathematics runs: one engine a backend, the same results from each."""
