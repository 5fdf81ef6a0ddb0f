"""The door to `darknetpy.compat.cv2dnn`: ``import darknetpy.cv2dnn as cv2``, or ``from darknetpy import cv2dnn``."""

from darknetpy.compat.cv2dnn import *  # noqa: F403  # the module's list of names says which
from darknetpy.compat.cv2dnn import __getattr__ as __getattr__
