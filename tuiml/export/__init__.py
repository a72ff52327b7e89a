"""What leaves tuiml: a run as weights, code, figures or a report. One format is one module of ``formats``."""
