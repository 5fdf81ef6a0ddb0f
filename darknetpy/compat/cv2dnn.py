"""OpenCV 4's calls for Darknet's networks, in place of ``cv2.dnn`` or of ``cv2`` itself.

``import darknetpy.cv2dnn as cv2`` is the whole change in a script: ``cv2.dnn`` is ours, and every other name (imread,
rectangle, ...) is that of the OpenCV that is installed, of any version. Where OpenCV should stay what it is,
``from darknetpy import cv2dnn`` gives the names of ``cv2.dnn`` as ``cv2dnn.readNetFromDarknet`` and so on.
"""

from __future__ import annotations

import importlib
from typing import Any

from darknetpy.compat import opencv_dnn as dnn
from darknetpy.compat.opencv_blobs import CV_8U, CV_32F
from darknetpy.compat.opencv_dnn import *  # noqa: F403  # the module's list of names says which
from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_models import ClassificationModel, DetectionModel, Model
from darknetpy.compat.opencv_net import Layer, Net

dnn_Net, dnn_Layer, dnn_Model = Net, Layer, Model
dnn_ClassificationModel, dnn_DetectionModel = ClassificationModel, DetectionModel

__all__ = [*dnn.__all__, "CV_32F", "CV_8U", "dnn", "dnn_ClassificationModel", "dnn_DetectionModel", "dnn_Layer",
           "dnn_Model", "dnn_Net", "error"]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Other names are OpenCV's own."""
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        opencv = importlib.import_module("cv2")
    except ImportError:
        message = f"cv2.{name} is a name of OpenCV's own, and OpenCV is not installed: install opencv-python"
        raise AttributeError(message) from None
    return getattr(opencv, name)
