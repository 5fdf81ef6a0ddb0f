"""Numbers that are no numbers any more, found before an update makes use of them."""

from __future__ import annotations

import math

import numpy as np

from darknetpy.errors import TrainingError
from darknetpy.graph import Node
from darknetpy.training.passes import Pass


def diverged(node: Node, found: str) -> TrainingError:
    """The error at the layer where they came up."""
    remedy = "Lower learning_rate, raise burn_in, or limit weights with clip; the arrays are those of the last update"
    return TrainingError(found, "finite numbers", remedy, **node.layer.section.at())


def check_finite(one: Pass, batch: np.ndarray, iteration: int) -> None:
    """Raise TrainingError where a loss, statistic or gradient of a pass is not finite, at the layer where it begins."""
    if not np.isfinite(batch).all():
        found = f"a value of the input is {_first_bad(batch):g} in iteration {iteration}"
        raise TrainingError(found, "finite numbers", "Look at the pictures of this batch")
    if not all(map(math.isfinite, one.losses.values())):
        raise _of_outputs(one, iteration)
    for index, name, seen in one.statistics():
        if not np.isfinite(seen).all():
            what = name.removeprefix("rolling_")
            found = f"the {what} of a channel is {_first_bad(seen):g} in iteration {iteration}"
            raise diverged(one.graph.nodes[index], found)
    for index in sorted(one.gradients, reverse=True):
        for name, gradient in one.gradients[index].items():
            if not np.isfinite(gradient).all():
                found = f"the gradient of {name} is {_first_bad(gradient):g} in iteration {iteration}"
                raise diverged(one.graph.nodes[index], found)


def too_large(one: Pass, iteration: int) -> TrainingError:
    """The error of gradients that are finite, but on their way out; it names the largest."""
    sizes = {
        (index, name): float(np.abs(gradient).max())
        for index, gradients in one.gradients.items()
        for name, gradient in gradients.items()
    }
    index, name = max(sizes, key=lambda place: sizes[place])
    found = f"the gradient of {name} has values of {sizes[index, name]:g} in iteration {iteration}"
    return diverged(one.graph.nodes[index], found)


def replace_bad_gradients(one: Pass) -> int:
    """Put 0 in the place of values of gradients that are not finite, and forget such statistics; how many there were.

    This is what ``try_fix_nan=1`` in [net] asks for.
    """
    count = 0
    for gradients in one.gradients.values():
        for name, gradient in gradients.items():
            bad = ~np.isfinite(gradient)
            if bad.any():
                count += int(bad.sum())
                gradients[name] = np.where(bad, 0, gradient).astype(gradient.dtype)
    for tape in one.tapes.values():
        for name, seen in tape.statistics.items():
            tape.statistics[name] = [value for value in seen if np.isfinite(value).all()]
    return count


def _of_outputs(one: Pass, iteration: int) -> TrainingError:
    for index, output in sorted(one.outputs.items()):
        if not np.isfinite(output).all():
            found = f"an output value is {_first_bad(output):g} in iteration {iteration}"
            return diverged(one.graph.nodes[index], found)
    index, loss = next((index, loss) for index, loss in one.losses.items() if not math.isfinite(loss))
    return diverged(one.graph.nodes[index], f"the loss is {loss:g} in iteration {iteration}")


def _first_bad(values: np.ndarray) -> float:
    return float(values[~np.isfinite(values)][0])
