"""Whole passes by kernels: as the plain form in float64, for any number of threads, frozen, added up, or broken."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.threads import Team
from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.program import TrainingProgram
from tests.training.fast.networks import END, POOL, Found, Trial, assert_near, assert_same_bits, conv, net, section

pytestmark = pytest.mark.quick
SHORTCUT = section("shortcut", **{"from": -3, "activation": "leaky"})
DENSE = section("connected", output=5, activation="linear")
NETWORKS = {
    "one layer": net((3, 12, 10), conv(5), END),
    "two layers": net((3, 12, 10), conv(16), conv(7), END),
    "a classifier": net((3, 16, 17), conv(20), POOL, conv(33), POOL, conv(17, 1), conv(6, 1, batch_normalize=0), END),
    "residual": net(
        (3, 9, 10), conv(32), conv(16, 1), conv(32, activation="linear"), SHORTCUT, conv(16, 1, stride=2), conv(6, 1),
        END,
    ),
    "joined": net(
        (3, 8, 8), conv(32), conv(16, 1), section("route", layers="-1,-2"), conv(8), section("upsample", stride=2),
        conv(6, 1), END,
    ),
    "dense end": net(
        (3, 10, 10), conv(20), section("dropout", probability=0.3), conv(16), POOL, DENSE, "[softmax]\n"
    ),
    "without batch normalization": net(
        (3, 11, 9), conv(18, batch_normalize=0), conv(9, 1, batch_normalize=0, activation="relu"), END
    ),
    "separable, squeezed, curved": net(
        (3, 13, 12), conv(20, activation="mish"), conv(20, 3, groups=20, stride=2, activation="swish"),
        conv(33, 1, activation="linear"), "[avgpool]\n", conv(5, 1, activation="swish", batch_normalize=0),
        conv(33, 1, activation="logistic", batch_normalize=0), section("scale_channels", **{"from": -4}),
        section("shortcut", **{"from": -5, "activation": "mish"}), conv(6, 1), END,
    ),
    "planar with strides": net((3, 23, 21), conv(20, 7, stride=2), conv(9), END),
}  # fmt: skip
TEAMS = [(1, 1), (2, 2), (3, 4), (5, 5)]


@pytest.mark.parametrize("name", NETWORKS)
def test_passes_agree_with_the_plain_form(name: str) -> None:
    Trial(NETWORKS[name]).check()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_bits_for_any_number_of_threads(name: str) -> None:
    trial = Trial(NETWORKS[name])
    program = trial.program()
    first = trial.run(program)
    output = program.result.copy()
    for threads, cores in TEAMS:
        assert_same_bits(trial.run(program, team=Team(threads, cores)), first)
        assert np.array_equal(program.result, output)
    assert_same_bits(trial.run(trial.program(), repack=True), first)


def test_a_pass_adds_its_gradients_to_those_of_the_last() -> None:
    trial = Trial(NETWORKS["residual"])
    program = trial.program()
    first = fast_gradients(program, trial.run(program))
    trial.draw(trial.images)
    second = fast_gradients(program, trial.run(program))
    both = fast_gradients(program, trial.run(program, adding=True))
    for key, gradient in second.items():
        assert_near(both[key], 2.0 * gradient, 1e-6, str(key))
        assert not np.allclose(first[key], gradient)
    assert_same_bits(fast_gradients(program, trial.run(program)), second)  # not adding again


def fast_gradients(program: TrainingProgram, found: Found) -> Found:
    """Those that stay in the program from pass to pass."""
    kept = {(index, name) for index, name, _ in program.gradients()}
    return {key: gradient for key, gradient in found.items() if key in kept}


def test_programs_of_two_sizes_share_a_graph() -> None:
    trial = Trial(NETWORKS["a classifier"], images=4)
    large, small = trial.program(), trial.program(images=1)
    first = trial.run(large)
    trial.check(large)
    trial.draw(1)
    trial.check(small)
    assert trial.run(small)[0, "weights"].shape == first[0, "weights"].shape


def test_weights_are_read_anew_in_each_pass() -> None:
    trial = Trial(NETWORKS["a classifier"])
    program = trial.check()
    for node in trial.graph.nodes:
        for array in node.arrays:
            node.weights[array.name][:] *= np.float32(0.75)
    trial.check(program)
    for node in trial.graph.nodes:
        for array in node.arrays:
            node.weights[array.name] = node.weights[array.name] * np.float32(1.25)
    trial.check(program)


@pytest.mark.parametrize("name", ["alexeyab", "pjreddie"])
def test_the_epsilon_of_each_dialect(name: str) -> None:
    trial = Trial(net((3, 9, 8), conv(18), conv(20, 1), END), dialect=name)
    trial.batch *= np.float32(0.01)  # small variances, where the epsilon counts
    for index, array, value in trial.exact().statistics():
        trial.graph.nodes[index].weights[array][:] = value  # where they are after some iterations
    trial.check()


def test_a_rolling_mean_far_away_costs_little() -> None:
    """Sums are taken around it: 16 deviations of the batch away, variances are still right to 5 digits."""
    trial = Trial(net((3, 9, 8), conv(18), END))
    seen = {array: value for _, array, value in trial.exact().statistics()}
    away = 16 * np.sqrt(seen["rolling_variance"])
    trial.graph.nodes[0].weights["rolling_mean"][:] = seen["rolling_mean"] + away
    trial.check()


def test_channels_that_are_the_same_everywhere() -> None:
    trial = Trial(net((3, 9, 8), conv(18), conv(17, 1), END))
    trial.graph.nodes[0].weights["weights"][2] = 0  # no variance
    trial.graph.nodes[0].weights["rolling_mean"][2] = 0
    trial.graph.nodes[0].weights["biases"][3] = -6  # all below 0
    trial.graph.nodes[0].weights["biases"][4] = 6
    trial.check()


def test_one_picture_alone() -> None:
    Trial(NETWORKS["a classifier"], images=1).check()


# ---- frozen layers ----


@pytest.mark.parametrize("last", [0, 1, 3, 6])
def test_frozen_layers_have_no_gradients_and_use_what_is_stored(last: int) -> None:
    layers = (conv(20), conv(17, 1), POOL, conv(18, batch_normalize=0), conv(16), conv(8, 1), conv(6, 1))
    trial = Trial(net((3, 10, 12), *layers, END), frozen=set(range(last + 1)))
    program = trial.check()
    assert all(index > last for index, _, _ in program.gradients())
    assert all(index > last for index, _, _ in program.statistics())


def test_a_frozen_residual_block() -> None:
    Trial(NETWORKS["residual"], frozen=set(range(4))).check()
    Trial(NETWORKS["residual"], frozen=set(range(2))).check()  # in the midst of it: the sum reads a frozen layer


def test_no_gradient_passes_a_layer_that_only_runs_forward() -> None:
    text = net((3, 8, 9), conv(18), conv(16, 1, onlyforward=1), conv(6), END)
    trial = Trial(text)
    program = trial.program()
    assert {index for index, _ in trial.run(program)} == {2}
    trial.check(program)


def test_a_branch_that_only_runs_forward() -> None:
    blocked = section("route", layers="-1", onlyforward=1)
    text = net((3, 8, 9), conv(16), blocked, conv(16), section("shortcut", **{"from": 0}), conv(5), END)
    Trial(text).check()


def test_a_branch_that_nobody_reads() -> None:
    text = net((3, 8, 9), conv(16), conv(20), section("route", layers="0"), conv(5), END)
    program = Trial(text).check()
    assert {index for index, _, _ in program.gradients()} == {0, 3}


def test_below_the_first_layer_that_learns_nobody_wants_gradients() -> None:
    crop = section("crop", crop_height=8, crop_width=9, flip=1)
    program = Trial(net((3, 10, 11), crop, POOL, conv(20), conv(5), END)).check()
    assert sorted(program._wiring.learning) == [2, 3, 4, 5]
    first, second = (program._layers[index] for index in (2, 3))
    assert isinstance(first, LoweredConvolution)
    assert isinstance(second, LoweredConvolution)
    assert first.convolution.filters.backward.size == 0 < second.convolution.filters.backward.size


def test_a_convolution_reads_what_is_cut_out_as_it_lies() -> None:
    crop = section("crop", crop_height=8, crop_width=9, noadjust=1)
    program = Trial(net((3, 10, 11), crop, conv(20), conv(5), END)).check()
    layer = program._layers[1]
    assert isinstance(layer, LoweredConvolution)
    assert layer.convolution.cells.planar


# ---- several losses ----


def test_losses_of_several_layers_are_added_up() -> None:
    head = conv(5, 1, batch_normalize=0, activation="linear")
    text = net((3, 8, 9), conv(18), head, END, section("route", layers="0"), conv(16), head, END)
    program = Trial(text).check()
    assert {index for index, tape in program.tapes.items() if tape.loss is not None} == {3, 8}


def test_a_loss_in_the_middle_of_the_network() -> None:
    cost = section("cost", type="sse")
    text = net((2, 6, 5), conv(16, batch_normalize=0), conv(4, 1, batch_normalize=0, activation="linear"), cost,
               section("route", layers="-2"), conv(5, batch_normalize=0), END)  # fmt: skip
    Trial(text).check()


# ---- what is read twice ----


def test_values_that_many_layers_read() -> None:
    add = section("shortcut", **{"from": 0, "activation": "linear"})
    layers = (
        conv(16), conv(16), section("route", layers="0"), conv(16, 1), add, POOL, section("upsample", stride=2),
        section("route", layers="-1,-3"), conv(5),
    )  # fmt: skip
    Trial(net((3, 8, 8), *layers, END)).check()


# ---- what is not in order ----


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["a classifier", "without batch normalization", "residual"])
def test_what_is_no_number_is_seen(name: str, value: float) -> None:
    trial = Trial(NETWORKS[name])
    program = trial.program()
    trial.batch[1, 0, 3, 4] = value
    trial.run(program)
    assert not program.looks_finite()
    trial.draw(trial.images)
    trial.check(program)  # and nothing of it stays


def test_one_weight_that_is_no_number_is_seen() -> None:
    trial = Trial(NETWORKS["a classifier"])
    program = trial.program()
    trial.graph.nodes[2].weights["weights"][3, 2, 1, 1] = np.nan
    trial.run(program)
    assert not program.looks_finite()


def test_memory_is_known_before_the_first_pass() -> None:
    trial = Trial(NETWORKS["a classifier"])
    small, large = trial.program(1).arena_bytes, trial.program(8).arena_bytes
    assert 0 < small < large
