"""Passes by kernels as the training asks for them: for which networks, of any sizes in any order, one after another."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.training.fast.passes import MOST_PROGRAMS, FastPass, FastPasses, is_suitable
from darknetpy.training.updates import Sums
from tests.training.fast.networks import END, NORMALIZED, Trial, assert_near, conv, net, section

pytestmark = pytest.mark.quick
DENSE = section("connected", output=6, activation="linear")
NETWORK = net((3, 8, 7), conv(18), conv(17, 1), conv(6, 1, batch_normalize=0), END)
WITH_PLAIN_LAYERS = net((3, 8, 7), conv(18), section("dropout"), DENSE, "[softmax]\n")


def one_pass(passes: FastPasses, trial: Trial, *, repack: bool, adding: bool) -> FastPass:
    one = passes.new(trial.images, trial.frozen, repack=repack, adding=adding)
    one.forward(trial.batch, trial.truths, random=np.random.default_rng(4))
    one.backward()
    return one


@pytest.mark.parametrize("text", [NETWORK, WITH_PLAIN_LAYERS])
def test_a_pass_has_the_face_of_a_plain_one(text: str) -> None:
    trial = Trial(text)
    one, right = one_pass(FastPasses(trial.graph, 2), trial, repack=True, adding=False), trial.exact()
    last = trial.graph.output_index
    assert_near(one.outputs[last], right.outputs[last], NORMALIZED, "output")
    assert one.losses == pytest.approx(right.losses)
    assert {index: set(own) for index, own in one.gradients.items()} == {
        index: set(own) for index, own in right.gradients.items()
    }
    for index, own in right.gradients.items():
        for name, gradient in own.items():
            assert_near(one.gradients[index][name], gradient, NORMALIZED, name)
    assert sorted((i, name) for i, name, _ in one.statistics()) == sorted(
        (i, name) for i, name, _ in right.statistics()
    )
    assert one.pictures == trial.images
    assert one.looks_sound()


@pytest.mark.parametrize(
    "sizes", [(3, 3, 3), (4, 3), (4, 3, 4), (4, 3, 3), (3, 4, 4, 3), (1, 2, 3, 4, 5, 1, 2)], ids=str
)
@pytest.mark.parametrize("text", [NETWORK, WITH_PLAIN_LAYERS])
def test_passes_of_any_sizes_add_up(text: str, sizes: tuple[int, ...]) -> None:
    """Twice, with other weights the second time: every program reads them anew, and no old sum is left."""
    trial = Trial(text)
    passes = FastPasses(trial.graph, 1)
    for _ in range(2):
        sums, right = Sums(), Sums()
        for number, size in enumerate(sizes):
            trial.draw(size)
            sums.add(one_pass(passes, trial, repack=number == 0, adding=number > 0))
            right.add(trial.exact())
        for index, own in right.gradients.items():
            for name, gradient in own.items():
                assert_near(sums.gradients[index][name], gradient, NORMALIZED, f"{name} of layer {index}")
        for node in trial.graph.nodes:
            for array in node.arrays:
                node.weights[array.name] *= np.float32(0.8)
    assert sums.pictures == sum(sizes)


def test_one_program_adds_where_the_kernels_are() -> None:
    trial = Trial(NETWORK)
    passes = FastPasses(trial.graph, 1)
    first = one_pass(passes, trial, repack=True, adding=False)
    second = one_pass(passes, trial, repack=False, adding=True)
    assert not first.summed
    assert second.summed == {(index, name) for index, own in second.gradients.items() for name in own}


def test_few_programs_are_kept() -> None:
    trial = Trial(NETWORK)
    passes = FastPasses(trial.graph, 1)
    for size in range(1, MOST_PROGRAMS + 3):
        passes.new(size, (), repack=True, adding=False)
    assert len(passes._programs) == MOST_PROGRAMS


@pytest.mark.parametrize("where", ["batch", "weights", "plain layer"])
def test_what_is_no_number_is_seen(where: str) -> None:
    trial = Trial(WITH_PLAIN_LAYERS)
    if where == "batch":
        trial.batch[0, 0, 0, 0] = np.nan
    else:
        trial.graph.nodes[0 if where == "weights" else 2].weights["weights"][0, 0] = np.inf
    with np.errstate(all="ignore"):
        assert not one_pass(FastPasses(trial.graph, 1), trial, repack=True, adding=False).looks_sound()


def test_suitable_networks() -> None:
    assert is_suitable(Trial(NETWORK).graph)
    recurrent = section("rnn", hidden=4, output=4)
    assert not is_suitable(Trial(net((3, 4, 4), conv(4), DENSE, "[softmax]\n").replace(DENSE, recurrent + DENSE)).graph)
    assert not is_suitable(Trial(net((3, 4, 4), section("batchnorm"), "[softmax]\n")).graph), "nothing fast in it"
    shared = conv(18, share_index=0)
    assert not is_suitable(Trial(net((18, 4, 4), conv(18), shared, END)).graph)


@pytest.mark.parametrize("kind", [np.float64, "fortran"])
def test_arrays_of_another_kind_run_plainly(kind: object) -> None:
    graph = Trial(NETWORK).graph
    weights = graph.nodes[1].weights["weights"].repeat(2, axis=1)[:, ::2]
    graph.nodes[1].weights["weights"] = weights.astype(np.float64) if kind is np.float64 else weights
    assert not is_suitable(graph)
