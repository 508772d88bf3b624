"""
Builds every object once, from settings, and runs them: the only place that knows all packages.
"""

from sendyard.bootstrap.keys import key_ring
from sendyard.bootstrap.logs import JsonLines, configure_logging
from sendyard.bootstrap.running import Started, only_process, run, serve, tune_interpreter
from sendyard.bootstrap.yard import Role, Yard

__all__ = [
    "JsonLines",
    "Role",
    "Started",
    "Yard",
    "configure_logging",
    "key_ring",
    "only_process",
    "run",
    "serve",
    "tune_interpreter",
]
