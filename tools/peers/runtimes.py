"""The runtimes, each at the settings that are best for it: float32, a fixed number of threads, one stream of work.

A runtime is a class with ``name``, ``__init__(files, threads)`` and ``run(batch)``; `RUNTIMES` lists them.
``module`` is imported before a network is looked at: its size is not the network's.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

ACTIVATIONS = ("leaky", "logistic", "mish", "relu", "relu6", "swish", "tanh")  # as OpenCV names them


@dataclass(frozen=True)
class Files:
    """One network in all forms.

    ``answers`` are the layers to answer with; ``kept`` is a folder for what runtimes keep from start to start.
    """

    cfg: Path
    weights: Path
    onnx: Path
    torchscript: Path
    kept: Path
    answers: tuple[int, ...]


class Runtime(Protocol):
    """A runtime with one network loaded."""

    name: ClassVar[str]
    needs: ClassVar[str]
    module: ClassVar[str]

    def __init__(self, files: Files, threads: int) -> None: ...

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """The answers for (n, c, h, w) float32."""
        ...


class Darknetpy:
    """Ourselves."""

    name, needs, module = "darknetpy", "cfg", "darknetpy.engine.program"

    def __init__(self, files: Files, threads: int) -> None:
        import darknetpy

        # OpenCV's epsilon of batch normalization is that of pjreddie's fork: else the outputs would differ by 1e-4
        self._network = darknetpy.load(files.cfg, files.weights, threads=threads, dialect="pjreddie", memory="packed")
        self._answers = files.answers

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return list(self._network.predict(batch, outputs=self._answers))


class OpenVINO:
    """OpenVINO on the ONNX file, for latency, with its cache of compiled models."""

    name, needs, module = "openvino", "onnx", "openvino"

    def __init__(self, files: Files, threads: int) -> None:
        import openvino

        core = openvino.Core()
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "CACHE_DIR": str(files.kept),
        }
        compiled = core.compile_model(files.onnx, "CPU", settings)
        self._request, self._outputs = compiled.create_infer_request(), compiled.outputs

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        found = self._request.infer([batch], share_inputs=True, share_outputs=True)
        return [found[output] for output in self._outputs]


class OnnxRuntime:
    """onnxruntime; its threads sleep as soon as they have nothing to do."""

    name, needs, module = "onnxruntime", "onnx", "onnxruntime"
    spinning = False

    def __init__(self, files: Files, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if self.spinning else "0")
        self._session = onnxruntime.InferenceSession(files.onnx, options, providers=["CPUExecutionProvider"])

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return list(self._session.run(None, {"input": batch}))


class OnnxRuntimeSpinning(OnnxRuntime):
    """onnxruntime whose threads wait for more work without sleeping, as they do by default."""

    name = "onnxruntime-spin"
    spinning = True


class Torch:
    """PyTorch, traced and frozen, in the usual layout."""

    name, needs, module = "torch", "torchscript", "torch"
    channels_last = False

    def __init__(self, files: Files, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._torch: Any = torch
        self._layout = torch.channels_last if self.channels_last else torch.contiguous_format
        module = torch.jit.load(str(files.torchscript)).eval().to(memory_format=self._layout)
        self._module = torch.jit.freeze(module)

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        with self._torch.inference_mode():
            values = self._torch.from_numpy(batch).to(memory_format=self._layout)
            return [answer.numpy() for answer in self._module(values)]


class TorchChannelsLast(Torch):
    """The same with channels last in memory."""

    name = "torch-last"
    channels_last = True


class OpenCV:
    """OpenCV 4's dnn module, the last that reads Darknet's files."""

    name, needs, module = "opencv", "cfg", "cv2"

    def __init__(self, files: Files, threads: int) -> None:
        import cv2

        cv2.utils.logging.setLogLevel(
            cv2.utils.logging.LOG_LEVEL_SILENT
        )  # what it cannot read is told by the exception
        cv2.setNumThreads(threads)
        self._network = cv2.dnn.readNetFromDarknet(str(files.cfg), str(files.weights))
        names = self._network.getLayerNames()
        self._answers = [opencv_name(names, index) for index in files.answers]

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        self._network.setInput(batch)
        return list(self._network.forward(self._answers))


def opencv_name(names: Sequence[str], index: int) -> str:
    """What OpenCV calls the output of a layer of Darknet's: several of its layers make up one.

    Their names end with the layer's index, but for the activation's, which ends with the next one.

    >>> opencv_name(["conv_0", "bn_0", "leaky_1", "conv_1", "logistic_2", "permute_2"], 1)
    'logistic_2'
    """
    last = max(place for place, name in enumerate(names) if name in _ending(names, index))
    behind = names[last + 1] if last + 1 < len(names) else ""
    return behind if behind in {f"{name}_{index + 1}" for name in ACTIVATIONS} else names[last]


def _ending(names: Sequence[str], index: int) -> list[str]:
    """The names that end with an index, but for activations, which belong to the layer before."""
    activations = {f"{name}_{index}" for name in ACTIVATIONS}
    return [name for name in names if name.endswith(f"_{index}") and name not in activations]


RUNTIMES: dict[str, type[Runtime]] = {
    runtime.name: runtime
    for runtime in (Darknetpy, OpenVINO, OnnxRuntime, OnnxRuntimeSpinning, Torch, TorchChannelsLast, OpenCV)
}


@dataclass(frozen=True)
class Inference:
    """The job of a runtime: answers for one batch (n, c, h, w), again and again."""

    name: str
    files: Files
    threads: int
    batch: np.ndarray

    def import_all(self) -> None:
        """What the runtime imports before it looks at a network."""
        importlib.import_module(RUNTIMES[self.name].module)

    def load(self) -> RunningInference:
        """The runtime with its network."""
        return RunningInference(RUNTIMES[self.name](self.files, self.threads), self.batch)


@dataclass(frozen=True)
class RunningInference:
    """A runtime and what it is given."""

    runtime: Runtime
    batch: np.ndarray

    def first(self) -> list[np.ndarray]:
        return [np.array(answer) for answer in self.runtime.run(self.batch)]

    def again(self) -> None:
        self.runtime.run(self.batch)
