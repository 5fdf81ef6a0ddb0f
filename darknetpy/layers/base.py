"""What every layer type has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from darknetpy.config.options import Kind, Option, Options, Use
from darknetpy.config.sections import Section
from darknetpy.config.tree import Tree
from darknetpy.dialect import Dialect
from darknetpy.errors import ConfigError, DarknetpyWarning, printable
from darknetpy.kernels.activations import ACTIVATIONS, NAMES_ELSEWHERE
from darknetpy.layers.state import LayerState
from darknetpy.layers.tape import Tape
from darknetpy.layers.weights import Weights

Shape = tuple[int, ...]
"""The shape of one picture's values: (c, h, w), or (length,) where there is no picture."""
UNKNOWN = -1234.0  # a truth that says nothing (SECRET_NUM in Darknet)

COMMON_OPTIONS = (
    Option("dontload", False, "the weights file has no arrays for this layer", Kind.FLAG),
    Option("dontloadscales", False, "the weights file has no batch-norm arrays for this layer", Kind.FLAG),
    Option("dontsave", False, "saving leaves this layer out", Kind.FLAG),
    Option("numload", 0, "the weights file has arrays for this many filters only; 0 is all", minimum=0),
    Option("learning_rate", 1.0, "factor on the network's learning rate", Kind.NUMBER, minimum=0, use=Use.TRAIN),
    Option("clip", 0.0, "largest size of a weight while training; 0 is no limit", Kind.NUMBER, minimum=0,
           use=Use.TRAIN),
    Option("onlyforward", False, "no gradient passes this layer", Kind.FLAG, use=Use.TRAIN),
    Option("dont_update", 0, "the arrays stay as they are in this many updates", minimum=0, use=Use.TRAIN),
    Option("burnin_update", 0, "the arrays stay as they are for this many times burn_in", minimum=0, use=Use.TRAIN),
    Option("stopbackward", 0, "this layer and those before it stay as they are: 1 always, more in updates before that",
           minimum=0, use=Use.TRAIN),
    Option("train_only_bn", False, "of this layer and those before it only rolling statistics change", Kind.FLAG,
           use=Use.TRAIN),
    Option("truth", False, "a mark of pjreddie's that its programs do not use", Kind.FLAG, use=Use.NONE),
    Option("smooth", 0.0, "label smoothing of pjreddie's", Kind.NUMBER, use=Use.TRAIN),
)  # fmt: skip


def activation_option(default: str) -> Option:
    """The ``activation=`` option of a layer type, with its own default."""
    return Option("activation", default, "function of each output value", Kind.WORD, choices=tuple(ACTIVATIONS),
                  elsewhere=NAMES_ELSEWHERE)  # fmt: skip


@dataclass(frozen=True)
class Array:
    """One array that a layer owns, float32. It starts with ``initial``, or uniform within ``bound`` around it.

    ``in_file`` is false for arrays that a weights file leaves out. ``matrix`` marks those that old files
    (major or minor above 1000) hold transposed, ``flipped`` those that the cfg declares transposed.
    ``trained`` is false for statistics. ``leading`` limits the first axis in the file (numload=); the rest stays
    as it began.
    """

    name: str
    shape: tuple[int, ...]
    initial: float = 0.0
    bound: float = 0.0
    in_file: bool = True
    matrix: bool = False
    flipped: bool = False
    trained: bool = True
    leading: int | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return size_of(self.shape)

    @property
    def file_shape(self) -> tuple[int, ...]:
        """The shape of the part that a weights file holds."""
        return self.shape if self.leading is None else (self.leading, *self.shape[1:])


_COUNTING = "Count from 0, or back from here with -1 for the layer before"


class Window(NamedTuple):
    """Height and width of a window in cells of the input, and the vertical and horizontal step between windows."""

    height: int
    width: int
    down: float
    right: float


ONE_CELL = Window(1, 1, 1, 1)
WINDOW_OPTIONS = ("size", "stride", "stride_x", "stride_y")
"""The options that `window_text` writes in its own way."""


