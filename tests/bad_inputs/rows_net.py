"""CFG rows on [net]: the size of the input, and the options that train."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bad_inputs.rows import BASE, CONVOLUTIONAL, NET, Row, net

_STEPS = ("policy=steps", "steps=30,60", "scales=.1,.1")


def _bad_training(
    name: str, *lines: str, says: tuple[str, ...], option: str | None = None, harmless: str = "warning"
) -> Iterator[Row]:
    """An option that only training uses: an error when training, a warning (or nothing) when running."""
    at = lines[-1]
    option = option or at.split("=")[0]
    yield Row(f"{name} training", net(*lines, training=True), at, "[net]", option, says, training=True)
    if harmless == "warning":
        yield Row(f"{name} running", net(*lines), at, "[net]", option, ("It only matters for training",), "warning")
    else:
        yield Row(f"{name} running", net(*lines), outcome="ok")


ROWS = (
    Row("CFG-008", "[net]\nbatch=1\n" + CONVOLUTIONAL, "[net]", "[net]",
        says=("no width= and no height= and no channels=", "Write width, height and channels (or inputs)")),
    Row("CFG-008 two", "[net]\nwidth=4\n" + CONVOLUTIONAL, "[net]", "[net]", says=("no height= and no channels=",)),
    Row("CFG-008 contradiction", net("inputs=9"), "inputs=9", "[net]", "inputs", says=("= 3072", "Delete inputs=")),
    Row("CFG-050 width", net("width=0"), "width=0", "[net]", "width", says=("a whole number, at least 1",)),
    Row("CFG-050 height", net("height=0"), "height=0", "[net]", "height", says=("at least 1",)),
    Row("CFG-051", net("width=-32"), "width=-32", "[net]", "width", says=("width=-32", "at least 1")),
    Row("CFG-052", net("channels=0"), "channels=0", "[net]", "channels", says=("at least 1",)),
    Row("CFG-053", net("channels=5"), outcome="ok"),
    Row("CFG-054", net("width=1000000", "height=1000000"), "[net]", "[net]",
        says=("this needs 11176 GiB", "at most 16 GiB")),
    Row("CFG-055", net("batch=0"), "batch=0", "[net]", "batch", says=("at least 1",)),
    Row("CFG-056", net("batch=-8"), "batch=-8", "[net]", "batch", says=("at least 1",)),
    Row("CFG-057", net("subdivisions=0"), "subdivisions=0", "[net]", "subdivisions", says=("at least 1",)),
    *_bad_training("CFG-058", "subdivisions=16", says=("subdivisions=16, expected at most batch=8",)),
    Row("CFG-059", net("subdivisions=3", training=True), "batch=8", "[net]", "batch", outcome="warning", training=True,
        says=("batch=8, expected a multiple of subdivisions=3", "An update sees 6 pictures")),
    Row("CFG-059 running", net("subdivisions=3"), outcome="ok"),
    *_bad_training("CFG-060", "learning_rate=nan", says=("a number, at least 0", "Write a finite number")),
    *_bad_training("CFG-061", "learning_rate=1e999", says=("Write a finite number",)),
    *_bad_training("CFG-062", "learning_rate=-0.1", says=("a number, at least 0",)),
    *_bad_training("CFG-063 momentum", "momentum=1.5", says=("a number, at least 0 and less than 1",)),
    *_bad_training("CFG-063 momentum 1", "momentum=1", says=("less than 1",)),
    *_bad_training("CFG-063 decay", "decay=-1", says=("a number, at least 0",)),
    *_bad_training("CFG-064", "policy=foo", says=("constant, step, exp, poly, steps, sigmoid, random, sgdr",)),
    *_bad_training("CFG-065 both", "policy=steps", says=("policy=steps without steps=",), harmless="ok"),
    *_bad_training("CFG-065 scales", "steps=1,2", "policy=steps", says=("policy=steps without scales=", "Add scales="),
                   harmless="ok"),
    *_bad_training("CFG-065 steps", "scales=1,2", "policy=steps", says=("policy=steps without steps=",), harmless="ok"),
    *_bad_training("CFG-066", "policy=steps", "steps=1,2,3", "scales=.1", harmless="ok",
                   says=("3 numbers in steps= and 1 number in scales=", "one factor for each step")),
    *_bad_training("CFG-066 seq_scales", *_STEPS, "seq_scales=1", says=("1 number in seq_scales=",), harmless="ok"),
    Row("CFG-066 more", net("policy=steps", "steps=3", "scales=.1,.2", training=True), "scales=.1,.2", "[net]",
        "scales", ("The ones at the end are ignored",), "warning", training=True),
    *_bad_training("CFG-067", "policy=steps", "scales=1,1", "steps=300,200", harmless="ok",
                   says=("steps=300,200, expected numbers that increase",)),
    *_bad_training("CFG-067 equal", "policy=steps", "scales=1,1", "steps=20,20", harmless="ok", says=("increase",)),
    Row("CFG-067 official", net("policy=steps", "steps=-1,10,20", "scales=.1,10,.1", training=True), training=True,
        outcome="ok"),
    *_bad_training("CFG-068", "policy=step", "step=0", says=("a whole number, at least 1",)),
    *_bad_training("CFG-069", "policy=sgdr", "sgdr_cycle=0", says=("sgdr_cycle=0, expected",), harmless="ok"),
    Row("CFG-069 default", net("policy=sgdr", training=True), training=True, outcome="ok"),
    Row("CFG-070", BASE, "[net]", "[net]", training=True,
        says=("no max_batches=", "the number of updates to train for", "Write for example max_batches=10000")),
    Row("CFG-070 zero", net("max_batches=0"), "max_batches=0", "[net]", "max_batches", training=True),
    Row("CFG-070 running", BASE, outcome="ok"),
    Row("CFG-071", net("burn_in=1000000", training=True), "burn_in=1000000", "[net]", "burn_in", training=True,
        outcome="warning", says=("fewer than max_batches=100", "The learning rate is never reached")),
    Row("CFG-071 equal", net("burn_in=100", training=True), training=True, outcome="ok"),
    Row("CFG-071 running", net("burn_in=1000000"), outcome="ok"),
    Row("CFG-140", net("time_steps=0"), "time_steps=0", "[net]", "time_steps", says=("at least 1",)),
    Row("CFG-140 negative", net("time_steps=-1"), "time_steps=-1", "[net]", "time_steps", says=("at least 1",)),
    *_bad_training("CFG-141", "mosaic=1", "letter_box=1", says=("letter_box=1 with mosaic=1", "Delete"), harmless="ok"),
    Row("CFG-142 saturation", net("saturation=0", training=True), "saturation=0", "[net]", "saturation",
        ("It is taken as 1",), "warning", training=True),
    Row("CFG-142 exposure", net("exposure=0", training=True), "exposure=0", "[net]", "exposure",
        ("It is taken as 1",), "warning", training=True),
    Row("CFG-142 running", net("saturation=0", "exposure=0"), outcome="ok"),
    Row("CFG-143", net("saturation=.75", training=True), training=True, outcome="ok"),
    Row("TRAIN-032", net("label_smooth_eps=1", training=True), "label_smooth_eps=1", "[net]", "label_smooth_eps",
        ("less than 1",), training=True),
    Row("unused but bad", NET + "workspace_size_limit_MB=much\n" + CONVOLUTIONAL, "workspace_size", "[net]",
        "workspace_size_limit_MB", ("It has no effect on a CPU",), "warning"),
)  # fmt: skip
