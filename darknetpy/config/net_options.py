"""The options of [net]: the size of the input, and how to train.

Source: AlexeyAB/darknet src/parser.c, parse_net_options.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, TypeVar

from darknetpy.config.options import Default, Kind, Option, Options, Use, read_options
from darknetpy.config.sections import Section
from darknetpy.dialect import DEFAULT, Dialect
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings

_Problem = TypeVar("_Problem", ConfigError, DarknetpyWarning)
SIDES = ("width", "height", "channels")
POLICIES = ("constant", "step", "exp", "poly", "steps", "sigmoid", "random", "sgdr")


def _train(name: str, default: object, meaning: str, kind: Kind = Kind.NUMBER, **bounds: float | bool) -> Option:
    return Option(name, default, meaning, kind, use=Use.TRAIN, **bounds)  # type: ignore[arg-type]


def _flag(name: str, meaning: str) -> Option:
    return Option(name, False, meaning, Kind.FLAG, use=Use.TRAIN)


def _unused(name: str, default: object, kind: Kind = Kind.INTEGER) -> Option:
    return Option(name, default, "GPU memory and timing of the C program", kind, finite=False, use=Use.NONE)


def _same(name: str, factor: int = 1) -> Default:
    text = name if factor == 1 else f"{factor} * {name}"
    return Default(text, lambda earlier, dialect: (earlier[name] or 0) * factor)


NET_OPTIONS: tuple[Option, ...] = (
    Option("batch", 1, "pictures per update", minimum=1),
    Option("subdivisions", 1, "parts that a batch is computed in", minimum=1),
    Option("time_steps", 1, "steps of a sequence that are trained together", minimum=1),
    Option("width", None, "width of the input, in pixels", minimum=1),
    Option("height", None, "height of the input, in pixels", minimum=1),
    Option("channels", None, "channels of the input", minimum=1),
    Option("inputs", None, "values of the input, where it is not a picture", minimum=1),
    Option("letter_box", False, "detectors keep the picture's proportions", Kind.FLAG),
    _train("max_batches", 0, "updates in all", Kind.INTEGER, minimum=0),
    _train("learning_rate", 0.001, "size of the updates", minimum=0),
    _train("learning_rate_min", 0.00001, "smallest rate of policy sgdr", minimum=0),
    _train("momentum", 0.9, "part of the last update that goes on", minimum=0, below=1),
    _train("decay", 0.0001, "pull of the weights to zero", minimum=0),
    Option("policy", "constant", "how the rate changes", Kind.WORD, choices=POLICIES, use=Use.TRAIN),
    _train("step", 1, "updates between changes (policies step and sigmoid)", Kind.INTEGER, minimum=1),
    _train("scale", 1.0, "factor of each change (policy step)", minimum=0),
    _train("gamma", 1.0, "rate of change (policies exp and sigmoid)"),
    _train("power", 4.0, "exponent (policy poly, burn_in)"),
    _train("steps", (), "updates at which the rate changes (policy steps)", Kind.INTEGERS, minimum=-1),
    _train("scales", (), "factors at these updates", Kind.NUMBERS, minimum=0),
    _train("seq_scales", (), "factors on the sequence length at these updates", Kind.NUMBERS, minimum=0),
    _train("burn_in", 0, "updates with a rate that grows from zero", Kind.INTEGER, minimum=0),
    _train("sgdr_cycle", _same("max_batches"), "updates of the first cycle of policy sgdr", Kind.INTEGER, minimum=0),
    _train("sgdr_mult", 2, "growth of the cycles", Kind.INTEGER, minimum=1),
    _flag("adam", "Adam instead of momentum"),
    _train("B1", 0.9, "Adam's first decay", minimum=0, below=1),
    _train("B2", 0.999, "Adam's second decay", minimum=0, below=1),
    _train("eps", 0.000001, "Adam's epsilon", minimum=0),
    _train("max_crop", _same("width", 2), "longest short side before cropping, in pixels", Kind.INTEGER, minimum=0),
    _train("min_crop", _same("width"), "shortest short side before cropping, in pixels", Kind.INTEGER, minimum=0),
    _train("max_ratio", 1.0, "pjreddie: max_crop as a ratio of the width", minimum=0),
    _train("min_ratio", 1.0, "pjreddie: min_crop as a ratio of the width", minimum=0),
    _flag("center", "crop the middle while training a classifier"),
    _train("clip", 0.0, "largest size of a weight while training; 0 is no limit", minimum=0),
    _flag("notruth", "pictures without a truth"),
    _train("random", 0.0, "several input sizes while training", minimum=0),
    _train("angle", 0.0, "degrees of random rotation", minimum=0),
    _train("aspect", 1.0, "random change of the aspect ratio", minimum=0),
    _train("saturation", 1.0, "random change of saturation", minimum=0),
    _train("exposure", 1.0, "random change of brightness", minimum=0),
    _train("hue", 0.0, "random change of hue", minimum=0),
    Option("flip", True, "random mirror images", Kind.FLAG, use=Use.TRAIN),
    _train("blur", 0, "random blur", Kind.INTEGER, minimum=0),
    _train("gaussian_noise", 0, "random noise", Kind.INTEGER, minimum=0),
    _train("mixup", 0, "blend two pictures", Kind.INTEGER, minimum=0),
    _flag("cutmix", "paste a part of another picture"),
    _flag("mosaic", "four pictures in one"),
    _flag("mosaic_bound", "boxes end at the borders of the mosaic's parts"),
    _train("label_smooth_eps", 0.0, "label smoothing", minimum=0, below=1),
    _train("resize_step", 32.0, "step of random input sizes, in pixels", minimum=1),
    _flag("attention", "heat maps while training"),
    _train("adversarial_lr", 0.0, "rate of adversarial pictures", minimum=0),
    _train("max_chart_loss", 20.0, "top of the loss chart", minimum=0),
    _flag("contrastive", "contrastive training"),
    _flag("contrastive_jit_flip", "augmentation of contrastive training"),
    _flag("contrastive_color", "augmentation of contrastive training"),
    _flag("unsupervised", "training without labels"),
    _flag("track", "sequences of video frames"),
    _train("augment_speed", 2, "speed of augmented sequences", Kind.INTEGER, minimum=0),
    _train("sequential_subdivisions", _same("subdivisions"), "parts that follow in time", Kind.INTEGER, minimum=1),
    _flag("try_fix_nan", "replace NaN values"),
    _train("weights_reject_freq", 0, "checks of new weights", Kind.INTEGER, minimum=0),
    _train("equidistant_point", 0, "update at which weights are even", Kind.INTEGER, minimum=0),
    _train("badlabels_rejection_percentage", 0.0, "labels left out as wrong", minimum=0),
    _train("num_sigmas_reject_badlabels", 0.0, "labels left out as wrong", minimum=0),
    _train("ema_alpha", 0.0, "moving average of the weights", minimum=0, maximum=1),
    _unused("loss_scale", 1.0, Kind.NUMBER),
    _unused("dynamic_minibatch", 0),
    _unused("optimized_memory", 0),
    _unused("workspace_size_limit_MB", 1024.0, Kind.NUMBER),
    _unused("use_cuda_graph", 0),
    _unused("show_receptive_field", 0),
)


class _Finding(NamedTuple):
    """What a check of [net] as a whole found, and the option to point at."""

    found: str
    expected: str
    remedy: str
    option: str


def read_net_options(
    section: Section, findings: Findings, *, dialect: Dialect = DEFAULT, training: bool = False
) -> Options:
    """Read [net] and check what its options say about each other; ``input_shape`` settles the size of the input."""
    section = _without_empty_sides(section)
    options = read_options(section, NET_OPTIONS, findings, dialect=dialect, training=training)
    if options.failed:
        return options
    if training:
        for check in (_mini_batches, _duration, _steps, _cycles, _augmentation):
            for finding in check(options):
                findings.error(_at(section, finding, ConfigError))
        for finding in _training_doubts(options):
            findings.warning(_at(section, finding, DarknetpyWarning))
    else:
        for finding in _mini_batches(options):
            without_effect = finding._replace(remedy="It only matters for training")
            findings.warning(_at(section, without_effect, DarknetpyWarning))
    return options


def _without_empty_sides(section: Section) -> Section:
    """The section without sides of 0 where ``inputs`` gives the size: as in Darknet they are no sides then."""
    if "inputs" not in section.values:
        return section
    values = {name: value for name, value in section.values.items() if name not in SIDES or value != "0"}
    return replace(section, values=values)


def _at(section: Section, finding: _Finding, kind: type[_Problem]) -> _Problem:
    return kind(finding.found, finding.expected, finding.remedy, **section.at(finding.option))


def _mini_batches(options: Options) -> Iterator[_Finding]:
    if options.subdivisions > options.batch:
        remedy = f"Write subdivisions={options.batch} or less"
        yield _Finding(f"subdivisions={options.subdivisions}", f"at most batch={options.batch}", remedy, "subdivisions")


def _duration(options: Options) -> Iterator[_Finding]:
    if not options.max_batches:
        found = "max_batches=0" if "max_batches" in options.given else "no max_batches="
        yield _Finding(
            found, "the number of updates to train for", "Write for example max_batches=10000", "max_batches"
        )


def _steps(options: Options) -> Iterator[_Finding]:
    steps, policy = options.steps, options.policy
    if policy not in ("steps", "sgdr"):
        return
    for name in ("steps", "scales"):
        if policy == "steps" and not options[name]:
            yield _Finding(f"policy=steps without {name}=", "steps= and scales=", f"Add {name}=", "policy")
    if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
        found = f"steps={','.join(map(str, steps))}"
        yield _Finding(found, "numbers that increase", "Put them in order, and their scales too", "steps")
    for name in ("scales", "seq_scales"):
        if options[name] and len(options[name]) < len(steps):
            found = f"{_count(steps)} in steps= and {_count(options[name])} in {name}="
            yield _Finding(found, "one factor for each step", "Write as many of both", name)


def _cycles(options: Options) -> Iterator[_Finding]:
    if options.policy == "sgdr" and not options.sgdr_cycle:
        yield _Finding("sgdr_cycle=0", "a whole number, at least 1", "Write the updates of a cycle", "sgdr_cycle")


def _augmentation(options: Options) -> Iterator[_Finding]:
    if options.letter_box and options.mosaic:
        yield _Finding("letter_box=1 with mosaic=1", "one of them", "Delete letter_box=1 or mosaic=1", "letter_box")


def _training_doubts(options: Options) -> Iterator[_Finding]:
    """What trains, though hardly as it was meant."""
    batch, subdivisions = options.batch, options.subdivisions
    if subdivisions <= batch and batch % subdivisions:
        remedy = f"An update sees {batch // subdivisions * subdivisions} pictures"
        yield _Finding(f"batch={batch}", f"a multiple of subdivisions={subdivisions}", remedy, "batch")
    if options.burn_in > options.max_batches > 0:
        expected = f"fewer than max_batches={options.max_batches}"
        yield _Finding(f"burn_in={options.burn_in}", expected, "The learning rate is never reached", "burn_in")
    for name in ("saturation", "exposure"):
        if options[name] == 0:
            yield _Finding(f"{name}=0", "a number above 0", "It is taken as 1, which changes nothing", name)
    for name in ("scales", "seq_scales"):
        if len(options[name]) > len(options.steps) and options.policy in ("steps", "sgdr"):
            found = f"{_count(options.steps)} in steps= and {_count(options[name])} in {name}="
            yield _Finding(found, "one factor for each step", "The ones at the end are ignored", name)


def _count(values: tuple[float, ...]) -> str:
    return f"{len(values)} number{'' if len(values) == 1 else 's'}"


def input_shape(options: Options, section: Section) -> tuple[int, ...]:
    """(channels, height, width), or (inputs,) where the input is not a picture; ConfigError when neither is given."""
    missing = [name for name in SIDES if options[name] is None]
    if not missing:
        shape = (options.channels, options.height, options.width)
        values = shape[0] * shape[1] * shape[2]
        if options.inputs not in (None, values):
            expected = f"width * height * channels = {values}"
            raise ConfigError(f"inputs={options.inputs}", expected, "Delete inputs=", **section.at("inputs"))
        return shape
    if options.inputs is not None:
        return (options.inputs,)
    keys = " and no ".join(f"{name}=" for name in missing)
    remedy = "Write width, height and channels (or inputs)"
    raise ConfigError(f"no {keys}", "the size of the input", remedy, **section.at())
