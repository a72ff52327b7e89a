"""What the app can ask a network: each kind of inspection is one module of this package, found by itself.

A module declares its record, a subclass of :class:`~tuiml.training.inspections.record.Inspection`, whose
``compute`` makes it from the network.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
