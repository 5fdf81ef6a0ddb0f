"""What a layer keeps of a forward pass, to find gradients by going back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


class Tape(SimpleNamespace):
    """What one forward pass of one layer keeps for its backward pass. The caller makes one for each layer and pass.

    A layer puts whatever it needs again into attributes of its own. Gradients are true ones: d loss / d x, summed over
    the pictures of the batch.

    Attributes:
        training: whether batch normalization takes the statistics of the batch, and [dropout] drops. False for layers
            that are frozen.
        random: source of what is random in training.
        truth: (n, *shape), what the output should be; None but for layers whose loss counts.
        loss: of the pass, summed over values and pictures; layers with a truth set it.
        gradients: name of an array of the layer -> the gradient of the loss by it.
        statistics: name of an array that is not trained -> what the batch says it is, once for each time it was seen.
    """

    def __init__(
        self, *, training: bool = True, random: np.random.Generator | None = None, truth: np.ndarray | None = None
    ) -> None:
        super().__init__(training=training, random=random or np.random.default_rng(0), truth=truth)
        self.loss: float | None = None
        self.gradients: dict[str, np.ndarray] = {}
        self.statistics: dict[str, list[np.ndarray]] = {}

    def add(self, name: str, gradient: np.ndarray) -> None:
        """Add to the gradient of an array."""
        known = self.gradients.get(name)
        self.gradients[name] = gradient if known is None else known + gradient

    def saw(self, name: str, statistic: np.ndarray) -> None:
        """Note what the batch says of an array that is not trained."""
        self.statistics.setdefault(name, []).append(statistic)


class PartTape(Tape):
    """The tape of one run of a part: what it collects goes to the layer's, under the part's name."""

    def __init__(self, whole: Tape, part: str) -> None:
        super().__init__(training=whole.training, random=whole.random)
        self._whole, self._part = whole, part

    def add(self, name: str, gradient: np.ndarray) -> None:
        """Add to the gradient of an array of the part."""
        self._whole.add(f"{self._part}_{name}", gradient)

    def saw(self, name: str, statistic: np.ndarray) -> None:
        """Note what the batch says of an array of the part."""
        self._whole.saw(f"{self._part}_{name}", statistic)
