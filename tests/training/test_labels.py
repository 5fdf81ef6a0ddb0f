"""Classes from paths."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError, DataError, Findings
from darknetpy.training.labels import Labels, numbers_of

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("labels", "path", "expected"),
    [
        (["cat", "dog"], "pictures/dog/1.png", [1]),
        (["cat", "dog"], "cats_and_dogs/dog/1.png", [1]),
        (["1", "10"], "train/10_a.png", [1]),
        (["1", "10"], "train/1_10.png", [0]),
        (["frog", "ship"], "train/6_frog.png", [0]),
        (["n0153", "n015300"], "train/n015300/n015300_7.JPEG", [1]),
        (["cat", "catfish"], "a/catfish.1.png", [1]),
        (["cat", "catfish"], "a/my catfish.png", [0, 1]),
        (["cat", "dog"], "cat/dog/1.png", [0, 1]),
        (["cat", "dog"], "bird.png", []),
    ],
)
def test_a_folder_or_the_beginning_of_the_name_comes_before_the_rest_of_the_path(
    labels: list[str], path: str, expected: list[int]
) -> None:
    assert Labels(labels).of(path) == expected


def test_a_picture_without_label_is_an_error_with_examples() -> None:
    with pytest.raises(DataError, match=r"no label for 2 of 3 pictures.*bird\.png, b/owl\.png"):
        Labels(["cat", "dog"]).of_all(["bird.png", "cat/1.png", "b/owl.png"], Findings())


def test_a_picture_with_two_labels_is_an_error_unless_several_are_wanted() -> None:
    labels, paths = Labels(["cat", "dog"]), ["cat/1.png", "x/cat and dog.png"]
    with pytest.raises(DataError, match=r"1 of 2 pictures have several labels: cat and dog in x/cat and dog\.png"):
        labels.of_all(paths, Findings())
    assert labels.of_all(paths, Findings(), several=True) == [(0,), (0, 1)]


def test_where_the_rules_differ_a_warning_says_so_once() -> None:
    findings = Findings()
    Labels(["cat", "dog"]).of_all(["cats_and_dogs/dog/1.png", "cats_and_dogs/dog/2.png"], findings)
    assert len(findings.warnings) == 1
    assert "contains cat, dog, expected dog alone" in str(findings.warnings[0])


def test_labels_are_neither_empty_nor_twice_there() -> None:
    with pytest.raises(ConfigError, match=r"labels\.txt:2: an empty label"):
        Labels(["cat", ""], "labels.txt")
    with pytest.raises(ConfigError, match="the label cat twice"):
        Labels(["cat", "dog", "cat"])


def test_classes_can_be_written_as_names_or_numbers() -> None:
    assert list(numbers_of(["cat", "dog"], "dog, 0")) == [1, 0]
    for text in ("bird", "2", "-1", ""):
        with pytest.raises(ValueError, match=f"^{text}$"):
            list(numbers_of(["cat", "dog"], text))
