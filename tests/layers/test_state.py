"""What recurrent layers carry from call to call."""

from __future__ import annotations

import contextlib
import threading

import numpy as np
import pytest

from darknetpy.errors import DarknetpyError, ImageError
from darknetpy.layers.state import LayerState, State
from tests.layers.workbench import make_layer

LAYERS = (make_layer("[rnn]", index=2), make_layer("[gru]", index=5))
SHAPE = (6, 3)


def go_on(state: State, shape: tuple[int, ...] = SHAPE, value: float = 1.0) -> None:
    """A call in which layer 2 remembers ``value``."""
    with state.going_on(LAYERS, shape) as memory:
        memory[2]["hidden"] = np.full((shape[0] // state.time_steps, 1), value)


def test_nothing_is_remembered_at_first_and_that_means_zeros() -> None:
    memory = LayerState(time_steps=3)
    assert memory == {}
    zeros = memory.recall("hidden", (4, 1), np.ones((6, 2), np.float32))
    assert zeros.shape == (2, 4, 1)
    assert zeros.dtype == np.float32
    assert not zeros.any()


def test_arrays_come_back_in_the_dtype_of_the_call() -> None:
    memory = LayerState(arrays={"hidden": np.ones((2, 4), np.float32)})
    double = memory.recall("hidden", (4,), np.ones((2, 2)))
    assert double.dtype == np.float64
    assert double.tolist() == np.ones((2, 4)).tolist()


def test_rows_are_time_step_first() -> None:
    rows = np.arange(6)[:, np.newaxis]
    assert LayerState(3).steps_of(rows)[..., 0].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_call_gives_each_layer_its_memory_and_keeps_what_it_leaves() -> None:
    state = State(LAYERS, time_steps=3)
    with state.going_on(LAYERS, SHAPE) as memory:
        assert set(memory) == {2, 5}
        assert memory[2].time_steps == 3
        memory[2]["hidden"] = np.ones((2, 1))
    assert state[2]["hidden"].tolist() == [[1], [1]]
    assert state[5] == {}
    with state.going_on(LAYERS, SHAPE) as memory:
        assert memory[2]["hidden"].tolist() == [[1], [1]]


def test_a_call_that_fails_leaves_the_state_as_it_was() -> None:
    state = State(LAYERS)
    go_on(state, value=1)
    with contextlib.suppress(ZeroDivisionError), state.going_on(LAYERS, SHAPE) as memory:
        memory[2]["hidden"] = np.full((6, 1), 2.0)
        raise ZeroDivisionError
    assert (state[2]["hidden"] == 1).all()
    go_on(state)


def test_reset_forgets_everything() -> None:
    state = State(LAYERS)
    go_on(state, (6, 3))
    state.reset()
    assert state[2] == {}
    go_on(state, (4, 5))


def test_another_number_of_sequences_is_refused() -> None:
    state = State(LAYERS, time_steps=3)
    go_on(state, (6, 3))
    with pytest.raises(ImageError) as caught:
        go_on(state, (9, 3))
    assert str(caught.value) == (
        "3 sequences of 3 values, expected 2 sequences of 3 values, as before. Call reset() of the state to begin anew."
    )
    with pytest.raises(ImageError, match="2 sequences of 2x4 values"):
        go_on(state, (6, 2, 4))


def test_time_steps_may_change_between_calls_for_the_same_sequences() -> None:
    state = State(LAYERS, time_steps=3)
    go_on(state, (6, 3))
    state.time_steps = 1
    go_on(state, (2, 3))
    with pytest.raises(ImageError):
        go_on(state, (6, 3))


def test_rows_that_are_no_whole_number_of_steps_are_refused() -> None:
    with pytest.raises(ImageError, match="5 rows with time_steps=3, expected a multiple of 3"):
        go_on(State(LAYERS, time_steps=3), (5, 3))


@pytest.mark.parametrize("steps", [0, -1, 1.5, "2"])
def test_time_steps_are_a_number_of_steps(steps: int) -> None:
    with pytest.raises(DarknetpyError, match="expected a whole number, at least 1"):
        go_on(State(LAYERS, time_steps=steps))


def test_the_state_of_another_network_is_refused() -> None:
    others = (make_layer("[rnn]", index=2), make_layer("[gru]", index=5))
    for layers in (others, LAYERS[:1], ()):
        with (
            pytest.raises(DarknetpyError, match="the state of another network"),
            State(LAYERS).going_on(layers, SHAPE),
        ):
            pass


def test_two_calls_at_once_are_refused_and_the_first_goes_on() -> None:
    state, inside, leave = State(LAYERS), threading.Event(), threading.Event()

    def first() -> None:
        with state.going_on(LAYERS, SHAPE) as memory:
            inside.set()
            leave.wait(60)
            memory[2]["hidden"] = np.full((6, 1), 7.0)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(60)
    for call in (lambda: go_on(state), state.reset):
        with pytest.raises(DarknetpyError, match="in use by another call"):
            call()
    leave.set()
    thread.join()
    assert (state[2]["hidden"] == 7).all()
    go_on(state)


def test_layers_that_remember_nothing_are_named() -> None:
    with pytest.raises(KeyError, match="layer 3 remembers nothing; those that do: 2, 5"):
        State(LAYERS)[3]
    with pytest.raises(KeyError, match="those that do: none"):
        State(())[0]
