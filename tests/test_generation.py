"""Text from recurrent networks."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError, DarknetpyError, DataError, WeightsError
from darknetpy.generation import continued, generate

CFG = "[net]\ninputs={inputs}\n[rnn]\noutput=8\nhidden=8\nactivation=tanh\n[connected]\noutput={outputs}\n{end}"
SOFTMAX = "activation=linear\n[softmax]\n"


def network(inputs: int = 256, outputs: int | None = None, end: str = SOFTMAX, seed: int = 0) -> darknetpy.Network:
    text = CFG.format(inputs=inputs, outputs=inputs if outputs is None else outputs, end=end)
    net = darknetpy.load(parse_cfg(text, "net.cfg"), seed=seed)
    for name, values in net.layers["connected1"].weights.items():
        net.layers["connected1"].weights[name] = 8 * values  # clear preferences
    return net


def counter(count: int = 5) -> darknetpy.Network:
    """A network that follows each number with the next one, for certain, and the last with 0."""
    text = f"[net]\ninputs={count}\n[connected]\noutput={count}\nactivation=linear\n[softmax]\n"
    net = darknetpy.load(parse_cfg(text, "net.cfg"))
    weights = np.zeros((count, count), np.float32)
    for number in range(count):
        weights[(number + 1) % count, number] = 100
    net.layers[0].weights.update(weights=weights, biases=np.zeros(count, np.float32))
    return net


def test_every_answer_is_the_next_input() -> None:
    assert list(continued(counter(), [1, 3], 7)) == [4, 0, 1, 2, 3, 4, 0]


def test_an_empty_seed_begins_with_number_0() -> None:
    assert list(continued(counter(), [], 3)) == [1, 2, 3]
    assert list(continued(counter(), np.array([2]), 1)) == [3]  # type: ignore[arg-type]


def test_the_same_random_seed_gives_the_same_numbers() -> None:
    net = network(40)
    first = list(continued(net, [3, 4], 50, random_seed=7))
    assert list(continued(net, [3, 4], 50, random_seed=7)) == first
    assert list(continued(net, [3, 4], 50, random_seed=8)) != first


def test_the_whole_seed_is_remembered() -> None:
    net = network(40)
    assert list(continued(net, [3, 4], 50)) != list(continued(net, [9, 4], 50))


@pytest.mark.parametrize("length", [1, 2, 256, 257, 258, 600])
def test_a_long_seed_is_read_as_if_it_were_one_by_one(length: int) -> None:
    net = network(40)
    seed = np.random.default_rng(0).integers(0, 40, length).tolist()
    state, scores = net.new_state(), []
    for number in seed:
        (scores,) = net.predict(np.eye(40, dtype=np.float32)[[number]], state=state, outputs=[1])
    likeliest = int(scores.argmax())
    assert list(continued(net, seed, 1, temperature=1e-6)) == [likeliest]


def test_temperature_stands_in_the_place_of_the_softmaxs_own() -> None:
    plain, warm = network(40), network(40, end="activation=linear\n[softmax]\ntemperature=5\n")
    assert list(continued(plain, [1], 30, 0.7)) == list(continued(warm, [1], 30, 0.7))
    scores = plain.predict(np.eye(40, dtype=np.float32)[[1]], outputs=[1])[0].ravel().astype(np.float64)
    for temperature in (0.5, 2.0):
        expected = np.exp(scores / temperature) / np.exp(scores / temperature).sum()
        drawn = Counter(next(continued(plain, [1], 1, temperature, seed)) for seed in range(800))
        found = np.array([drawn[number] / 800 for number in range(40)])
        assert np.abs(found - expected).max() < 0.06


def test_what_is_rare_is_never_drawn() -> None:
    net = counter(1002)
    scores = np.log(np.array([0.5, 0.41] + [0.00009] * 1000)).astype(np.float32)
    net.layers[0].weights.update(weights=np.zeros((1002, 1002), np.float32), biases=scores)
    assert set(continued(net, [0], 300, temperature=1)) == {0, 1}
    assert set(continued(net, [0], 300, temperature=1.1)) > {0, 1}  # 0.000166 each


def test_where_everything_is_rare_anything_may_be_drawn() -> None:
    net = network(12_000)
    for name, values in net.layers["connected1"].weights.items():
        net.layers["connected1"].weights[name] = 0 * values
    assert len(set(continued(net, [0], 5))) > 1


def test_text_comes_in_characters_and_bytes_that_are_none_are_marked() -> None:
    net = counter(256)
    assert list(generate(net, "`", 3)) == ["a", "b", "c"]
    pieces = list(generate(net, "\x7f", 256))  # goes on with bytes 128 to 255, each no character by itself
    assert "".join(pieces).startswith("\ufffd" * 10)
    assert "".join(pieces).endswith("}~\x7f")
    assert all(pieces)


def test_characters_of_several_bytes_are_put_together() -> None:
    net = counter(256)
    weights = np.zeros((256, 256), np.float32)
    for one, other in itertools.pairwise("aéa".encode()):
        weights[other, one] = 100
    net.layers[0].weights["weights"] = weights
    assert list(generate(net, "a", 6)) == ["é", "a", "é", "a"]
    assert list(generate(net, "a", 4)) == ["é", "a", "\ufffd"]  # the text ends within a character


def test_a_seed_is_utf8() -> None:
    net = counter(256)
    assert "".join(generate(net, "é", 1)) == "\ufffd"
    first = "".join(generate(network(), "é", 20))
    assert first == "".join(generate(network(), b"\xc3\xa9".decode(), 20))


@pytest.mark.parametrize(("text", "place"), [("ab\x80", 2), ("é", 0), ("aaaz€", 4)])
def test_a_byte_that_the_network_has_no_input_for_is_named_with_its_place(text: str, place: int) -> None:
    byte = text.encode()[place]
    with pytest.raises(DataError) as caught:
        generate(network(128), text)
    assert str(caught.value) == (
        f"number {byte} at place {place} of the seed, expected 0 to 127, the network's inputs. Write another seed."
    )


def test_wrong_arguments_are_refused_at_once() -> None:
    net = network()
    with pytest.raises(DarknetpyError, match="length=-1, expected at least 0"):
        generate(net, length=-1)
    for temperature in (0, -1, float("nan"), float("inf")):
        with pytest.raises(DarknetpyError, match=r"temperature=.*, expected a number above 0"):
            generate(net, temperature=temperature)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (lambda: darknetpy.load("mnist"), "the network takes pictures of 28x28, expected one that takes characters"),
        (lambda: network(10, 12), "the network has 10 inputs and 12 outputs"),
        (lambda: network(300), "the network has 300 inputs, expected at most 256"),
        (lambda: network(end="activation=logistic\n"), r"the network ends with \[connected\], expected a \[softmax\]"),
        (lambda: network(end="activation=linear\n[softmax]\ngroups=2\n"), r"ends with \[softmax\] in groups"),
    ],
)  # fmt: skip
def test_networks_that_are_not_for_texts_are_refused(net: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        generate(net())  # type: ignore[operator]


def test_a_cost_behind_the_softmax_changes_nothing() -> None:
    assert "".join(generate(network(), length=20)) == "".join(
        generate(network(end=SOFTMAX + "[cost]\ntype=sse\n"), length=20)
    )


def test_answers_that_are_not_finite_are_errors() -> None:
    net = network()
    net.layers["connected1"].weights["biases"][3] = np.nan
    with pytest.raises(WeightsError, match="the network's answer is not finite"):
        next(generate(net))


def test_two_texts_can_be_generated_in_turns() -> None:
    net = network(40)
    expected = [list(continued(net, [seed], 20)) for seed in (1, 2)]
    both = list(zip(continued(net, [1], 20), continued(net, [2], 20), strict=True))
    assert [list(numbers) for numbers in zip(*both, strict=True)] == expected


def test_the_character_model_writes_in_its_style(shared: Path) -> None:
    folder = shared / "data" / "models" / "shakespeare_rnn"
    net = darknetpy.load(folder / "shakespeare_rnn.cfg", folder / "shakespeare_rnn.weights", dialect="pjreddie")
    text = "".join(generate(net, "ROMEO:", 2000, temperature=0.4, random_seed=1))
    known = set((folder / "valid.txt").read_text())
    assert set(text) <= known
    recorded = json.loads((folder / "results.json").read_text())["generated"]
    common = Counter(recorded.split()).most_common(3)
    words = text.split()
    assert all(words.count(word) > len(words) / 100 for word, _ in common)
