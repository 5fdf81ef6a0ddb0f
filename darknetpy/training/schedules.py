"""The learning rate at each update. Source: AlexeyAB/darknet src/network.c, get_current_rate; for sgdr Loshchilov and
Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from darknetpy.config.options import Options

Rate = Callable[[Options, int], float]


def learning_rate(net: Options, iteration: int, random: np.random.Generator | None = None) -> float:
    """The rate of an update, by the options of [net].

    Args:
        net: learning_rate, policy and what it needs, burn_in and power.
        iteration: the number of the update, from 1.
        random: for ``policy=random``, which draws a rate at each call.

    >>> from types import SimpleNamespace
    >>> net = SimpleNamespace(learning_rate=0.1, burn_in=10, power=2.0, policy="constant")
    >>> round(learning_rate(net, 5), 6), learning_rate(net, 10)
    (0.025, 0.1)
    """
    if iteration < net.burn_in:
        return float(net.learning_rate * (iteration / net.burn_in) ** net.power)
    if net.policy == "random":
        share = (random or np.random.default_rng(0)).random()
        return float(net.learning_rate * share**net.power)
    return _POLICIES[net.policy](net, iteration)


def _constant(net: Options, iteration: int) -> float:
    return float(net.learning_rate)


def _step(net: Options, iteration: int) -> float:
    return float(net.learning_rate * net.scale ** (iteration // net.step))


def _steps(net: Options, iteration: int) -> float:
    """A step that lies ahead ends the search, also where smaller ones are behind it."""
    rate = net.learning_rate
    for step, scale in zip(net.steps, net.scales, strict=False):
        if step > iteration:
            break
        rate *= scale
    return float(rate)


def _exp(net: Options, iteration: int) -> float:
    return float(net.learning_rate * net.gamma**iteration)


def _poly(net: Options, iteration: int) -> float:
    """Beyond the last update, which only a training that goes on reaches, the rate is 0 (in Darknet it can be below).

    The difference is formed in float32, as there: near the end that is visible.
    """
    left = 1 - np.float32(iteration) / np.float32(net.max_batches)
    return float(net.learning_rate * max(0.0, float(left)) ** net.power)


def _sigmoid(net: Options, iteration: int) -> float:
    exponent = min(net.gamma * (iteration - net.step), 700.0)
    return float(net.learning_rate / (1 + math.exp(exponent)))


def _sgdr(net: Options, iteration: int) -> float:
    """Half a wave of the cosine in each cycle."""
    start, cycle = 0, net.sgdr_cycle
    while start + cycle < iteration:
        start += cycle
        cycle *= net.sgdr_mult
    wave = 1 + math.cos((iteration - start) * math.pi / cycle)
    return float(net.learning_rate_min + 0.5 * (net.learning_rate - net.learning_rate_min) * wave)


_POLICIES: dict[str, Rate] = {
    "constant": _constant,
    "step": _step,
    "steps": _steps,
    "exp": _exp,
    "poly": _poly,
    "sigmoid": _sigmoid,
    "sgdr": _sgdr,
}
