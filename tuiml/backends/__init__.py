"""How the mathematics runs: one engine a backend, the same results from each."""

EVALUATION_BATCH = 500
"""Examples that the NumPy engine evaluates at a time; what a run's memory is worked out with."""
LOOK = 256
"""Examples that are looked at where no batch was trained yet."""
