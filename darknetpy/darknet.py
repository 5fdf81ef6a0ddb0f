"""The door to :mod:`darknetpy.compat.darknet`: ``from darknetpy import darknet`` in place of ``import darknet``."""

from __future__ import annotations

from darknetpy.compat.darknet import *  # noqa: F403  # what scripts know is in __all__
from darknetpy.compat.darknet import __all__ as __all__
