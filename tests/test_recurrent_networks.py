"""Networks that remember: the state from call to call, in plain form and in the engine, for one and several threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyError, ImageError
from darknetpy.layers.state import LayerState
from darknetpy.weights.writer import write_weights

CFG = """[net]
inputs=6
[rnn]
output=5
hidden=4
activation=tanh
[lstm]
output=5
[route]
layers=-1,-2
[gru]
output=4
[connected]
output=6
activation=linear
[softmax]
"""
PICTURES = """[net]
width=8
height=6
channels=3
[convolutional]
filters=16
size=3
pad=1
activation=leaky
[history]
history_size=2
[crnn]
output=16
hidden=4
pad=1
activation=leaky
[convolutional]
filters=20
size=3
pad=1
activation=leaky
[conv_lstm]
output=5
pad=1
[avgpool]
"""
STEPS, SEQUENCES = 4, 3


def network(text: str = CFG) -> darknetpy.Network:
    return darknetpy.load(parse_cfg(text, "net.cfg"), seed=2)


def sequences(net: darknetpy.Network, seed: int = 1) -> np.ndarray:
    """(STEPS, SEQUENCES, *input_shape) float32."""
    return np.random.default_rng(seed).random((STEPS, SEQUENCES, *net.input_shape), dtype=np.float32)


def rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, *x.shape[2:])


@pytest.fixture(params=[CFG, PICTURES], ids=["values", "pictures"])
def net(request: pytest.FixtureRequest) -> darknetpy.Network:
    return network(request.param)


@pytest.mark.parametrize("engine", [True, False])
def test_steps_in_one_call_are_the_steps_in_several(net: darknetpy.Network, engine: bool) -> None:
    x, every = sequences(net), range(len(net.layers))
    together = net.predict(rows(x), state=net.new_state(STEPS), outputs=every, engine=engine)
    for parts in ([1] * STEPS, [3, 1]):
        state, first = net.new_state(), 0
        for steps in parts:
            state.time_steps = steps
            found = net.predict(rows(x[first : first + steps]), state=state, outputs=every, engine=engine)
            for ours, expected in zip(found, together, strict=True):
                expected = expected[first * SEQUENCES : (first + steps) * SEQUENCES]
                np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
            first += steps


def test_engine_and_plain_form_agree_and_leave_the_same_state(net: darknetpy.Network) -> None:
    x, states = sequences(net), [net.new_state(STEPS) for _ in range(2)]
    for _ in range(2):
        fast = net.predict(rows(x), state=states[0], outputs=range(len(net.layers)))
        plain = net.activations(rows(x), states[1])
        for ours, definition in zip(fast, plain, strict=True):
            assert np.abs(ours - definition).max() <= 1e-5 * np.abs(definition).max()
    for layer in net.graph.recurrent_layers:
        for name, values in states[1][layer.index].items():
            np.testing.assert_allclose(states[0][layer.index][name], values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("engine", [True, False])
def test_without_a_state_every_row_is_the_first_step_of_a_sequence(net: darknetpy.Network, engine: bool) -> None:
    x = rows(sequences(net))
    state = net.new_state()
    first = net.predict(x, state=state, engine=engine)
    for _ in range(2):
        np.testing.assert_array_equal(net.predict(x, engine=engine), first)
    assert not np.array_equal(net.predict(x, state=state, engine=engine), first)
    state.reset()
    np.testing.assert_array_equal(net.predict(x, state=state, engine=engine), first)


def test_sequences_do_not_meet(net: darknetpy.Network) -> None:
    x = sequences(net)
    together = net.predict(rows(x), state=net.new_state(STEPS)).reshape(STEPS, SEQUENCES, -1)  # type: ignore[union-attr]
    for sequence in range(SEQUENCES):
        alone = net.predict(np.ascontiguousarray(x[:, sequence]), state=net.new_state(STEPS))
        np.testing.assert_allclose(alone.reshape(STEPS, -1), together[:, sequence], rtol=1e-4, atol=1e-7)  # type: ignore[union-attr]


def test_all_recurrent_layers_go_on_whatever_outputs_are_asked_for(net: darknetpy.Network) -> None:
    x, state, other = rows(sequences(net)), net.new_state(), net.new_state()
    net.predict(x, state=state, outputs=[0])
    net.predict(x, state=other)
    np.testing.assert_array_equal(net.predict(x, state=state), net.predict(x, state=other))


def test_double_precision_goes_on_in_double(net: darknetpy.Network) -> None:
    x, state = rows(sequences(net)), net.new_state(STEPS)
    net.predict(x, state=state)
    found = net.predict(x.astype(np.float64), state=state, engine=False)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float64


def test_two_threads_with_a_state_each_get_the_answers_that_one_gets(net: darknetpy.Network) -> None:
    inputs = [rows(sequences(net, seed)) for seed in (1, 2)]

    def calls(number: int) -> list[np.ndarray]:
        state = net.new_state(STEPS)
        return [net.predict(inputs[number], state=state) for _ in range(10)]  # type: ignore[misc]

    expected = [calls(number) for number in range(2)]
    found: dict[int, list[np.ndarray]] = {}
    threads = [
        threading.Thread(target=lambda number=number: found.update({number: calls(number)})) for number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(2):
        np.testing.assert_array_equal(found[number], expected[number])
    assert not np.array_equal(expected[0], expected[1])


@pytest.mark.parametrize("engine", [True, False])
def test_a_state_that_does_not_fit_is_refused_and_left_alone(net: darknetpy.Network, engine: bool) -> None:
    x, state = rows(sequences(net)), net.new_state(STEPS)
    net.predict(x, state=state, engine=engine)
    before = {layer.index: state[layer.index] for layer in net.graph.recurrent_layers}
    with pytest.raises(ImageError, match="expected a multiple of 4"):
        net.predict(x[:-1], state=state, engine=engine)
    with pytest.raises(ImageError, match=r"2 sequences of .*, expected 3 sequences"):
        net.predict(x[: 2 * STEPS], state=state, engine=engine)
    with pytest.raises(DarknetpyError, match="the state of another network"):
        network().predict(x if len(net.input_shape) == 1 else np.ones((4, 6), np.float32), state=state, engine=engine)
    for index, arrays in before.items():
        assert all(state[index][name] is values for name, values in arrays.items())


def test_other_sizes_of_pictures_have_states_of_their_own_size() -> None:
    net = network(PICTURES)
    small, large = np.ones((2, 3, 6, 8), np.float32), np.ones((2, 3, 9, 9), np.float32)
    state = net.new_state()
    net.predict(large, state=state)
    net.predict(large, state=state, engine=False)
    with pytest.raises(ImageError, match="2 sequences of 3x6x8 values, expected 2 sequences of 3x9x9"):
        net.predict(small, state=state)


def test_a_network_without_recurrent_layers_takes_a_state_too() -> None:
    net = network("[net]\ninputs=3\n[connected]\noutput=2\n")
    x = np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(net.predict(x, state=net.new_state(2)), net(x))


def test_a_failed_call_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    x, state = rows(sequences(net)), net.new_state(STEPS)
    first = net.predict(x, state=state, engine=False)
    with monkeypatch.context() as patch:
        patch.setattr(net.layers["gru3"].layer, "advance", _fail)
        with pytest.raises(ZeroDivisionError):
            net.predict(x, state=state, engine=False)
    other = net.new_state(STEPS)
    np.testing.assert_array_equal(net.predict(x, state=other, engine=False), first)
    np.testing.assert_array_equal(net.predict(x, state=state, engine=False), net.predict(x, state=other, engine=False))


def _fail(inputs: list[np.ndarray], state: LayerState) -> np.ndarray:
    raise ZeroDivisionError


def test_saved_weights_are_read_back(net: darknetpy.Network, tmp_path: Path) -> None:
    net.save_weights(tmp_path / "net.weights")
    again = darknetpy.load(net.graph.cfg, tmp_path / "net.weights")
    x = rows(sequences(net))
    np.testing.assert_array_equal(again(x), net(x))


def test_old_files_hold_the_matrices_of_all_parts_transposed(tmp_path: Path) -> None:
    net = network()
    write_weights(tmp_path / "old.weights", net.graph, version=(0, 1001, 0), header_bytes=16)
    first = np.fromfile(tmp_path / "old.weights", "<f4", offset=16)[4 : 4 + 24]
    np.testing.assert_array_equal(first.reshape(6, 4).T, net.layers[0].weights["input_weights"])
    again = darknetpy.load(net.graph.cfg, tmp_path / "old.weights")
    x = rows(sequences(net))
    np.testing.assert_array_equal(again(x), net(x))


def test_time_steps_of_the_cfg_are_for_training() -> None:
    net = network(CFG.replace("inputs=6", "inputs=6\ntime_steps=7"))
    assert net.new_state().time_steps == 1
    assert net(np.ones((2, 6), np.float32)).shape == (2, 6)


@pytest.mark.parametrize("engine", [True, False])
def test_the_recorded_character_model(shared: Path, engine: bool) -> None:
    folder = shared / "data" / "models" / "shakespeare_rnn"
    recorded = json.loads((folder / "results.json").read_text())
    text = np.frombuffer((folder / "valid.txt").read_bytes(), np.uint8)
    net = darknetpy.load(folder / "shakespeare_rnn.cfg", folder / "shakespeare_rnn.weights", dialect="pjreddie")
    rows_of = np.eye(256, dtype=np.float32)[text]
    answer = net.predict(rows_of, state=net.new_state(len(text)), engine=engine)
    assert isinstance(answer, np.ndarray)
    bits = -np.log2(answer[np.arange(len(text) - 1), text[1:]])
    for count, expected in recorded["bits_per_char_after"].items():
        assert bits[: int(count)].mean() == pytest.approx(expected, abs=6e-5)  # printed with four digits
    check: Callable[[int], np.ndarray] = {True: answer.__getitem__, False: _one_by_one(net, rows_of[:200])}[engine]
    for place, (byte, *best) in enumerate(recorded["next_char_top5"]):
        assert byte == text[place]
        probabilities = check(place)
        assert np.argsort(-probabilities, kind="stable")[:5].tolist() == [number for number, _ in best]
        assert probabilities[[number for number, _ in best]] == pytest.approx([p for _, p in best], abs=3e-6)


def _one_by_one(net: darknetpy.Network, x: np.ndarray) -> Callable[[int], np.ndarray]:
    state = net.new_state()
    answers = [net.predict(row[np.newaxis], state=state) for row in x]
    return lambda place: answers[place][0]  # type: ignore[return-value]
