"""Text from a recurrent network: it is fed its own answers, character by character.

Source: pjreddie/darknet examples/rnn.c, test_char_rnn.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from darknetpy.errors import ConfigError, DarknetpyError, DataError, WeightsError
from darknetpy.layers.base import size_of
from darknetpy.network import Network

BYTES = 256
RARE = 1e-4  # characters less probable than this are never drawn
STEPS_AT_ONCE = 256  # of the text that is read before anything is written
EMPTY_SEED = [0]  # what the network sees first where there is no text to go on from


def generate(
    network: Network, seed: str = "\n\n", length: int = 1000, *, temperature: float = 0.7, random_seed: int = 0
) -> Iterator[str]:
    """Go on with a text.

    Args:
        network: one whose inputs are the bytes of a text (the one at the byte's number is 1, the others 0) and whose
            outputs, by a [softmax] at the end, are the probabilities of the next byte.
        seed: the text that is read first, as UTF-8; not among what is returned.
        length: how many bytes to generate.
        temperature: stands in the place of the softmax's own: below 1 what is probable becomes more so, above 1 less.
        random_seed: another number gives another text; the same number the same text.

    Returns:
        The text in pieces, as they are computed: mostly a character each. Bytes that are no UTF-8 come out as U+FFFD.

    Raises:
        ConfigError: the network is none for texts. DataError: a byte of the seed that it has no input for.
        WeightsError: it does not answer with finite numbers. DarknetpyError: a length or temperature out of range.

    >>> print("ROMEO:" + "".join(generate(network, "ROMEO:", 300)))  # doctest: +SKIP
    """
    count = _characters(network)
    if count > BYTES:
        found, remedy = f"the network has {count} inputs", "Call continued() with numbers"
        raise ConfigError(found, f"at most {BYTES}, one for each byte", remedy, path=_path(network))
    numbers = continued(network, seed.encode("utf-8", "surrogateescape"), length, temperature, random_seed)
    return _decoded(numbers)


def continued(
    network: Network, seed: Sequence[int], length: int, temperature: float = 0.7, random_seed: int = 0
) -> Iterator[int]:
    """The same with numbers of inputs instead of characters, for networks of words or other tokens."""
    if length < 0:
        raise DarknetpyError(f"length={length}", "at least 0")
    if not (math.isfinite(temperature) and temperature > 0):
        raise DarknetpyError(f"temperature={temperature}", "a number above 0")
    count, scores, numbers = _characters(network), _scores(network), [int(number) for number in seed]
    for place, number in enumerate(numbers):
        if not 0 <= number < count:
            found, expected = f"number {number} at place {place} of the seed", f"0 to {count - 1}, the network's inputs"
            raise DataError(found, expected, "Write another seed")
    return _drawn(network, scores, numbers or EMPTY_SEED, length, temperature, random_seed)


def _path(network: Network) -> str | None:
    return network.graph.cfg.path


def _characters(network: Network) -> int:
    """How many different characters there are; raises ConfigError where inputs and outputs are not characters."""
    shape = network.input_shape
    if max(shape[1:], default=1) > 1:
        found = f"the network takes pictures of {shape[2]}x{shape[1]}"
        raise ConfigError(found, "one that takes characters", "It is one for classify or detect", path=_path(network))
    if network.classes != size_of(shape):
        found = f"the network has {size_of(shape)} inputs and {network.classes} outputs"
        raise ConfigError(found, "as many outputs as inputs, one for each character", path=_path(network))
    return network.classes


def _scores(network: Network) -> int:
    """Index of the layer whose output goes into the softmax at the end."""
    nodes = network.layers
    last = nodes[-1]
    while last.type == "cost" and last.sources[0] >= 0:
        last = nodes[last.sources[0]]
    options = last.options
    if last.type != "softmax" or options.groups > 1 or options.tree is not None or last.sources[0] < 0:
        found = f"the network ends with [{last.type}]" + (" in groups" if last.type == "softmax" else "")
        expected = "a [softmax] over all characters"
        raise ConfigError(found, expected, "Its outputs must be probabilities", path=_path(network))
    return last.sources[0]


def _drawn(
    network: Network, scores: int, seed: list[int], length: int, temperature: float, random_seed: int
) -> Iterator[int]:
    random, state = np.random.default_rng(random_seed), network.new_state()
    for first in range(0, len(seed) - 1, STEPS_AT_ONCE):
        part = seed[first : min(first + STEPS_AT_ONCE, len(seed) - 1)]
        state.time_steps = len(part)
        network.predict(_as_input(part, network), state=state)
    state.time_steps, number = 1, seed[-1]
    for _ in range(length):
        (values,) = network.predict(_as_input([number], network), state=state, outputs=[scores])
        number = int(random.choice(network.classes, p=_probabilities(values.reshape(-1), temperature, network)))
        yield number


def _as_input(numbers: list[int], network: Network) -> np.ndarray:
    """A row (*input_shape) float32 for each number: 1 in its place, else 0."""
    rows = np.zeros((len(numbers), network.classes), np.float32)
    rows[np.arange(len(numbers)), numbers] = 1
    return rows.reshape(-1, *network.input_shape)


def _probabilities(scores: np.ndarray, temperature: float, network: Network) -> np.ndarray:
    """The softmax (characters,) float64 of scores at this temperature, without what is rare."""
    if not np.isfinite(scores).all():
        path = network.loaded.path if network.loaded else None
        remedy = "Check the weights: darknetpy check CFG WEIGHTS"
        raise WeightsError("the network's answer is not finite", "numbers", remedy, path=path)
    powers = np.exp((scores.astype(np.float64) - scores.max()) / temperature)
    every = powers / powers.sum()
    frequent = np.where(every < RARE, 0, every)
    return frequent / frequent.sum() if frequent.any() else every


def _decoded(numbers: Iterator[int]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = (decoder.decode(bytes([number])) for number in numbers)
    end = (decoder.decode(b"", final=True) for _ in range(1))
    return filter(None, chain(pieces, end))
