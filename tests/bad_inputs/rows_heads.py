"""CFG rows on the heads of detectors."""

from __future__ import annotations

from tests.bad_inputs.rows import NET, Row

_CONVOLUTIONAL = "\n[convolutional]\nfilters={}\nsize=1\nactivation=linear\n"
_ANCHORS = "10,13,16,30,33,23"
_HEAD = "[yolo] layer 1"
_TRAINED = NET + "max_batches=100\n"


def _head(
    *lines: str, filters: int = 18, net: str = NET, leave_out: str = "", name: str = "yolo", anchors: str = _ANCHORS
) -> str:
    """A cfg with one head of three anchors and one class, with lines exchanged or added."""
    options = {"mask": "0,1,2", "anchors": anchors, "classes": "1", "num": "3"}
    options.pop(leave_out, None)
    options |= dict(line.split("=", 1) for line in lines)
    return (
        net
        + _CONVOLUTIONAL.format(filters)
        + f"\n[{name}]\n"
        + "".join(f"{option}={value}\n" for option, value in options.items())
    )


def _refused(name: str, line: str, *says: str, filters: int = 18) -> Row:
    """An option of the head that cannot be."""
    return Row(name, _head(line, filters=filters), line, _HEAD, line.split("=")[0], says)


def _warned(name: str, line: str, *says: str) -> Row:
    return Row(name, _head(line), line, _HEAD, line.split("=")[0], says, "warning")


def _in_training(name: str, line: str, *says: str) -> tuple[Row, Row]:
    """An error when training, a warning otherwise."""
    option = line.split("=")[0]
    return (
        Row(name, _head(line, net=_TRAINED), line, _HEAD, option, says, training=True),
        Row(f"{name} running", _head(line), line, _HEAD, option, outcome="warning"),
    )


_WRONG_FILTERS = ("expected 18 for the [yolo] with classes=1 at line 13", "Write filters=18")
_TWO = "\n[route]\nlayers=0\n" + _CONVOLUTIONAL.format(21)
_OTHER_CLASSES = f"\n[yolo]\nmask=0,1,2\nanchors={_ANCHORS}\nclasses=2\nnum=3\n"

ROWS = (
    Row("CFG-109", _head(filters=21), "filters=21", "[convolutional] layer 0", "filters", _WRONG_FILTERS),
    Row("CFG-110", _head("classes=2"), "filters=18", "[convolutional] layer 0", "filters",
        ("expected 21 for the [yolo] with classes=2", "Write filters=21")),
    _refused("CFG-111", "mask=3,4,99", "mask=3,4,99 with num=3, expected numbers from 0 to 2"),
    _refused("CFG-112", "mask=-1,0,1", "mask=-1,0,1 with num=3"),
    _warned("CFG-113", "mask=0,0,0", "each anchor once"),
    Row("CFG-114", _head(leave_out="anchors"), "[yolo]", _HEAD, says=("no anchors=",)),
    _warned("CFG-115", "anchors=10,13", "2 numbers in anchors=, expected 2 * num = 6", "that are missing are 0.5"),
    _warned("CFG-116", "anchors=" + ",".join(["9"] * 40), "40 numbers in anchors=", "Those that mask= names are used"),
    *(_refused(f"CFG-117 {value}", f"anchors={value},4", "more than 0") for value in ("-4", "0", "nan", "inf")),
    _warned("CFG-118", "anchors=10,13,16,30,33", "5 numbers in anchors=", "those that are missing are 0.5"),
    _refused("CFG-119 num", "num=0", "at least 1"),
    _refused("CFG-119 classes", "classes=0", "at least 1"),
    _refused("CFG-119 negative", "classes=-1", "at least 1"),
    Row("CFG-120", _head("counters_per_class=1,2,3", net=_TRAINED), "counters_per_class=", _HEAD, "counters_per_class",
        ("3 numbers in counters_per_class=", "one for each of classes=1"), training=True),
    Row("CFG-120 running", _head("counters_per_class=1,2,3"), outcome="ok"),
    Row("CFG-121", _head("map=nope.map", net=_TRAINED), "map=nope.map", _HEAD, "map", ("map=nope.map: no such file",),
        training=True),
    Row("CFG-121 running", _head("map=nope.map"), outcome="ok"),
    Row("CFG-122", NET + _head().partition("activation=linear\n")[2], "[yolo]", "[yolo] layer 0",
        says=("the input has 3 channels, expected 18",)),
    Row("CFG-123", _head(filters=7, name="region", leave_out="mask").replace("classes=1", "classes=20"), "filters=7",
        "[convolutional] layer 0", "filters", ("expected 75 for the [region] with classes=20", "Write filters=75")),
    Row("124 filters before a head", _head(filters=124, name="region", leave_out="mask", anchors="1,2,1,2,1,2,1,2,1,2")
        .replace("classes=1", "classes=20").replace("num=3", "num=5"), "filters=124", "[convolutional] layer 0",
        "filters", ("filters=124, expected 125 for the [region] with classes=20 at line 13. Write filters=125.",)),
    Row("CFG-123 first yolo", NET + "\n[connected]\noutput=7\n\n[detection]\ncoords=4\nside=2\nnum=1\nclasses=4\n",
        "output=7", "[connected] layer 0", "output", ("expected 36 for the [detection]", "Write output=36")),
    *_in_training("CFG-144 jitter", "jitter=5", "less than 1"),
    *_in_training("CFG-144 resize", "resize=0", "more than 0"),
    Row("CFG-148", _head() + _TWO + _OTHER_CLASSES, "classes=2", "[yolo] layer 4", "classes",
        ("expected classes=1 as in [yolo] at line 13",), "warning"),
    _refused("CFG-151 nms_kind", "nms_kind=foo", "default, greedynms, diounms"),
    *_in_training("CFG-151 iou_loss", "iou_loss=foo", "mse, iou, giou, diou, ciou"),
    *_in_training("CFG-151 iou_thresh_kind", "iou_thresh_kind=foo", "iou, giou, diou, ciou"),
    _refused("CFG-152", "scale_x_y=nan", "a number"),
    _warned("CFG-152 above", "ignore_thresh=2", "a number from 0 to 1"),
    _warned("CFG-152 below", "truth_thresh=-1", "a number from 0 to 1"),
    Row("a map and a tree that are missing", _head("tree=nope.tree", filters=18, name="region", leave_out="mask"),
        "tree=nope.tree", "[region] layer 1", "tree", ("no such file",)),
    Row("coordinates of the first yolo", NET + "\n[connected]\noutput=7\n\n[detection]\ncoords=5\n", "coords=5",
        "[detection] layer 1", "coords", ("expected coords=4",)),
    Row("a flat layer before a head", NET + "\n[connected]\noutput=18\n\n[softmax]\n"
        + _head().partition("activation=linear\n")[2], "[yolo]", "[yolo] layer 2", says=("without height or width",)),
)  # fmt: skip
