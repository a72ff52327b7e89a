"""Training: a generator of events that the command line and the app both consume."""
