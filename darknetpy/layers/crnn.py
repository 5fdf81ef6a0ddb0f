"""[crnn]: a plain recurrent layer of convolutions. Source: AlexeyAB/darknet and pjreddie/darknet src/crnn_layer.c."""

from __future__ import annotations

from darknetpy.config.options import Default, Kind, Option, Options
from darknetpy.dialect import Dialect
from darknetpy.layers.base import Shape, Window, activation_option
from darknetpy.layers.parts.assembled import Placed
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.layers.parts.plain_recurrence import PlainRecurrence
from darknetpy.layers.parts.same_size import SAME_SIZE_OPTIONS, check_same_size, convolution_of


def _other_spelling(name: str) -> Default:
    """One of the two programs says ``output_filters`` for ``output``, and the like."""

    def value(earlier: Options, dialect: Dialect) -> int:
        return int(earlier[name] or 1)

    return Default(f"{name}, else 1", value)


def _keeps_sides(earlier: Options, dialect: Dialect) -> bool:
    """Whether the section is one of the program that always pads."""
    return dialect.crnn_keeps_sides or bool({"output_filters", "hidden_filters"} & earlier.given)


class Crnn(PlainRecurrence):
    """Hidden pictures that see the input and themselves one step before; the output sees them.

    Shapes: (c, h, w) -> (output, h, w).

    hidden[t] = activation(input part of x[t]) + activation(self part of hidden[t - 1])

    output[t] = activation(output part of hidden[t])

    Each part is a convolution that keeps the size of the picture, with biases or batch normalization of its own.
    hidden[-1] is the state: zeros, or where the last call ended.
    """

    names = ("crnn",)
    needs_picture = True
    declared_options = (
        Option("output_filters", None, "pjreddie's name of output", minimum=1),
        Option("hidden_filters", None, "pjreddie's name of hidden", minimum=1),
        Option("output", _other_spelling("output_filters"), "number of output channels", minimum=1),
        Option("hidden", _other_spelling("hidden_filters"), "number of hidden channels", minimum=1),
        *SAME_SIZE_OPTIONS,
        Option("pad", Default("1 with pjreddie's names or dialect, else 0", _keeps_sides),
               "surround the pictures with size/2 zeros; stands over padding", Kind.FLAG),
        activation_option("logistic"),
        Option("batch_normalize", False, "normalize the channels of each part instead of adding biases only",
               Kind.FLAG),
        Option("shortcut", False, "add the hidden pictures of the step before, too", Kind.FLAG),
    )  # fmt: skip

    def prepare(self) -> None:
        for name in ("output", "hidden"):
            theirs = self.options[f"{name}_filters"]
            if theirs not in (None, self.options[name]):
                found = f"{name}={self.options[name]} and {name}_filters={theirs}"
                raise self.refusal(found, "one of them", f"Delete {name}_filters=", f"{name}_filters")

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c, h, w = shapes[0]
        check_same_size(self, (c, h, w), {"hidden": self.options.hidden, "output": self.options.output})
        return (self.options.output, h, w)

    def _convolution(self, filters: int) -> Convolution:
        return convolution_of(self.options, filters, self.options.activation)

    def parts(self, shape: Shape) -> dict[str, Placed]:
        hidden, output = (self._convolution(filters) for filters in (self.options.hidden, self.options.output))
        inner = (self.options.hidden, *shape[1:])
        return {"input": Placed(hidden, shape), "self": Placed(hidden, inner), "output": Placed(output, inner)}

    def window(self) -> Window:
        """What the present picture's values see of it; each step before adds as much again around it."""
        reach = 2 * self._convolution(1).reach - 1
        return Window(reach, reach, 1, 1)
