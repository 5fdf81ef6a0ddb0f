"""The recurrent formulas of Darknet in float64, step by step and sequence by sequence. Written from the formulas.

Inputs are (time_steps, b, c, h, w): step t of sequence i is ``x[t, i]``. Every function returns the outputs in the same
order. ``arrays`` are those of the layer; a part of the name ``input`` has ``input_weights``, ``input_biases``, ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests import reference

Part = Callable[[str, np.ndarray], np.ndarray]
"""The sums of the part of that name for one picture (c, h, w), before any activation."""


@dataclass
class Convolved:
    """How the parts of a layer convolve."""

    padding: int = 0
    dilation: int = 1
    groups: int = 1


def sums_of(arrays: dict[str, np.ndarray], dialect: str, normalized: bool, convolved: Convolved | None = None) -> Part:
    """Fully connected parts, or convolutions, with batch normalization or biases."""

    def sums(part: str, x: np.ndarray) -> np.ndarray:
        own = {name.removeprefix(f"{part}_"): values for name, values in arrays.items() if name.startswith(f"{part}_")}
        if convolved is None:
            y = reference.connect(x[np.newaxis], own["weights"])
        else:
            y = reference.convolve(
                x[np.newaxis], own["weights"], (1, 1), convolved.padding, convolved.dilation, convolved.groups
            )
        y = reference.batch_normalize(y, own, dialect) if normalized else reference.add_biases(y, own["biases"])
        return y[0]

    return sums


def activate(name: str, x: np.ndarray) -> np.ndarray:
    return reference.activate(name, x[np.newaxis])[0]


def by_sequence(x: np.ndarray, one: Callable[[np.ndarray], list[np.ndarray]]) -> np.ndarray:
    """``one`` answers for the steps of one sequence; the answers (time_steps, b, ...)."""
    return np.stack([np.stack(one(x[:, sequence])) for sequence in range(x.shape[1])], axis=1)


def plain_recurrence(
    x: np.ndarray, part: Part, hidden: tuple[int, ...], activation: str, self_activation: str, shortcut: bool
) -> np.ndarray:
    """[rnn] and [crnn]; ``hidden`` is the shape of the state."""

    def one(steps: np.ndarray) -> list[np.ndarray]:
        state, outputs = np.zeros(hidden), []
        for step in steps:
            entering = activate(activation, part("input", step))
            again = activate(self_activation, part("self", state))
            state = entering + again + state if shortcut else entering + again
            outputs.append(activate(activation, part("output", state)))
        return outputs

    return by_sequence(x, one)


def gru(x: np.ndarray, part: Part, shape: tuple[int, ...], candidate: str) -> np.ndarray:
    def one(steps: np.ndarray) -> list[np.ndarray]:
        state, outputs = np.zeros(shape), []
        for step in steps:
            z = activate("logistic", part("input_z", step) + part("state_z", state))
            r = activate("logistic", part("input_r", step) + part("state_r", state))
            h = activate(candidate, part("input_h", step) + part("state_h", r * state))
            state = np.array([[[z[k, 0, 0] * state[k, 0, 0] + (1 - z[k, 0, 0]) * h[k, 0, 0]]] for k in range(len(z))])
            outputs.append(state)
        return outputs

    return by_sequence(x, one)


def lstm(
    x: np.ndarray,
    part: Part,
    shape: tuple[int, ...],
    *,
    gate: str = "linear",
    bent: str = "tanh",
    peephole: bool = False,
    limit: float = np.inf,
    mixed: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    shortcut: bool = False,
) -> np.ndarray:
    """[lstm] and [conv_lstm]. ``gate`` acts on each part, ``bent`` is tanh or what stands in its place.

    With ``mixed`` (bottleneck), a function of output and input, the input parts see what it gives and nothing else.
    """

    def one(steps: np.ndarray) -> list[np.ndarray]:
        past, cell, outputs = np.zeros(shape), np.zeros(shape), []

        def gated(name: str, values: np.ndarray) -> np.ndarray:
            return activate(gate, part(name, values))

        for step in steps:
            if mixed is not None:
                seen = mixed(past, step)
                sums = {letter: gated(f"input_{letter}", seen) for letter in "figo"}
            else:
                sums = {letter: gated(f"input_{letter}", step) + gated(f"state_{letter}", past) for letter in "figo"}
            if peephole:
                sums["f"] = sums["f"] + gated("peephole_f", cell)
                sums["i"] = sums["i"] + gated("peephole_i", cell)
            forget, enter = activate("logistic", sums["f"]), activate("logistic", sums["i"])
            cell = forget * cell + enter * activate(bent, sums["g"])
            if peephole:
                sums["o"] = sums["o"] + gated("peephole_o", cell)
            past = activate("logistic", sums["o"]) * activate(bent, cell)
            cell = np.minimum(np.maximum(cell, -limit), limit)
            output = past.copy()
            if mixed is not None and shortcut:
                for k in range(len(output) // 2):
                    output[k] += seen[k]
            outputs.append(output)
        return outputs

    return by_sequence(x, one)


def history(x: np.ndarray, size: int) -> np.ndarray:
    """The newest picture first, then those before; zeros before the first."""
    steps, sequences, c, h, w = x.shape
    result = np.zeros((steps, sequences, c * size, h, w))
    for t, i, age in np.ndindex(steps, sequences, size):
        if t >= age:
            result[t, i, age * c : (age + 1) * c] = x[t - age, i]
    return result