class Layer:
    """Options and weights of one section, and its arithmetic in plain form.

    A layer knows shapes only through the arguments of its methods, so that any input size can be tried, and keeps
    nothing from one call to the next, so that threads can share it.
    """

    names: ClassVar[tuple[str, ...]] = ()
    """Section names, the usual one first."""
    declared_options: ClassVar[tuple[Option, ...]] = ()
    needs_picture: ClassVar[bool] = False
    """Whether the first input must be (c, h, w)."""
    has_loss: ClassVar[bool] = False
    """Whether it compares its output with a truth, where a pass of training gives it one."""
    tree: Tree | None = None
    """The tree that the output's classes form, where the cfg names one."""

    def __init__(self, options: Options, section: Section, dialect: Dialect) -> None:
        self.options, self.section, self.dialect = options, section, dialect
        self.weights = Weights()
        self.prepare()

    def prepare(self) -> None:
        """Check what options say about each other, and read the files that they name."""

    def sources(self) -> tuple[int, ...]:
        """Indexes of the layers whose outputs are the inputs; -1 is the network's input."""
        return (self.index - 1,)

    def output_shape(self, shapes: list[Shape]) -> Shape:
        """The output's shape for these input shapes; raises ConfigError where they do not fit."""
        return shapes[0]

    def check_sources(self, shapes: list[Shape], sources: list[Layer | None]) -> None:
        """Raise ConfigError where the layers read (None: the network's input) do not give what this one needs.

        Other than `output_shape` it can point at an option of theirs.
        """

    def check_training(self) -> None:
        """Raise ConfigError where options that only matter for training cannot be used."""

    def check_readers(self, shapes: list[Shape], readers: list[Layer]) -> None:
        """Raise ConfigError where the layers that read this one's output (none: the network's user) cannot use it."""

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        """Warnings about usable but suspicious shapes."""
        yield from ()

    def arrays(self, shapes: list[Shape]) -> list[Array]:
        """The arrays this layer owns, in the order of a weights file."""
        return []

    def shares_arrays_of(self) -> int | None:
        """Index of the layer whose arrays this one uses instead of its own."""
        return None

    def flops(self, shapes: list[Shape]) -> int:
        """Floating-point operations for one picture, a multiply-add counted as 2, as Darknet prints them."""
        return 0

    def temporary(self, shapes: list[Shape]) -> int:
        """Values that the plain form holds for one picture besides its inputs, arrays and output."""
        return 0

    def window(self) -> Window | None:
        """The cells of each input that one output cell sees; None where it sees the whole input."""
        return ONE_CELL

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        """The output, in the dtype of the inputs; arrays are (n, *shape). Never changes its inputs.

        With a tape the pass is one of training, see :class:`~darknetpy.layers.tape.Tape`.
        """
        raise TypeError(f"[{self.type}] has no forward")

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """The gradient of the loss by each input, from that by the output; None where none can pass.

        ``tape`` is that of the forward pass. The gradients by the layer's own arrays are added to ``tape.gradients``.
        Never changes ``gradient``, which is (n, *output_shape), in the dtype of the pass.
        """
        raise TypeError(f"[{self.type}] has no backward")

    def short(self) -> str:
        """What the cfg sets otherwise than by default, in a few words for tables: ``layers -1, 8, groups 2``."""
        return ", ".join(self.settings())

    def settings(self, besides: Collection[str] = ()) -> Iterator[str]:
        """The parts of :meth:`short`: options that are not as by default, without those named in ``besides``."""
        own = [option for option in self.declared_options if option.use is not Use.NONE]
        common = [option for option in COMMON_OPTIONS if option.use is Use.RUN]
        for option in own + common:
            if option.name in self.options.given and option.name not in besides:
                value = self.options[option.name]
                if value != option.default:
                    yield _in_short(option, value)

    @property
    def type(self) -> str:
        """The usual section name, whichever alias the cfg uses."""
        return self.names[0]

    @property
    def index(self) -> int:
        """The layer's index, counted from 0 as Darknet does."""
        return self.section.layer or 0

    def refusal(self, found: str, expected: str = "", remedy: str = "", option: str | None = None) -> ConfigError:
        """A ConfigError that points at this section, or at one of its options."""
        return ConfigError(found, expected, remedy, **self.section.at(option))

    def resolve(self, reference: int, option: str) -> int:
        """The absolute index that a layer reference means: negative ones count back from this layer."""
        index = reference if reference >= 0 else self.index + reference
        if index == self.index:
            found = f"{option}={reference} refers to the layer itself"
            raise self.refusal(found, "an earlier layer", _COUNTING, option)
        if not 0 <= index < self.index:
            which = f"layer {index}" if index < 0 or reference < 0 else f"layer {reference}"
            raise self.refusal(
                f"{option}={reference} means {which}, which does not come before layer {self.index}",
                f"a layer from 0 to {self.index - 1}" if self.index else "an earlier layer, and there is none",
                _COUNTING,
                option,
            )
        return index


class RecurrentLayer(Layer):
    """A layer whose output depends on what it saw before. The memory is the caller's: a `LayerState`."""

    def advance(self, inputs: list[np.ndarray], state: LayerState, tape: Tape | None = None) -> np.ndarray:
        """The output for the next ``state.time_steps`` steps; ``state`` is what came before, and is changed.

        Arrays are (time_steps * b, *shape), time step first; the output is in the dtype of the inputs, which are not
        changed.
        """
        raise TypeError(f"[{self.type}] has no advance")

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        """The output for the first step of as many sequences as there are rows."""
        return self.advance(inputs, LayerState(), tape)


def _in_short(option: Option, value: Any) -> str:
    """A choice by itself, a flag by its name, anything else as name and value."""
    if option.choices:
        return str(value)
    if option.kind is Kind.FLAG:
        return option.name if value else f"no {option.name}"
    elements = value if isinstance(value, tuple) else (value,)
    texts = (f"{element:g}" if isinstance(element, float) else printable(element) for element in elements)
    return f"{option.name} {', '.join(texts)}"


def window_text(size: int, strides: tuple[int, int]) -> str:
    """A window and its vertical and horizontal step as people write them.

    >>> window_text(3, (2, 2))
    '3x3 / 2'
    """
    down, right = strides
    step = str(down) if down == right else f"{down}x{right}"
    return f"{size}x{size}" + ("" if step == "1" else f" / {step}")


def size_of(shape: Shape) -> int:
    """Number of values of one picture."""
    product = 1
    for side in shape:
        product *= side
    return product


def shape_text(shape: Shape) -> str:
    """A shape as people write it: ``64x13x13`` (channels, height, width)."""
    return "x".join(map(str, shape))
