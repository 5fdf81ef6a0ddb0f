"""CFG rows on layers: their options, what layers refer to, and the shapes that meet."""

from __future__ import annotations

from tests.bad_inputs.rows import BASE, LAYER_0, LAYER_1, NET, TRAINED, Row, conv, then


def _number(name: str, line: str, *says: str) -> Row:
    """A value of the base cfg's layer that cannot be."""
    return Row(name, conv(line), line, LAYER_0, line.split("=")[0], (line.split("=")[0] + "=", *says))


def _second(name: str, options: str, option: str, *says: str) -> Row:
    """A second [convolutional], behind the base cfg's 4 channels, with an option that does not fit."""
    text = then(f"[convolutional] {options}")
    return Row(name, text, option, LAYER_1, option.split("=")[0], says)


def _route(name: str, options: str, *says: str, option: str | None = "layers") -> Row:
    at = f"{option}=" if option else "[route]"
    return Row(name, then(f"[route] {options}"), at, "[route] layer 1", option, says)


def _shortcut(name: str, options: str, *says: str, option: str | None = "from") -> Row:
    at = f"{option}=" if option else "[shortcut]"
    return Row(name, then(f"[shortcut] {options}"), at, "[shortcut] layer 1", option, says)


def _behind(name: str, section: str, option: str | None, *says: str, base: str = BASE, training: bool = False) -> Row:
    """A section behind the base cfg's layer (4x32x32)."""
    header = section.split()[0]
    at = header if option is None else f"{option}="
    return Row(name, then(section, base=base), at, f"{header} layer 1", option, says, training=training)


_SMALL = "[convolutional] filters=4 size=2 stride=2 activation=leaky"
_SAME = "[convolutional] filters=4 size=3 pad=1 activation=leaky"

CONVOLUTIONAL = (
    _number("CFG-030", "filters=four", "filters=four, expected a whole number, at least 1"),
    _number("CFG-031", "filters=4.9", "a whole number"),
    Row("CFG-031 whole", conv("filters=4.0"), outcome="ok"),
    _number("CFG-032", "filters=-4", "at least 1"),
    _number("CFG-033", "filters=0", "at least 1"),
    _number("CFG-034", "filters=99999999999", "The largest number is 2147483647"),
    Row("CFG-035", conv("filters=2000000000"), "[convolutional]", LAYER_0,
        says=("this needs 7838 GiB", "at most 16 GiB in one layer")),
    Row("CFG-036", conv("filters=" + "9" * 100_000), "filters=9", LAYER_0, "filters",
        ("(100000 characters)", "The largest number is 2147483647")),
    _number("CFG-037", "size=0", "at least 1"),
    _number("CFG-038", "size=-3", "at least 1"),
    _number("CFG-039", "stride=0", "at least 1"),
    _number("CFG-040", "stride=-1", "at least 1"),
    Row("CFG-041", conv("size=100", "pad=0"), "size=100", LAYER_0, "size",
        ("the output would be -67x-67", "the filter of 100 is larger than the picture", "at least 1x1")),
    _number("CFG-042", "padding=-5", "at least 0"),
    _number("CFG-043", "dilation=0", "at least 1"),
    Row("CFG-044", conv("dilation=40", "pad=0"), "dilation=40", LAYER_0, "dilation", ("dilation=40", "padding=0")),
    _second("CFG-045", "filters=6 groups=3", "groups=3", "groups=3 with 4 input channels"),
    _second("CFG-046", "filters=6 groups=4", "groups=4", "groups=4 with filters=6"),
    _number("CFG-047", "groups=0", "at least 1"),
    _second("CFG-048", "filters=99 groups=99", "groups=99", "groups=99 with 4 input channels"),
    _number("CFG-049", "activation=foo", "linear, logistic, loggy, relu", "mish", "normalize_channels"),
    _number("CFG-049 nearest", "activation=leakyy", "Did you mean leaky?"),
    _number("CFG-049 capital", "activation=Leaky", "Did you mean leaky?"),
    _second("CFG-089", "filters=8 size=3 share_index=0", "share_index=0", "4x3x3x3", "8x4x3x3"),
    _second("CFG-090 before", "filters=4 share_index=-9", "share_index=-9", "means layer -8"),
    _second("CFG-090 beyond", "filters=4 share_index=99", "share_index=99", "layer 99"),
    _second("CFG-090 itself", "filters=4 share_index=1", "share_index=1", "refers to the layer itself"),
    Row("CFG-091", then("[maxpool]", "[convolutional] filters=4 share_index=1"), "share_index=1",
        "[convolutional] layer 2", "share_index", ("layer 1 is [maxpool]", "expected a [convolutional]")),
    Row("CFG-092 cyclic", then(_SAME, f"{_SAME} share_index=3", f"{_SAME} share_index=2"), "share_index=3",
        "[convolutional] layer 2", "share_index", ("layer 3", "does not come before layer 2")),
    Row("CFG-092 chain", then(_SAME, f"{_SAME} share_index=1", f"{_SAME} share_index=2"), outcome="ok"),
)  # fmt: skip

