"""cv2.dnn.Net for Darknet's networks, on darknetpy's engine."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from darknetpy.compat.opencv_arguments import Scalar, read_scalar
from darknetpy.compat.opencv_errors import error, errors_of_opencv
from darknetpy.compat.opencv_layers import LayerOfOpenCV, forms_of_outputs, layers_of_opencv, outputs
from darknetpy.errors import DarknetpyWarning, did_you_mean, printable
from darknetpy.graph import INPUT
from darknetpy.network import Network

DNN_BACKEND_DEFAULT, DNN_BACKEND_OPENCV, DNN_TARGET_CPU = 0, 3, 0
INPUT_NAMES = ("", "data", "_input")
_explained: set[str] = set()


class Layer:
    """What `Net.getLayer` gives: ``name``, ``type`` and ``blobs`` (the learned arrays, in OpenCV's shapes)."""

    preferableTarget = DNN_TARGET_CPU

    def __init__(self, name: str, kind: str, blobs: Sequence[np.ndarray] = ()) -> None:
        self.name, self.type = name, kind
        self.blobs = tuple(blob.copy() for blob in blobs)

    def outputNameToIndex(self, outputName: str) -> int:
        """0: every layer has one output."""
        return 0


class Net:
    """A Darknet network under OpenCV's names; made by `readNetFromDarknet` or `readNet`.

    Layers have OpenCV's names (``conv_0``, ``bn_0``, ``leaky_1``, ... ``yolo_16``) and ids, which begin with 1; 0 is
    the input. Outputs have OpenCV's shapes: rows (boxes, 5 + classes) for a head, (n, boxes, 5 + classes) for several
    pictures; (n, classes, 1, 1) or (n, classes) for a classifier. One Net is for one thread, as in OpenCV.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = network
        self._layers: list[LayerOfOpenCV] = layers_of_opencv(network.graph) if network else []
        self._ids = {layer.name: number for number, layer in reversed(list(enumerate(self._layers, 1)))}
        self._forms = forms_of_outputs(network.graph) if network else {}
        self._input: np.ndarray | None = None
        self._ticks = 0

    def __getattr__(self, name: str) -> NoReturn:
        known = [known for known in dir(type(self)) if "_" not in known]
        hint = did_you_mean(name, known) or f"There are: {', '.join(known)}"
        raise AttributeError(f"darknetpy's cv2.dnn.Net has no {printable(name)}. {hint}")

    def empty(self) -> bool:
        """Whether there are no layers."""
        return not self._layers

    def getLayerNames(self) -> tuple[str, ...]:
        """The names of all layers but the input, in order."""
        return tuple(layer.name for layer in self._layers)

    def getLayerId(self, layer: str) -> int:
        """The id of a layer: 1 for the first, -1 where there is none of that name."""
        return 0 if layer == "_input" else self._ids.get(layer, -1)

    def getLayer(self, layerId: int | str) -> Layer:
        """The layer of that id or name; raises `error` where there is none."""
        number = self.getLayerId(layerId) if isinstance(layerId, str) else layerId
        if number == 0:
            return Layer("_input", "__NetInputLayer__")
        layer = self._layer(number if 0 < number <= len(self._layers) else layerId)
        return Layer(layer.name, layer.type, layer.blobs)

    def getParam(self, layer: int | str, numParam: int = 0) -> np.ndarray:
        """A learned array of a layer: weights, biases; for batch normalization mean, variance, scales, biases."""
        blobs = self.getLayer(layer).blobs
        if not 0 <= numParam < len(blobs):
            raise error(f"numParam={numParam} of layer {layer!r}", f"a layer with so many arrays; it has {len(blobs)}")
        return blobs[numParam]

    def getLayerTypes(self) -> tuple[str, ...]:
        """The types that occur, in alphabetical order."""
        return tuple(sorted({"__NetInputLayer__", *(layer.type for layer in self._layers)}))

    def getLayersCount(self, layerType: str) -> int:
        """How many layers have this type."""
        return sum(layer.type == layerType for layer in self._layers) + (layerType == "__NetInputLayer__")

    def getUnconnectedOutLayers(self) -> np.ndarray:
        """The ids of layers that no other layer reads, (n,) int32: the network's outputs."""
        numbers = outputs(self._network.graph, self._layers) if self._network else []
        return np.array(numbers, np.int32)

    def getUnconnectedOutLayersNames(self) -> tuple[str, ...]:
        """The names of those layers."""
        return tuple(self._layers[number - 1].name for number in self.getUnconnectedOutLayers())

    def setInput(self, blob: np.ndarray, name: str = "", scalefactor: float = 1.0, mean: Scalar = None) -> None:
        """The input for the next `forward`: (n, c, h, w) float32, or bytes; (blob - mean) * scalefactor.

        Another height and width than the cfg's work where the layers allow them.
        """
        if name not in INPUT_NAMES:
            raise error(f"no input {name!r}", 'the one input, "" or "data"')
        if not isinstance(blob, np.ndarray) or blob.dtype.kind not in "uif":
            raise error("something else than a blob", "an array (n, c, h, w) of numbers", "blobFromImage makes one")
        values = blob.astype(np.float32)
        means = read_scalar(mean, "mean")
        if any(means):
            channels = values.shape[1] if values.ndim > 1 else 1
            taken = np.zeros(max(channels, 4), np.float32)
            taken[:4] = means
            values -= taken[:channels].reshape(-1, *(1,) * (values.ndim - 2))
        self._input = values if scalefactor == 1 else values * np.float32(scalefactor)

    def forward(
        self,
        outputName: str | Sequence[str] | None = None,
        outputBlobs: object = None,
        *,
        outBlobNames: Sequence[str] | None = None,
    ) -> Any:
        """Run the network on the input that was set.

        Args:
            outputName: the layer whose output is wanted (by default the last one); a list of names gives a tuple of
                outputs.
            outputBlobs: where OpenCV could put outputs; new arrays are made here.
            outBlobNames: the list of names, by OpenCV's other keyword.

        Returns:
            An array, or for a list of names a tuple of arrays.

        Raises:
            error: no input, no weights, an input that does not fit, or no layer of that name.
        """
        outputName = outBlobNames if outputName is None else outputName
        if outputName is None or outputName == "":
            outputName = self._layer(len(self._layers)).name
        if isinstance(outputName, str):
            return self._run([outputName])[0]
        return self._run(list(outputName))

    def forwardAndRetrieve(self, outBlobNames: Sequence[str]) -> tuple[tuple[np.ndarray, ...], ...]:
        """The outputs of several layers, each in a tuple of its own."""
        return tuple((output,) for output in self._run(list(outBlobNames)))

    def getPerfProfile(self) -> tuple[int, np.ndarray]:
        """How long the last `forward` took, and each layer's part of it.

        In ticks of a nanosecond: divide by cv2.getTickFrequency() on Linux. Layers run fused here, so that the last
        layer's part is the whole.
        """
        timings = np.zeros(len(self._layers))
        if len(timings):
            timings[-1] = self._ticks
        return self._ticks, timings

    def setPreferableBackend(self, backendId: int) -> None:
        """Accepted and without effect: the network runs on the CPU. Said once where another backend is wished for."""
        if backendId not in (DNN_BACKEND_DEFAULT, DNN_BACKEND_OPENCV):
            _explain_cpu(f"backend {backendId}")

    def setPreferableTarget(self, targetId: int) -> None:
        """Accepted and without effect: the network runs on the CPU. Said once where another target is wished for."""
        if targetId != DNN_TARGET_CPU:
            _explain_cpu(f"target {targetId}")

    def enableFusion(self, fusion: bool) -> None:
        """Accepted and without effect: whatever can be fused is."""

    def enableWinograd(self, useWinograd: bool) -> None:
        """Accepted and without effect: the engine chooses how it convolves."""

    def leave_boxes_in(self) -> None:
        """Let heads give overlapping boxes too, as OpenCV does once a DetectionModel has the network."""
        self._layers = [
            replace(layer, rows=layer.rows.without_suppression()) if layer.rows else layer for layer in self._layers
        ]

    def _layer(self, key: int | str) -> LayerOfOpenCV:
        number = self._ids.get(key, 0) if isinstance(key, str) else key
        if not 0 < number <= len(self._layers):
            example = self._layers[0].name if self._layers else "none: the network is empty"
            raise error(f"no layer {printable(key)!r}", f"a name like {example}", did_you_mean(str(key), self._ids))
        return self._layers[number - 1]

    def _run(self, names: list[str]) -> tuple[np.ndarray, ...]:
        wanted = [self._layer(name) for name in names]
        if self._network is None or self._input is None:
            raise error("no input", "a blob", "Call setInput before forward")
        if self._network.loaded is None and self._network.graph.parameters:
            raise error("a network without weights", "weights", "Name the .weights file when the network is read")
        began = time.perf_counter_ns()
        with errors_of_opencv():
            computed = tuple(self._outputs(wanted, self._network, self._input))
        self._ticks = time.perf_counter_ns() - began
        return computed

    def _outputs(self, wanted: list[LayerOfOpenCV], network: Network, blob: np.ndarray) -> list[np.ndarray]:
        flat_input = len(network.input_shape) == 1
        values = blob.reshape(len(blob), -1) if flat_input and blob.ndim > 1 else blob
        needed = sorted({index for layer in wanted for index in layer.needed} - {INPUT})
        found = dict(zip(needed, network.predict(values, outputs=needed), strict=True)) if needed else {}
        found[INPUT] = values
        return [self._output(layer, found, values) for layer in wanted]

    def _output(self, layer: LayerOfOpenCV, found: dict[int, np.ndarray], blob: np.ndarray) -> np.ndarray:
        parts = [found[index] for index in layer.needed]
        if layer.rows is not None:
            rows = layer.rows.rows(parts[0], (blob.shape[3], blob.shape[2]))
            return rows[0] if len(rows) == 1 else rows
        output = parts[0] if layer.partly is None else layer.partly(parts)
        form = self._forms.get(layer.node.index)
        return output if form is None else output.reshape(len(output), *form)


def _explain_cpu(wish: str) -> None:
    """Say once that there is nothing but the CPU."""
    if not _explained:
        _explained.add(wish)
        found = f"{wish} is asked for, but darknetpy computes on the CPU alone"
        remedy = "The call has no effect here; this is said once"
        warnings.warn(DarknetpyWarning(found, "", remedy), stacklevel=3)


def getAvailableTargets(be: int) -> tuple[int, ...]:
    """The targets that a backend has here: the CPU, or none."""
    return (DNN_TARGET_CPU,) if be in (DNN_BACKEND_DEFAULT, DNN_BACKEND_OPENCV) else ()
