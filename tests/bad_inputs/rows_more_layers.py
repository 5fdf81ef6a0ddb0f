"""CFG rows on the layers that few networks have, on upsampling, and on names that come from other programs."""

from __future__ import annotations

from tests.bad_inputs.rows import BASE, LAYER_0, NET, TRAINED, Row, conv, then

_MORE_CHANNELS = "[convolutional] filters=6 size=3 pad=1 activation=leaky"
_SMALLER = "[convolutional] filters=4 size=3 stride=2 pad=1 activation=leaky"


def _behind(name: str, section: str, option: str | None, *says: str, base: str = BASE, training: bool = False) -> Row:
    """A section behind the base cfg's layer (4x32x32)."""
    header = section.split()[0]
    at = header if option is None else f"{option}="
    return Row(name, then(section, base=base), at, f"{header} layer 1", option, says, training=training)


def _product(name: str, before: str, section: str, *says: str) -> Row:
    """A product with layer 0 (4x32x32) whose other factor is a layer that does not fit."""
    header = section.split()[0]
    return Row(name, then(before, section), "from=", f"{header} layer 2", "from", says)


ROWS = (
    _behind("CFG-096", "[upsample] stride=0", "stride", "stride=0", "above or below 0", "Write stride=2"),
    Row("CFG-097", then("[upsample] stride=-2"), outcome="ok"),
    _behind("CFG-097 sides", "[upsample] stride=-3", "stride", "with a picture of 32x32", "divide by 3"),
    _behind("upsampled beyond memory", "[upsample] stride=2000", None, "GiB", "at most 16 GiB in one layer"),
    _behind("CFG-125", "[contrastive]", None, "no yolo_layer=", "Add yolo_layer=", base=TRAINED, training=True),
    Row("CFG-125 running", then("[contrastive]"), outcome="ok"),
    Row("CFG-128", then("[deconvolutional] filters=4 size=2 stride=2"), outcome="ok"),
    _behind("CFG-128 nothing left", "[deconv] size=3 padding=20", "padding", "the output would be -6x-6",
            "at least 1x1", "Write padding=0"),
    _behind("CFG-128 part of the file", "[deconv] filters=4 numload=2", "numload", "numload=2", "Delete numload="),
    _behind("CFG-128 memory", "[deconv] size=90000", None, "GiB"),
    _behind("CFG-136", "[implicit] filters=0", "filters", "filters=0", "at least 1"),
    _behind("CFG-136 atoms", "[implicit] atoms=-1", "atoms", "at least 1"),
    _product("CFG-137 channels", _MORE_CHANNELS, "[sam] from=0", "6x32x32", "layer 0, which is 4x32x32"),
    _product("CFG-137 size", _SMALLER, "[sam] from=0", "4x16x16 factors", "equal shapes"),
    _product("CFG-137 beyond", _MORE_CHANNELS, "[sam] from=7", "layer 7", "does not come before layer 2"),
    _product("CFG-137 before", _MORE_CHANNELS, "[sam] from=-5", "means layer -3"),
    _product("CFG-137 itself", _MORE_CHANNELS, "[sam] from=2", "refers to the layer itself"),
    _product("CFG-137 factors", "[avgpool]", "[sam] from=0", "4x1x1 factors"),
    _behind("CFG-137 without", "[sam]", None, "no from="),
    _product("CFG-137 scale_channels", _MORE_CHANNELS, "[scale_channels] from=0", "6x32x32 factors", "4x1x1"),
    _product("CFG-137 scale_channels beyond", "[avgpool]", "[scale_channels] from=9", "layer 9"),
    Row("CFG-138 empty", NET + "\n[empty]\n", outcome="ok"),
    Row("CFG-139 rnn", NET + "\n[rnn]\noutput=4\nhidden=5\n", outcome="ok"),
    Row("CFG-139 gru", NET + "\n[gru]\noutput=4\n", outcome="ok"),
    _behind("padding that does not fit", "[local] filters=2 size=5 pad=1", "pad", "pad=1 with size=5", "pad=2"),
    _behind("a filter larger than the picture", "[local] filters=2 size=40", "size", "40", "32x32"),
    _behind("weights of every place beyond memory", "[local] filters=200000 size=3 pad=1", None, "GiB"),
    _behind("squares that do not fill the picture", "[reorg3d] stride=3", "stride", "a picture of 32x32"),
    _behind("channels that make no squares", "[reorg3d] stride=4 reverse=1", "stride", "4 channels", "divides by 16"),
    _behind("channels of a segmentation", "[iseg] classes=3 ids=4", "classes", "4 channels", "Write filters=7"),
    _behind("a section of YOLOR's", "[implicit_add] filters=4", None, "section of YOLOR", "a section of Darknet"),
    _behind("another section of YOLOR's", "[shift_channels] from=-1", None, "section of YOLOR"),
    Row("an activation by its other name", conv("activation=silu"), "activation=silu", LAYER_0, "activation",
        ("activation=silu", "Darknet calls it swish: write activation=swish")),
)  # fmt: skip
