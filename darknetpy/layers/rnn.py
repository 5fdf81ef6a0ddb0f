"""[rnn]: a plain recurrent layer. Source: AlexeyAB/darknet src/rnn_layer.c, pjreddie/darknet src/rnn_layer.c."""

from __future__ import annotations

from collections.abc import Iterator

from darknetpy.config.options import Default, Kind, Option
from darknetpy.errors import DarknetpyWarning
from darknetpy.layers.base import Shape, activation_option
from darknetpy.layers.parts.assembled import Placed
from darknetpy.layers.parts.fully_connected import FullyConnected
from darknetpy.layers.parts.plain_recurrence import PlainRecurrence

_HIDDEN = Default(
    "1; in the dialect pjreddie output",
    lambda earlier, dialect: earlier.output if dialect.rnn_hidden_is_output else 1,
)
_STATE_ACTIVATIONS = {1: "logistic", 2: "loggy"}


class Rnn(PlainRecurrence):
    """Hidden values that see the input and themselves one step before; the output sees them.

    Shapes: any -> (output, 1, 1). Pictures are read as flat rows in the order channel, row, column.

    hidden[t] = activation(input part of x[t]) + activation(self part of hidden[t - 1])

    output[t] = activation(output part of hidden[t])

    Each part is fully connected, with biases or batch normalization of its own. hidden[-1] is the state: zeros, or
    where the last call ended. Source: Elman 1990, "Finding structure in time".
    """

    names = ("rnn",)
    declared_options = (
        Option("output", 1, "number of output values", minimum=1),
        Option("hidden", _HIDDEN, "number of hidden values", minimum=1),
        activation_option("logistic"),
        Option("batch_normalize", False, "normalize the values of each part instead of adding biases only", Kind.FLAG),
        Option("logistic", 0, "activation of the self part: 0 as the others, 1 logistic, 2 loggy", minimum=0,
               maximum=2),
        Option("shortcut", False, "add the hidden values of the step before, too", Kind.FLAG),
    )  # fmt: skip

    @property
    def hidden(self) -> int:
        """Number of hidden values."""
        return int(self.options.output if self.dialect.rnn_hidden_is_output else self.options.hidden)

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        if self.options.hidden != self.hidden:
            found, expected = f"hidden={self.options.hidden}", f"output={self.hidden}, which pjreddie's program takes"
            remedy = "It is ignored; with --dialect alexeyab it counts"
            yield DarknetpyWarning(found, expected, remedy, **self.section.at("hidden"))

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (self.options.output, 1, 1)

    def parts(self, shape: Shape) -> dict[str, Placed]:
        activation, normalized = self.options.activation, self.options.batch_normalize
        entering = FullyConnected(self.hidden, activation, normalized)
        again = FullyConnected(self.hidden, _STATE_ACTIVATIONS.get(self.options.logistic, activation), normalized)
        leaving = FullyConnected(self.options.output, activation, normalized)
        hidden = (self.hidden, 1, 1)
        return {"input": Placed(entering, shape), "self": Placed(again, hidden), "output": Placed(leaving, hidden)}

    def window(self) -> None:
        return None
