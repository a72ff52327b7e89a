"""A simulator: plans drawn from a seed are played against the real trainer, run folders and app model."""
