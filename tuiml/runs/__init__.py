"""Runs: a folder for each, checkpoints in it, and a process to train beside the screen.

Nothing here imports numpy before it is needed: :mod:`tuiml.runs.threads` must have set the threads by then.
"""
