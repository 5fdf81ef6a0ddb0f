from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from darknetpy.compat.opencv_blobs import (
    CV_8U,
    DNN_LAYOUT_NHWC,
    DNN_PMODE_CROP_CENTER,
    DNN_PMODE_LETTERBOX,
    Image2BlobParams,
    blobFromImage,
    blobFromImages,
    blobFromImageWithParams,
    imagesFromBlob,
)
from darknetpy.compat.opencv_errors import error

PICTURE = (np.arange(4 * 5 * 3) * 37 % 256).astype(np.uint8).reshape(4, 5, 3)


def test_numbers_recorded_from_opencv() -> None:
    smaller = [[[59, 116, 172], [145, 74, 88]], [[96, 25, 124], [139, 111, 125]], [[133, 62, 76], [133, 148, 119]]]
    larger = [
        [74, 137, 143, 40, 119, 89, 6], [96, 159, 165, 62, 141, 110, 28], [124, 163, 163, 90, 169, 139, 56],
        [153, 94, 70, 119, 198, 167, 85], [182, 99, 68, 148, 135, 123, 114], [203, 120, 90, 169, 65, 71, 135],
    ]  # fmt: skip
    cropped = [[73, 93, 113], [100, 120, 140], [105, 83, 167]]
    assert blobFromImage(PICTURE, 1.0, (3, 2)).tolist() == [smaller]
    assert blobFromImage(PICTURE, 1.0, (7, 6), swapRB=True)[0, 0].tolist() == larger
    assert blobFromImage(PICTURE, 1.0, (3, 3), (10, 20, 30), crop=True)[0, :, 1].tolist() == cropped


def test_values_are_less_the_mean_and_then_scaled() -> None:
    blob = blobFromImage(PICTURE, 0.5, (0, 0), (1, 2, 3))
    assert blob.dtype == np.float32
    assert np.array_equal(blob[0], (PICTURE.transpose(2, 0, 1) - np.array([[[1]], [[2]], [[3]]])) * 0.5)


def test_the_mean_is_in_the_order_of_the_blob() -> None:
    blob = blobFromImage(PICTURE, 1.0, mean=(1, 2, 3), swapRB=True)
    assert np.array_equal(blob[0], PICTURE[:, :, ::-1].transpose(2, 0, 1) - np.array([[[1.0]], [[2]], [[3]]]))


def test_bytes_stay_bytes_on_demand() -> None:
    blob = blobFromImage(PICTURE, ddepth=CV_8U)
    assert blob.dtype == np.uint8
    assert np.array_equal(blob[0], PICTURE.transpose(2, 0, 1))


def test_grey_pictures_have_one_channel() -> None:
    assert blobFromImage(PICTURE[:, :, 0], size=(8, 6), swapRB=True).shape == (1, 1, 6, 8)


def test_the_fourth_channel_stays_last() -> None:
    picture = np.dstack([PICTURE, PICTURE[:, :, :1]])
    assert np.array_equal(blobFromImage(picture, swapRB=True)[0].transpose(1, 2, 0), picture[:, :, [2, 1, 0, 3]])


def test_several_pictures_take_the_size_of_the_first() -> None:
    assert blobFromImages([PICTURE, PICTURE[:2]]).shape == (2, 3, 4, 5)
    assert blobFromImages(np.stack([PICTURE, PICTURE]), size=(6, 6)).shape == (2, 3, 6, 6)


def test_letterbox_keeps_the_whole_picture_between_borders() -> None:
    params = Image2BlobParams(size=(10, 12), mode=DNN_PMODE_LETTERBOX, borderValue=(7, 8, 9))
    blob = blobFromImageWithParams(PICTURE, params)[0]
    for channel, value in enumerate((7, 8, 9)):
        assert (blob[channel, :2] == value).all()
        assert (blob[channel, 10:] == value).all()
    assert np.array_equal(blob[:, 2:10], blobFromImage(PICTURE, size=(10, 8))[0])


def test_a_layout_with_channels_last() -> None:
    params = Image2BlobParams(datalayout=DNN_LAYOUT_NHWC, swapRB=True)
    assert np.array_equal(blobFromImageWithParams(PICTURE, params)[0], PICTURE[:, :, ::-1])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0, (9, 6, 7, 3)), (DNN_PMODE_CROP_CENTER, (12, 6, 4, 3)), (DNN_PMODE_LETTERBOX, (9, 2, 7, 5))],
)
def test_rectangles_go_back_to_the_picture(mode: int, expected: tuple[int, ...]) -> None:
    """Numbers recorded from OpenCV 4.14."""
    params = Image2BlobParams(size=(32, 40), mode=mode)
    assert params.blobRectToImageRect((10, 12, 8, 6), (30, 20)) == expected
    assert params.blobRectsToImageRects([(10, 12, 8, 6)], (30, 20)).tolist() == [list(expected)]


def test_pictures_come_back_out_of_a_blob() -> None:
    first, second = imagesFromBlob(blobFromImages([PICTURE, PICTURE[::-1]]))
    assert np.array_equal(first, PICTURE)
    assert np.array_equal(second, PICTURE[::-1])
    (grey,) = imagesFromBlob(blobFromImage(PICTURE[:, :, 0]))
    assert grey.shape == (4, 5)
    with pytest.raises(error, match="something else than a blob"):
        imagesFromBlob(PICTURE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": (10,)}, "size="),
        ({"mean": (1, 2, 3, 4, 5)}, "mean has 5 numbers"),
        ({"ddepth": 6}, "ddepth=6"),
        ({"ddepth": CV_8U, "scalefactor": 0.5}, "CV_8U with a scalefactor"),
        ({"ddepth": CV_8U, "mean": 1}, "CV_8U with a scalefactor or a mean"),
    ],
    ids=lambda value: str(value),
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(error, match=message):
        blobFromImage(PICTURE, **arguments)


def test_pictures_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(error, match="no pictures"):
        blobFromImages([])
    with pytest.raises(error, match="1 and 3 channels"):
        blobFromImages([PICTURE, PICTURE[:, :, 0]])
    with pytest.raises(error, match="imread"):
        blobFromImage(None)


@pytest.mark.parametrize(("field", "value"), [("datalayout", 3), ("paddingmode", 7)])
def test_parameters_without_a_meaning_are_refused(field: str, value: int) -> None:
    params = Image2BlobParams()
    setattr(params, field, value)
    with pytest.raises(error, match=f"={value}"):
        blobFromImageWithParams(PICTURE, params)
