"""What writes a format, one module each: its function ``make``, which :mod:`tuiml.export.formats` names."""
