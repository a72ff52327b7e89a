"""How the mathematics runs: one engine a backend, the same results from each."""

EVALUATION_BATCH = 500
"""Examples that the NumPy engine evaluates at a time; what a run's memory is worked out with."""
DRY_RUN_SIZE = 256
"""Examples that pass through the network where no batch was trained yet."""
