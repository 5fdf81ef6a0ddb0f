"""readNetFromDarknet and readNet."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from darknetpy.compat.opencv_errors import error, errors_of_opencv
from darknetpy.compat.opencv_net import Net
from darknetpy.config.sections import parse_cfg, read_cfg
from darknetpy.config.shipped import find_cfg, find_weights
from darknetpy.dialect import ALEXEYAB
from darknetpy.errors import Findings, printable
from darknetpy.graph import build_graph, initial_weights
from darknetpy.network import Network
from darknetpy.weights.reader import read_weights

OPENCV = replace(
    ALEXEYAB,
    name="opencv",
    batch_norm_epsilon=1e-6,
)
"""OpenCV's numbers: as AlexeyAB's, but batch normalization adds 0.000001 to the variance."""

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | np.ndarray
"""A path, or the contents of a file: bytes in any form, or a uint8 array."""


def readNetFromDarknet(
    cfgFile: Source = "", darknetModel: Source = "", *, bufferCfg: Source = "", bufferModel: Source = ""
) -> Net:
    """Read a network.

    Args:
        cfgFile: path of a .cfg file, or its contents.
        darknetModel: path of the .weights file, or its contents; without it the layers can be looked at, not run.
        bufferCfg: the contents of the .cfg file, by OpenCV's other keyword. bufferModel: those of the .weights file.

    Raises:
        error: the files cannot be used; it says where, what was found, what was expected and what to do.

    >>> net = readNetFromDarknet("yolov4-tiny.cfg", "yolov4-tiny.weights")  # doctest: +SKIP
    >>> net.getUnconnectedOutLayersNames()  # doctest: +SKIP
    ('yolo_30', 'yolo_37')
    """
    given = (bufferCfg, bufferModel) if len(_measured(bufferCfg)) else (cfgFile, darknetModel)
    return _read(*given)


def readNet(model: Source, config: Source = "", framework: Source = "") -> Net:
    """Read a network from its two files, in either order, as (model, config) or as ("darknet", weights, cfg).

    Raises:
        error: the files cannot be used, or belong to another program than Darknet.
    """
    if isinstance(model, str) and model.lower() == "darknet":
        return _read(framework, config)
    if isinstance(framework, str) and framework.lower() not in ("", "darknet"):
        raise _not_darknet(f"framework={framework!r}")
    files = [source for source in (model, config) if len(_measured(source))]
    if all(isinstance(file, str | os.PathLike) for file in files):
        cfgs = [file for file in files if _suffix(file) == ".cfg"]
        if len(cfgs) != 1:
            raise _not_darknet(" and ".join(str(file) for file in files) or "no file")
        others = [file for file in files if file is not cfgs[0]]
        return _read(cfgs[0], others[0] if others else "")
    return _read(config, model)


def _read(cfg_source: Source, weights_source: Source) -> Net:
    findings = Findings()
    with errors_of_opencv():
        try:
            if isinstance(cfg_source, str | os.PathLike):
                cfg = read_cfg(find_cfg(cfg_source), findings)
            else:
                cfg = parse_cfg(_contents(cfg_source), None, findings)
            graph = build_graph(cfg, dialect=OPENCV, findings=findings)
            if not len(_measured(weights_source)):
                initial_weights(graph)
                loaded = None
            elif isinstance(weights_source, str | os.PathLike):
                loaded = read_weights(find_weights(weights_source), graph, findings=findings)
            else:
                loaded = read_weights(_contents(weights_source), graph, findings=findings)
        finally:
            for warning in findings.warnings:
                warnings.warn(warning, stacklevel=3)
    return Net(Network(graph, loaded, None, findings.notes))


def _measured(source: Source) -> str | bytes | bytearray | memoryview | np.ndarray:
    """The source as something that has a length: that of the path, or of the contents."""
    return os.fspath(source) if isinstance(source, os.PathLike) else source


def _contents(source: Source) -> bytes:
    return source.tobytes() if isinstance(source, np.ndarray | memoryview) else bytes(source)  # type: ignore[arg-type]


def _suffix(file: Source) -> str:
    return PurePath(str(file)).suffix.lower()


def _not_darknet(found: str) -> error:
    remedy = "Networks of other programs are for OpenCV itself: import cv2"
    return error(printable(found), "a .cfg and a .weights file of Darknet", remedy)
