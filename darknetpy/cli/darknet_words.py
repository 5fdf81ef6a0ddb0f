"""The words of the C programs' command lines: commands, what they take, their options, and what becomes of each.

Source: AlexeyAB/darknet src/darknet.c, src/detector.c, src/classifier.c, src/rnn.c, src/yolo.c; pjreddie/darknet
darknet.c; options that only hank-ai/darknet has are among them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OldOption:
    """One option of the C programs: ``name`` as AlexeyAB's spells it, without the dash; ``value`` names its value.

    ``becomes`` is what darknetpy calls it. Without it the option is not needed or has no meaning here; ``remark`` is
    said about it then, unless what it asks for is done anyway.
    """

    name: str
    becomes: str = ""
    value: str = ""
    remark: str = ""


@dataclass(frozen=True)
class OldCommand:
    """What a command of the C programs takes, and the command of darknetpy that does the same.

    ``places`` are its arguments in order; the last one may be left out, and given several times, where it is IMAGE.
    ``settings`` are options that the C program has built in. ``order`` are the arguments of darknetpy's command where
    it reads the ``.data`` file itself; otherwise what that says becomes options, and the others keep their order.
    """

    becomes: str
    places: tuple[str, ...]
    options: tuple[OldOption, ...]
    settings: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def takes_images(self) -> bool:
        """Whether pictures follow the other arguments; without one, their paths are read from standard input."""
        return self.places[-1] == IMAGE

    @property
    def needed(self) -> tuple[str, ...]:
        """The arguments that must be there."""
        return self.places[:-1] if self.takes_images else self.places


def folded(name: str) -> str:
    """The name of an option without what hank-ai's program ignores: dashes, low lines, and upper case.

    >>> folded("--Dont-Show") == folded("-dont_show")
    True
    """
    return name.replace("-", "").replace("_", "").lower()


IMAGE = "IMAGE"
_NO_GPU = "there is no GPU support; the CPU computes"
_NO_WINDOW = "no window is opened"
_NO_VIDEO = "no video is read or written, and nothing is served"
_NO_VALIDATION = "it belongs to validation"
_ALWAYS = "it needs no option"

_MACHINE = (
    OldOption("i", value="GPU", remark=_NO_GPU),
    OldOption("gpus", value="GPUS", remark=_NO_GPU),
    OldOption("nogpu"),
    OldOption("cuda_debug_sync", remark=_NO_GPU),
    OldOption("benchmark", remark="no times are measured"),
    OldOption("benchmark_layers", remark="no times are measured"),
    OldOption("verbose", "--verbose"),
    OldOption("trace", remark="--verbose and --debug say more"),
    OldOption("log", value="FILE", remark="messages go to standard error: add 2> FILE"),
    OldOption("colour"),
    OldOption("nocolour"),
    OldOption("fuse", remark=_ALWAYS),
    OldOption("dontfuse", remark="batch normalization is always folded into the weights"),
)
_VIDEO = tuple(
    OldOption(name, value=value, remark=_NO_VIDEO)
    for name, value in (
        ("c", "N"), ("s", "N"), ("prefix", "TEXT"), ("out_filename", "FILE"), ("json_file_output", "FILE"),
        ("json_port", "PORT"), ("mjpeg_port", "PORT"), ("http_post_host", "HOST"), ("avgframes", "N"), ("avg", "N"),
        ("time_limit_sec", "N"), ("dontdraw_bbox", ""),
    )
)  # fmt: skip
_DETECTION = (
    OldOption("thresh", "--thresh", "N"),
    OldOption("nms", "--nms", "N"),
    OldOption("letter_box", "--preprocess letterbox"),
    OldOption("save_labels", "--save-labels"),
    OldOption("out", "--format darknet-json", "FILE"),
    OldOption("skip_classes", "--classes", "NUMBERS"),
    OldOption("ext_output"),
    OldOption("dont_show"),
    OldOption("hier", value="N", remark="it has no effect"),
    OldOption("show", remark=_NO_WINDOW),
    OldOption("show_imgs", remark=_NO_WINDOW),
    OldOption("fullscreen", remark=_NO_WINDOW),
    OldOption("heatmaps", remark="no heat maps are drawn"),
    OldOption("iou_thresh", value="N", remark=_NO_VALIDATION),
    OldOption("points", value="N", remark=_NO_VALIDATION),
    *_MACHINE,
    *_VIDEO,
)
_CLASSIFICATION = (
    OldOption("t", "--top", "N"),
    OldOption("dont_show"),
    OldOption("show_imgs", remark=_NO_WINDOW),
    OldOption("dontuse_opencv"),
    *_MACHINE,
    OldOption("c", value="N", remark=_NO_VIDEO),
    OldOption("mjpeg_port", value="PORT", remark=_NO_VIDEO),
)
_GENERATION = (
    OldOption("len", "--length", "N"),
    OldOption("seed", "--seed", "TEXT"),
    OldOption("temp", "--temperature", "N"),
    OldOption("srand", "--random-seed", "N"),
    *_MACHINE,
)
_FILES = ("DATA", "CFG", "WEIGHTS", IMAGE)
_FIRST_VERSION = OldCommand("detect", _FILES[1:], _DETECTION, ("--thresh", "0.2", "--nms", "0.4"))

_VALIDATION = (
    OldOption("t", value="N", remark="top= of the .data file, or --top, says among how many the right answer counts"),
    *(option for option in _CLASSIFICATION if option.name != "t"),
)


def _validate(*settings: str) -> OldCommand:
    return OldCommand("validate", _FILES[:3], _VALIDATION, settings, order=("CFG", "WEIGHTS", "DATA"))


SHORT_FORMS = ("detect", "classify", "speed")
"""Commands of the C programs whose names are darknetpy's, too."""

