"""What recurrent layers carry from one call of a network to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from darknetpy.errors import DarknetpyError, ImageError

if TYPE_CHECKING:
    from darknetpy.layers.base import Layer, Shape


class LayerState(dict[str, np.ndarray]):
    """What one recurrent layer remembers: arrays (b, *shape) by name, for b sequences; none at first, which is zeros.

    A layer that goes on puts new arrays in the place of old ones and never writes into them. The rows of its input are
    ``time_steps`` * b, time step first: row t * b + i is step t of sequence i.
    """

    def __init__(self, time_steps: int = 1, arrays: dict[str, np.ndarray] | None = None) -> None:
        super().__init__(arrays or {})
        self.time_steps = time_steps

    def recall(self, name: str, shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
        """The array of that name in the dtype of ``like``; zeros (b, *shape) where nothing is remembered yet."""
        if name in self:
            return self[name].astype(like.dtype, copy=False)
        return np.zeros((len(like) // self.time_steps, *shape), like.dtype)

    def steps_of(self, rows: np.ndarray) -> np.ndarray:
        """The same values (time_steps * b, *shape) as (time_steps, b, *shape)."""
        return rows.reshape(self.time_steps, -1, *rows.shape[1:])


class State:
    """What all recurrent layers of a network remember, for one stream of calls; made by ``new_state`` of a network.

    Each call that is given the state goes on where the last one ended, and changes it. A call that fails leaves it as
    it was. One call at a time may use it; threads make one each.

    Attributes:
        time_steps: how many steps of a sequence a call computes. The rows of its batch are time_steps * b, for b
            sequences side by side, time step first: row t * b + i is step t of sequence i. May be changed between
            calls, b may not.
    """

    def __init__(self, layers: Sequence[Layer], time_steps: int = 1) -> None:
        self.time_steps = time_steps
        self._layers = tuple(layers)
        self._arrays: dict[int, dict[str, np.ndarray]] = {}
        self._began_with: tuple[int, Shape] | None = None
        self._in_use = threading.Lock()

    def reset(self) -> None:
        """Forget everything: the next call starts from zeros, with any number of sequences."""
        with self._alone():
            self._arrays, self._began_with = {}, None

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """What the layer of that index remembers: arrays by name, empty at first."""
        if index not in {layer.index for layer in self._layers}:
            known = ", ".join(str(layer.index) for layer in self._layers) or "none"
            raise KeyError(f"layer {index} remembers nothing; those that do: {known}")
        return dict(self._arrays.get(index, {}))

    @contextmanager
    def going_on(self, layers: Sequence[Layer], shape: tuple[int, ...]) -> Iterator[dict[int, LayerState]]:
        """One call of a network whose recurrent layers are ``layers``, with a batch of this shape (rows, *picture).

        Gives each layer's memory by the layer's index, for the layers to change; it is kept when the block ends well.

        Raises:
            ImageError: the rows are no whole number of time steps, or not as many sequences or of another size than in
                the calls before. DarknetpyError: another call uses the state, or it is another network's.
        """
        with self._alone():
            sequences = self._checked(layers, shape)
            working = {
                layer.index: LayerState(self.time_steps, self._arrays.get(layer.index)) for layer in self._layers
            }
            yield working
            self._arrays = {index: dict(memory) for index, memory in working.items()}
            self._began_with = (sequences, shape[1:])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._in_use.acquire(blocking=False):
            remedy = "Make one state for each thread, with new_state()"
            raise DarknetpyError("the state is in use by another call", "one call at a time", remedy)
        try:
            yield
        finally:
            self._in_use.release()

    def _checked(self, layers: Sequence[Layer], shape: tuple[int, ...]) -> int:
        """How many sequences a batch of this shape has."""
        if len(layers) != len(self._layers) or any(map(_differ, layers, self._layers)):
            raise DarknetpyError("the state of another network", "one that this network made", "Call its new_state()")
        steps = self.time_steps
        if not isinstance(steps, int) or steps < 1:
            raise DarknetpyError(f"time_steps={steps}", "a whole number, at least 1", "Change time_steps of the state")
        sequences, rest = divmod(shape[0], steps)
        if rest:
            found = f"{shape[0]} rows with time_steps={steps}"
            remedy = "Rows are time steps times sequences; new_state takes time_steps"
            raise ImageError(found, f"a multiple of {steps}", remedy)
        now = (sequences, shape[1:])
        if self._began_with is not None and self._began_with != now:
            expected = f"{_sequences_text(self._began_with)}, as before"
            raise ImageError(_sequences_text(now), expected, "Call reset() of the state to begin anew")
        return sequences


def _differ(layer: Layer, other: Layer) -> bool:
    return layer is not other


def _sequences_text(sequences: tuple[int, Shape]) -> str:
    count, shape = sequences
    return f"{count} sequence{'' if count == 1 else 's'} of {'x'.join(map(str, shape))} values"
