"""Whether the values of a weights file look like trained weights: a look at each piece while it is in the cache."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from darknetpy.errors import DarknetpyError, DarknetpyWarning, Findings, WeightsError
from darknetpy.weights.forensics import COPY_AGAIN, RIGHT_PAIR
from darknetpy.weights.layout import Slot, layers_text

LARGEST_PLAUSIBLE = 1e6
"""Trained weights stay far below; the bytes of something else, read as float32, do not."""


@dataclass
class _Count:
    """Values of one suspicious kind: how many, and the array that had the first."""

    values: int = 0
    first: Slot | None = None

    def add(self, slot: Slot, values: int) -> None:
        if values:
            self.values += values
            self.first = self.first or slot


@dataclass
class Plausibility:
    """Counts NaN, infinite, very large and impossible values; ``report`` says what was found.

    Smallest and largest value tell nearly everything, so good values are counted no further.
    """

    not_finite: _Count = field(default_factory=_Count)
    large: _Count = field(default_factory=_Count)
    negative: _Count = field(default_factory=_Count)
    nonzero: bool = False
    taken: dict[int, Slot] = field(default_factory=dict)
    """Layer index -> the first array seen of those that begin with random values."""
    used: set[int] = field(default_factory=set)
    """Indexes of the layers where such an array has a value other than zero."""

    def take(self, slot: Slot, values: np.ndarray) -> None:
        """Look at some values of an array, float32, one-dimensional, at least one."""
        with np.errstate(invalid="ignore"):
            smallest, largest = float(values.min()), float(values.max())
        if not np.isfinite((smallest, largest)).all():
            self.not_finite.add(slot, int(np.count_nonzero(~np.isfinite(values))))
        if not (smallest >= -LARGEST_PLAUSIBLE and largest <= LARGEST_PLAUSIBLE):
            finite = values[np.isfinite(values)]
            self.large.add(slot, int(np.count_nonzero(np.abs(finite) > LARGEST_PLAUSIBLE)))
        if slot.array.name.endswith("rolling_variance") and not smallest >= 0:
            self.negative.add(slot, int(np.count_nonzero(values < 0)))
        self._note_zeros(slot, smallest == largest == 0)

    def _note_zeros(self, slot: Slot, zeros: bool) -> None:
        self.nonzero = self.nonzero or not zeros
        if slot.array.bound:
            self.taken.setdefault(slot.node.index, slot)
            if not zeros:
                self.used.add(slot.node.index)

    def report(self, findings: Findings, path: str | None, *, allow_damaged: bool) -> None:
        """Warn of what is suspicious; a negative variance is an error unless ``allow_damaged``."""
        if self.not_finite.first:
            found = (
                f"values that are not finite: {self.not_finite.values}, the first in {self.not_finite.first.array.name}"
            )
            warn(
                findings,
                _at(
                    self.not_finite.first,
                    path,
                    found,
                    "numbers",
                    "A training that diverged leaves such a file: use an older one",
                ),
            )
        if self.large.first:
            found = f"values beyond a million: {self.large.values}, the first in {self.large.first.array.name}"
            warn(findings, _at(self.large.first, path, found, "trained weights", RIGHT_PAIR))
        if self.negative.first:
            slot = self.negative.first
            found = f"values below 0 in {slot.array.name}: {self.negative.values} in all"
            warning = _at(slot, path, found, "variances", RIGHT_PAIR)
            if allow_damaged:
                warn(findings, warning)
            else:
                findings.error(as_error(warning))
        self._report_zeros(findings, path)

    def _report_zeros(self, findings: Findings, path: str | None) -> None:
        unused = [slot for index, slot in self.taken.items() if index not in self.used]
        if self.taken and not self.nonzero:
            warn(findings, DarknetpyWarning("all weights are zero", "trained weights", COPY_AGAIN, path=path))
        elif unused:
            layers = f" ({layers_text([slot.node for slot in unused])})" if len(unused) > 1 else ""
            found = f"all {unused[0].array.name} are zero{layers}"
            warn(findings, _at(unused[0], path, found, "trained weights", COPY_AGAIN))


def _at(slot: Slot, path: str | None, found: str, expected: str, remedy: str) -> DarknetpyWarning:
    """A warning about a layer."""
    return DarknetpyWarning(found, expected, remedy, path=path, section=slot.node.type, layer=slot.node.index)


def as_error(warning: DarknetpyWarning) -> WeightsError:
    """The same as an error."""
    return WeightsError(**warning.fields())  # type: ignore[arg-type]  # the same fields by construction


def as_warning(error: DarknetpyError) -> DarknetpyWarning:
    """The same as a warning, where damage is allowed."""
    return DarknetpyWarning(**error.fields())  # type: ignore[arg-type]  # the same fields by construction


def warn(findings: Findings, warning: DarknetpyWarning) -> None:
    """Keep a warning; in strict mode it is a WeightsError."""
    findings.warning(warning, WeightsError)