ROUTE = (
    _route("CFG-072", "layers=1", "layers=1 refers to the layer itself"),
    _route("CFG-073", "layers=5", "layer 5", "does not come before layer 1"),
    _route("CFG-074", "layers=-5", "layers=-5 means layer -4"),
    Row("CFG-075", then("[route] layers=0"), outcome="ok"),
    _route("CFG-076", "", "no layers=", option=None),
    Row("CFG-077", then("[route] layers="), "layers=", "[route] layer 1", says=("layers= without a value",)),
    _route("CFG-078", "layers=abc", "layers=abc, expected whole numbers separated by commas"),
    Row("CFG-079", then("[route] layers=-1,"), "layers=-1,", "[route] layer 1", "layers", outcome="warning",
        says=("no comma at the end", "It is ignored")),
    _route("CFG-079 two", "layers=-1,,", "whole numbers separated by commas"),
    _route("CFG-079 alone", "layers=,", "whole numbers separated by commas"),
    Row("CFG-080", then("[maxpool] stride=2 size=2", "[route] layers=0,1"), "layers=0,1", "[route] layer 2", "layers",
        ("layer 0 is 4x32x32", "layer 1 is 4x16x16")),
    _route("CFG-081", "layers=0 groups=3", "groups=3 with 4 channels of layer 0", option="groups"),
    _route("CFG-082", "layers=0 groups=2 group_id=5", "group_id=5 with groups=2", "0 to 1", option="group_id"),
    Row("CFG-083", NET + "\n[route]\nlayers=-1\n", "layers=-1", "[route] layer 0", "layers", ("means layer -1",)),
    _route("many inputs of which one is missing", "layers=" + "0,5," * 10_000 + "0", "layer 5"),
    Row("many inputs of two sizes", then("[maxpool] stride=2 size=2", f"[route] layers={'0,1,' * 1000}0"),
        "layers=0,1", "[route] layer 2", "layers", ("layer 0 is 4x32x32, layer 1 is 4x16x16", "characters)")),
)  # fmt: skip

SHORTCUT = (
    _shortcut("CFG-084 itself", "from=1", "from=1 refers to the layer itself"),
    _shortcut("CFG-084 forward", "from=7", "layer 7", "does not come before layer 1"),
    _shortcut("CFG-085", "from=-9", "from=-9 means layer -8"),
    _shortcut("CFG-086", "activation=linear", "no from=", option=None),
    Row("CFG-087", then("[convolutional] filters=4 size=2 stride=1", "[shortcut] from=-2"), "from=-2",
        "[shortcut] layer 2", "from", ("4x31x31", "4x32x32", "A part of the larger"), outcome="warning"),
    Row("CFG-087 sampled", then(_SMALL, "[shortcut] from=-2"), outcome="ok"),
    Row("CFG-087 factors", then("[maxpool] size=2 stride_x=2 stride_y=1", "[shortcut] from=-2"), "from=-2",
        "[shortcut] layer 2", "from", ("4x32x32", "same factor")),
    Row("CFG-088", NET + BASE.removeprefix(NET).replace("=4", "=8") + then(_SAME, "[shortcut] from=-2", base=""),
        "from=-2", "[shortcut] layer 2", "from", ("layer 1 is 4x32x32", "8x32x32", "first 4 channels"), "warning"),
)  # fmt: skip

OTHERS = (
    Row("CFG-093", then("[maxpool] size=50 stride=50"), outcome="ok"),
    _behind("CFG-094 size", "[maxpool] size=0 stride=1", "size", "at least 1"),
    _behind("CFG-094 stride", "[maxpool] size=0 stride=0", "stride", "at least 1"),
    Row("CFG-095", then("[maxpool] stride=64"), outcome="ok"),
    _behind("CFG-098", "[reorg] stride=3", "stride", "stride=3 with a picture of 32x32", "divide by 3"),
    _behind("CFG-099", "[reorg] stride=0", "stride", "at least 1"),
    *(_behind(f"CFG-100 {value}", f"[dropout] probability={value}", "probability", f"probability={value}", base=TRAINED,
              training=True) for value in ("1", "-1", "nan", "1.5")),
    Row("CFG-101", NET + "\n[dropout]\nprobability=.5\n", "[dropout]", "[dropout] layer 0", says=("first layer",)),
    _behind("CFG-102", "[softmax] groups=7", "groups", "groups=7 with 4096 inputs", "divides into 7 groups"),
    _behind("CFG-103", "[softmax] groups=0", "groups", "at least 1"),
    _behind("CFG-104", "[softmax] tree=nope.tree", "tree", "tree=nope.tree", "no such file"),
    _behind("CFG-106", "[softmax] temperature=0", "temperature", "a number, more than 0"),
    _behind("CFG-107", "[connected] output=0", "output", "at least 1"),
    _behind("CFG-108", "[connected] output=2000000000", None, "GiB", "at most 16 GiB in one layer"),
    _behind("CFG-124", "[cost] type=foo", "type", "sse, masked, smooth, seg, L1, wgan", base=TRAINED, training=True),
    Row("CFG-124 running", then("[cost] type=foo"), "type=foo", "[cost] layer 1", "type", outcome="warning"),
    _behind("CFG-126", "[crop] crop_width=64 crop_height=64", "crop_height", "64", "32x32", "at most 32"),
    _behind("CFG-127", "[crop]", None, "no crop_height="),
    _behind("CFG-129", "[lrn] size=99", "size", "size=99 with 4 channels", "at most 8"),
)  # fmt: skip

ROWS = CONVOLUTIONAL + ROUTE + SHORTCUT + OTHERS
