"""Networks for other numbers of classes: every one that we ship, and those that cannot be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.adaptation import Adaptation, adapt, updates_for
from darknetpy.config.sections import Cfg, Section, parse_cfg, read_cfg
from darknetpy.config.shipped import shipped_networks
from darknetpy.errors import ConfigError, Findings
from darknetpy.graph import build_graph

TEXTS = ("gru", "lstm", "rnn")  # networks that read text
OF_PICTURES = [name for name in shipped_networks() if name not in TEXTS]
HEADS = ("yolo", "Gaussian_yolo", "region", "detection")
NET = "[net]\nwidth=8\nheight=8\nchannels=3\n"
ANSWER = "[convolutional]\nfilters={}\n[avgpool]\n[softmax]\n"
ANCHORS = "anchors=1,2,3,4\nnum=2\n"


def changed_lines(adapted: Adaptation) -> list[tuple[str, str, str]]:
    """(section, old line, new line) of each line that differs; there must be as many lines as before."""
    old, new = str(adapted.before).splitlines(keepends=True), str(adapted.after).splitlines(keepends=True)
    assert len(old) == len(new)
    found, section = [], ""
    for before, after in zip(old, new, strict=True):
        section = before.strip() if before.startswith("[") else section
        if before != after:
            found.append((section, before, after))
    return found


def values_of(head: Section, classes: int) -> int:
    """How many values a head of the published networks needs, by the rules that people follow by hand."""
    if head.name == "detection":
        return 7 * 7 * (classes + 5 * int(head.values["num"]))
    boxes = len(head.values["mask"].split(",")) if "mask" in head.values else int(head.values["num"])
    return boxes * (classes + {"yolo": 5, "Gaussian_yolo": 9, "region": 5}[head.name])


def expected_lines(cfg: Cfg, before: int, after: int) -> list[tuple[str, str, str]]:
    """What `changed_lines` should find."""
    found = []
    heads = [section for section in cfg.layers if section.name in HEADS]
    for head in heads:
        giver, option = ("[connected]", "output") if head.name == "detection" else ("[convolutional]", "filters")
        old, new = (values_of(head, classes) for classes in (before, after))
        found.append((giver, f"{option}={old}\n", f"{option}={new}\n"))
        found.append((f"[{head.name}]", f"classes={before}\n", f"classes={after}\n"))
    if not heads:
        last = [section for section in cfg.layers if section.name in ("convolutional", "connected")][-1]
        option = "filters" if last.name == "convolutional" else "output"
        found.append((f"[{last.name}]", f"{option}={before}\n", f"{option}={after}\n"))
    return found


@pytest.mark.parametrize("name", OF_PICTURES)
def test_every_shipped_network(name: str) -> None:
    """The result is a network of so many classes; the lines that changed are those that the layers need."""
    cfg = read_cfg(shipped_networks()[name].cfg)
    before = build_graph(cfg)
    for classes in (2, 1234):
        found = adapt(cfg, classes)
        after = build_graph(found.after)
        assert (found.classes, after.classes) == (before.classes, classes)
        assert found.is_detector == bool(before.heads)
        assert changed_lines(found) == expected_lines(cfg, before.classes, classes)
        differ = [
            node.index
            for node, other in zip(before.nodes, after.nodes, strict=True)
            if (node.output_shape, node.arrays) != (other.output_shape, other.arrays)
        ]
        assert len([index for index in differ if before.nodes[index].arrays]) == max(len(before.heads), 1)


@pytest.mark.parametrize("name", TEXTS)
def test_networks_that_read_text_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="takes no pictures, expected a classifier or a detector"):
        adapt(read_cfg(shipped_networks()[name].cfg), 2)


def test_official_cfgs_of_any_hand(shared: Path) -> None:
    """Those that the authors of the C programs wrote: odd blanks, line ends and orders stay as they are."""
    refused = []
    for path in sorted((shared / "data" / "zoo").glob("*/*.cfg")):
        try:
            found = adapt(read_cfg(path, Findings()), 3, findings=Findings())
        except ConfigError:
            refused.append(path.stem)
            continue
        deleted = {edit.line for edit in found.edits if edit.value is None}
        old = [line for number, line in enumerate(path.read_bytes().split(b"\n"), 1) if number not in deleted]
        differ = [pair for pair in zip(old, bytes(found.after).split(b"\n"), strict=True) if pair[0] != pair[1]]
        assert len(differ) + len(deleted) == len(found.edits), path
        assert build_graph(found.after, findings=Findings()).classes == 3
    texts = ["crnn.train", "gru", "gru", "lstm.train", "rnn", "rnn", "rnn.train", "rnn.train"]
    others = ["darknet9000", "go", "go.test", "go.test", "vgg-conv", "vgg-conv.x64", "writing", "yolo9000"]
    assert sorted(refused) == sorted(texts + others)


def adapted(text: str, classes: int = 2, *, training: bool = False) -> Adaptation:
    return adapt(parse_cfg(NET + text, "net.cfg"), classes, training=training, findings=Findings())


def test_the_difference_has_the_reasons_in_front() -> None:
    text = ANSWER.format(10)
    assert adapted(text).difference("new.cfg").splitlines() == [
        "# line 6: filters=2 (was 10): one filter for each class",
        "--- net.cfg",
        "+++ new.cfg",
        "@@ -3,6 +3,6 @@",
        " height=8",
        " channels=3",
        " [convolutional]",
        "-filters=10",
        "+filters=2",
        " [avgpool]",
        " [softmax]",
    ]


def test_the_same_number_of_classes_changes_nothing() -> None:
    same = adapted(ANSWER.format(10), 10)
    assert same.edits == ()
    assert bytes(same.after) == bytes(same.before)
    assert same.difference() == ""


@pytest.mark.parametrize(
    "end",
    [
        "[avgpool]\n[softmax]\n[cost]\n", "[avgpool]\n[dropout]\n[softmax]\n", "[avgpool]\n[logistic]\n",
        "[avgpool]\n", "[maxpool]\nsize=8\nstride=8\n[softmax]\n", "[batchnorm]\n[avgpool]\n[softmax]\n",
    ],
)  # fmt: skip
def test_layers_that_keep_classes_may_stand_behind(end: str) -> None:
    found = adapted("[convolutional]\nfilters=4\n[convolutional]\nfilters=10\n" + end)
    assert [(edit.line, edit.option, edit.value) for edit in found.edits] == [(8, "filters", "2")]


def test_options_that_are_not_written_are_added() -> None:
    found = adapted("[connected]\nactivation=linear\n[logistic]\n", 3)
    assert str(found.after).endswith("[connected]\noutput=3\nactivation=linear\n[logistic]\n")
    found = adapted(f"[convolutional]\nfilters=50\n[yolo]\n{ANCHORS}", 3)
    assert str(found.after).endswith(f"filters=16\n[yolo]\nclasses=3\n{ANCHORS}")


def test_what_counts_the_old_classes_is_deleted() -> None:
    found = adapted(f"[convolutional]\nfilters=14\n[yolo]\nclasses=2\n{ANCHORS}counters_per_class=5,7\n", 3)
    (edit,) = [edit for edit in found.edits if edit.value is None]
    assert str(edit) == "line 11: no counters_per_class= (was 5,7): it counts the objects of the old classes"


def test_several_values_of_a_region() -> None:
    found = adapted(f"[convolutional]\nfilters=24\n[region]\nclasses=3\ncoords=8\n{ANCHORS}", 5)
    assert str(found.edits[0]) == "line 6: filters=28 (was 24): 2 x (5 classes + 9) for the [region] at line 7"


@pytest.mark.parametrize(
    ("text", "classes", "found"),
    [
        ("[convolutional]\nfilters=10\n[softmax]\n", 2, "gives the values of the classes"),
        ("[convolutional]\nfilters=10\n", 2, "answers with 640 values, not one for each filter"),
        ("[avgpool]\n[softmax]\n", 2, "[avgpool] gives the values of"),
        (f"[convolutional]\nfilters=4\n{ANSWER.format(4)[:25]}\n[shortcut]\nfrom=-2\n[avgpool]\n[softmax]\n", 2,
         "[shortcut] gives the values of"),
        (ANSWER.format(10), 1, "1 class, of which a softmax is always sure"),
        ("[convolutional]\nfilters=10\n[avgpool]\n[route]\nlayers=-2\n[avgpool]\n[softmax]\n", 2,
         "[route] gives the values of"),
        (f"[convolutional]\nfilters=24\n[yolo]\nclasses=7\n{ANCHORS}[route]\nlayers=-2\n[convolutional]\nfilters=5\n"
         f"[route]\nlayers=0\n[yolo]\nclasses=7\n{ANCHORS}", 2, "[route] gives the values of the [yolo]"),
        (f"[convolutional]\nfilters=24\n[yolo]\nclasses=7\n{ANCHORS}[route]\nlayers=-2\n[convolutional]\nfilters=24\n"
         f"[yolo]\nclasses=7\n{ANCHORS}", 2, "would change with the number of classes, as it reads layer 0"),
        ("[convolutional]\nfilters=10\ngroups=1\n[convolutional]\nfilters=10\ngroups=5\n[avgpool]\n[softmax]\n", 3,
         "3 classes do not fit: "),
        ("[convolutional]\nfilters=10\n[avgpool]\n[softmax]\ngroups=2\n", 3, "3 classes do not fit: groups=2 with 3"),
        ("[convolutional]\nfilters=3\n[convolutional]\nfilters=3\n[convolutional]\nfilters=3\nshare_index=-1\n"
         "[avgpool]\n[softmax]\n", 2, "2 classes do not fit: layer 1 has"),
    ],
)  # fmt: skip
def test_what_cannot_be_adapted_is_refused(text: str, classes: int, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        adapted(text, classes)
    assert found in str(caught.value)
    assert (caught.value.path, caught.value.line is not None) == ("net.cfg", True)
    assert caught.value.remedy


def test_groups_that_fit_are_kept() -> None:
    assert "filters=4\n" in str(adapted("[convolutional]\nfilters=10\n[avgpool]\n[softmax]\ngroups=2\n", 4).after)


def test_a_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my.tree").write_text("a -1\nb -1\nc 0\n")
    text = f"[convolutional]\nfilters=3\n[avgpool]\n[softmax]\ntree={tmp_path / 'my.tree'}\n"
    with pytest.raises(ConfigError, match="the classes are a tree, expected classes side by side"):
        adapted(text)


def test_a_cfg_that_is_wrong_already_is_refused_as_always() -> None:
    with pytest.raises(ConfigError, match=r"filters=255, expected 50 for the \[yolo\] with classes=20"):
        adapted(f"[convolutional]\nfilters=255\n[yolo]\n{ANCHORS}")


SCHEDULE = "max_batches=500200\npolicy=steps\nsteps=400000,450000\nscales=.1,.1\n"
DETECTOR = f"[convolutional]\nfilters=50\n[yolo]\nclasses=20\n{ANCHORS}"


@pytest.mark.parametrize(
    ("schedule", "classes", "expected"),
    [
        (SCHEDULE, 2, {"max_batches": "6000", "steps": "4800,5400"}),
        (SCHEDULE, 10, {"max_batches": "20000", "steps": "16000,18000"}),
        ("max_batches=40000\npolicy=steps\nsteps=200,400,20000\nscales=2.5,2,.1\n", 1,
         {"max_batches": "6000", "steps": "200,400,4800"}),
        ("max_batches=500\npolicy=poly\n", 4, {"max_batches": "8000"}),
        ("learning_rate=.1\n", 3, {"max_batches": "6000"}),
        ("max_batches=6000\npolicy=steps\nsteps=4800,5400\nscales=.1,.1\n", 3, {}),
    ],
)  # fmt: skip
def test_how_long_a_detector_trains(schedule: str, classes: int, expected: dict[str, str]) -> None:
    found = adapt(parse_cfg(NET + schedule + DETECTOR), classes, training=True)
    assert {edit.option: edit.value for edit in found.edits if edit.section.layer is None} == expected
    assert build_graph(found.after, training=True).net.max_batches == updates_for(classes)


def test_there_is_no_such_rule_for_classifiers() -> None:
    with pytest.raises(ConfigError, match="no rule for a classifier"):
        adapted(ANSWER.format(10), training=True)