COMMANDS: dict[str, dict[str, OldCommand]] = {
    "detector": {"test": OldCommand("detect", _FILES, _DETECTION)},
    "detect": {"": OldCommand("detect", _FILES[1:], _DETECTION)},
    "yolo": {"test": _FIRST_VERSION},
    "coco": {"test": _FIRST_VERSION},
    "classifier": {
        "predict": OldCommand("classify", _FILES, _CLASSIFICATION),
        "valid": _validate(),
        "valid10": _validate("--crops", "10"),
        "validmulti": _validate("--crops", "multi"),
        "validfull": _validate("--crops", "full"),
        "validcrop": _validate("--preprocess", "stretch"),
    },
    "classify": {"": OldCommand("classify", _FILES[1:], _CLASSIFICATION)},
    "rnn": {"generate": OldCommand("generate", ("CFG", "WEIGHTS"), _GENERATION)},
    "ops": {"": OldCommand("summary", ("CFG",), _MACHINE)},
    "speed": {"": OldCommand("speed", ("CFG",), _MACHINE)},
}
"""Command -> its function, empty where it has none -> what it takes and becomes."""

_TRAIN = "training comes in a later version, as darknetpy train"
_VALIDATE = "validation comes in a later version, as darknetpy validate"
_DEMO = "there is no video: save its frames as pictures, for darknetpy detect CFG WEIGHTS FOLDER"
_CLASSIFY = "use darknetpy classify CFG WEIGHTS @LIST --jsonl"
_CHANGE = "changing weights files comes in a later version, as darknetpy weights"
_SEE = "it comes in a later version, as darknetpy explain"
_OUT = "it is no part of darknetpy"
_TRAIN_AND_VALIDATE = {"train": _TRAIN, "valid": _VALIDATE, "recall": _VALIDATE, "demo": _DEMO}

ABSENT: dict[str, str | dict[str, str]] = {
    "detector": {
        **_TRAIN_AND_VALIDATE,
        "valid2": _VALIDATE,
        "map": _VALIDATE,
        "calc_anchors": "anchors come in a later version, as darknetpy anchors",
        "calcanchors": "anchors come in a later version, as darknetpy anchors",
        "draw": _OUT,
    },
    "yolo": _TRAIN_AND_VALIDATE,
    "coco": _TRAIN_AND_VALIDATE,
    "classifier": {
        "train": "use darknetpy train CFG DATA [WEIGHTS]",
        "test": _CLASSIFY,
        "label": f"{_CLASSIFY} --top 1",
        **dict.fromkeys(("demo", "gun", "threat", "try"), _OUT),
    },
    "rnn": {
        "train": _TRAIN,
        "valid": _VALIDATE,
        **dict.fromkeys(("vec", "validtactic", "generatetactic"), _OUT),
    },
    **dict.fromkeys(("cifar", "regressor", "segmenter", "isegmenter"), _TRAIN),
    **dict.fromkeys(
        ("average", "reset", "denormalize", "normalize", "rescale", "rgbgr", "statistics", "oneoff", "oneoff2"), _CHANGE
    ),
    "partial": "in Python: darknetpy.load(CFG, WEIGHTS).save_weights(OUT, upto=LAYERS)",
    "print": "in Python: darknetpy.load(CFG, WEIGHTS).layers[INDEX].weights",
    "visualize": _SEE,
    "nightmare": _SEE,
    "version": "use darknetpy --version",
    "help": "use darknetpy --help",
    **dict.fromkeys(
        ("imtest", "test", "3d", "vid", "go", "tag", "compare", "captcha", "dice", "writing", "super", "voxel", "art",
         "swag", "lsd", "attention", "mkimg", "cfglayers"),
        _OUT,
    ),
}  # fmt: skip
"""Command -> what to do instead, or its function -> what to do instead."""
