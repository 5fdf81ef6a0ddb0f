"""What a [yolo] head does with the planes of its input, which is planar: (n, anchors * values, h, w)."""

from __future__ import annotations

from darknetpy.kernels.curves import curve_floats
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE, load_float, store_float

HEAD = record_type(
    **integers(
        "source", "source_plane", "source_image", "out", "out_plane", "out_image",
        "channels", "values", "pixels", "curve", "number",
    ),
    stretch="f4",
)  # fmt: skip
"""values: of a box; curve: address of `run_curve`, or 0 for values that come activated; number: of the logistic
function; stretch: factor on x and y.
"""
_read = reader(HEAD)
HEAD_SCRATCH = LINE
X_AND_Y, WIDTH_AND_HEIGHT = 2, 4  # where they end among the values of a box


@operation(HEAD)
def activate_head(record: int, chunk: int, scratch: int) -> None:
    """The logistic function of all values but width and height; x and y stretched. A chunk is one plane of an image."""
    head = _read(record)
    image, channel = chunk // head.channels, chunk % head.channels
    value = channel % head.values
    out = head.out + image * head.out_image + channel * head.out_plane
    copy_floats(head.source + image * head.source_image + channel * head.source_plane, out, head.pixels)
    if head.curve and (value < X_AND_Y or value >= WIDTH_AND_HEIGHT):
        curve_floats(head.curve, head.number, out, head.pixels, scratch)
    if value < X_AND_Y and head.stretch != 1:
        middle = (head.stretch - 1) / 2
        for at in range(out, out + 4 * head.pixels, 4):
            store_float(at, load_float(at) * head.stretch - middle)
