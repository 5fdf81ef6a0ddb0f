"""blobFromImage and its kin: pictures as OpenCV holds them become the network's input, and back.

A blob is an array (n, c, h, w) float32 of (value - mean) * scalefactor; pictures are (h, w, 3) in the order blue,
green, red, or (h, w).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from darknetpy.compat.opencv_arguments import Scalar, Size, read_scalar, read_size
from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_resize import as_picture, resize

CV_8U, CV_32F = 0, 5
DNN_LAYOUT_UNKNOWN, DNN_LAYOUT_ND, DNN_LAYOUT_NCHW, DNN_LAYOUT_NHWC = 0, 1, 2, 4
DNN_PMODE_NULL, DNN_PMODE_CROP_CENTER, DNN_PMODE_LETTERBOX = 0, 1, 2

Picture = np.ndarray | None
"""What imread gives; None where it found nothing, which is refused with a word on it."""


class Image2BlobParams:
    """How `blobFromImageWithParams` makes a blob; the attributes have the names of the arguments.

    ``scalefactor`` and ``mean`` have one number a channel, in the order of the blob. ``mode`` (attribute
    ``paddingmode``) is DNN_PMODE_NULL (stretch), DNN_PMODE_CROP_CENTER or DNN_PMODE_LETTERBOX with ``borderValue``
    around the picture; ``datalayout`` DNN_LAYOUT_NCHW or DNN_LAYOUT_NHWC.
    """

    def __init__(
        self,
        scalefactor: Scalar = (1.0, 1.0, 1.0, 1.0),
        size: Size = (0, 0),
        mean: Scalar = (0.0, 0.0, 0.0, 0.0),
        swapRB: bool = False,
        ddepth: int = CV_32F,
        datalayout: int = DNN_LAYOUT_NCHW,
        mode: int = DNN_PMODE_NULL,
        borderValue: Scalar = (0.0, 0.0, 0.0, 0.0),
    ) -> None:
        self.scalefactor, self.size, self.mean, self.swapRB = scalefactor, size, mean, swapRB
        self.ddepth, self.datalayout, self.paddingmode, self.borderValue = ddepth, datalayout, mode, borderValue

    def blobRectToImageRect(self, rBlob: Sequence[int], size: Size) -> tuple[int, int, int, int]:
        """A rectangle (left, top, width, height) of the blob in pixels of the picture, which has (width, height)."""
        width, height = read_size(size)
        blob_width, blob_height = read_size(self.size)
        across, down = _ratio(blob_width, width), _ratio(blob_height, height)
        left, top = 0.0, 0.0
        if self.paddingmode == DNN_PMODE_CROP_CENTER:
            across = down = max(across, down)
            left, top = float(width * across - blob_width) / 2, float(height * down - blob_height) / 2
        elif self.paddingmode == DNN_PMODE_LETTERBOX:
            across = down = min(across, down)
            left, top = -((blob_width - int(width * across)) // 2), -((blob_height - int(height * down)) // 2)
        x, y, w, h = rBlob
        number = float if self.paddingmode == DNN_PMODE_CROP_CENTER else np.float32  # OpenCV's precision
        corner = int(number(x + left) / number(across)), int(number(y + top) / number(down))
        return *corner, int(np.float32(w) / across), int(np.float32(h) / down)

    def blobRectsToImageRects(self, rBlob: Sequence[Sequence[int]], size: Size) -> np.ndarray:
        """The same for several rectangles: (n, 4) int32."""
        return np.array([self.blobRectToImageRect(rectangle, size) for rectangle in rBlob], np.int32).reshape(-1, 4)


def blobFromImage(
    image: Picture,
    scalefactor: float = 1.0,
    size: Size = (0, 0),
    mean: Scalar = (0.0, 0.0, 0.0, 0.0),
    swapRB: bool = False,
    crop: bool = False,
    ddepth: int = CV_32F,
) -> np.ndarray:
    """One picture as a blob (1, c, height, width).

    Args:
        image: (h, w), (h, w, 3) or (h, w, 4) array; uint8 is resized in whole numbers, as OpenCV does it.
        scalefactor: factor on every value, after the mean is taken away: 1 / 255 for Darknet's networks.
        size: (width, height) of the blob; (0, 0) keeps the picture's.
        mean: one number a channel, in the order of the blob.
        swapRB: exchange the first and third channel: Darknet's networks take red first.
        crop: cut the middle out, after a resize that keeps the sides' ratio, instead of stretching.
        ddepth: CV_32F, or CV_8U for bytes (with scalefactor 1 and no mean).

    Raises:
        error: no picture, or arguments that do not fit.

    >>> blobFromImage(np.zeros((100, 200, 3), np.uint8), 1 / 255, (32, 32), swapRB=True).shape
    (1, 3, 32, 32)
    """
    return blobFromImages([image], scalefactor, size, mean, swapRB, crop, ddepth)


def blobFromImages(
    images: Sequence[Picture] | np.ndarray,
    scalefactor: float = 1.0,
    size: Size = (0, 0),
    mean: Scalar = (0.0, 0.0, 0.0, 0.0),
    swapRB: bool = False,
    crop: bool = False,
    ddepth: int = CV_32F,
) -> np.ndarray:
    """Several pictures as one blob (n, c, height, width); see `blobFromImage`. Size (0, 0) is the first picture's."""
    mode = DNN_PMODE_CROP_CENTER if crop else DNN_PMODE_NULL
    factors = (float(scalefactor),) * 4
    return blobFromImagesWithParams(
        images, Image2BlobParams(factors, size, mean, swapRB, ddepth, DNN_LAYOUT_NCHW, mode)
    )


def blobFromImageWithParams(image: Picture, param: Image2BlobParams | None = None) -> np.ndarray:
    """One picture as a blob, made as an `Image2BlobParams` says."""
    return blobFromImagesWithParams([image], param)


def blobFromImagesWithParams(
    images: Sequence[Picture] | np.ndarray, param: Image2BlobParams | None = None
) -> np.ndarray:
    """Several pictures as one blob, made as an `Image2BlobParams` says."""
    param = param or Image2BlobParams()
    pictures = [as_picture(image) for image in images]
    if not pictures:
        raise error("no pictures", "one or more")
    channels = {picture.shape[2] for picture in pictures}
    if len(channels) > 1:
        raise error(f"pictures of {' and '.join(map(str, sorted(channels)))} channels", "the same for all")
    factors, mean = read_scalar(param.scalefactor, "scalefactor"), read_scalar(param.mean, "mean")
    _check_form(param, factors, mean)
    width, height = read_size(param.size)
    size = (width or pictures[0].shape[1], height or pictures[0].shape[0])
    fitted = np.stack([_fit(picture, size, param) for picture in pictures])
    if param.swapRB and fitted.shape[3] >= 3:
        fitted = fitted[..., [2, 1, 0, 3][: fitted.shape[3]]]
    planes = [_scaled(fitted[..., channel], param.ddepth, factors[channel], mean[channel]) for channel in
              range(fitted.shape[3])]  # fmt: skip
    return np.stack(planes, axis=1 if param.datalayout == DNN_LAYOUT_NCHW else 3)


def _check_form(param: Image2BlobParams, factors: tuple[float, ...], mean: tuple[float, ...]) -> None:
    if param.ddepth not in (CV_8U, CV_32F):
        raise error(f"ddepth={param.ddepth}", "CV_32F or CV_8U")
    if param.ddepth == CV_8U and (set(factors) != {1.0} or any(mean)):
        raise error("ddepth=CV_8U with a scalefactor or a mean", "bytes as they are", "Leave ddepth out")
    if param.datalayout not in (DNN_LAYOUT_NCHW, DNN_LAYOUT_NHWC):
        raise error(f"datalayout={param.datalayout}", "DNN_LAYOUT_NCHW or DNN_LAYOUT_NHWC")
    if param.paddingmode not in (DNN_PMODE_NULL, DNN_PMODE_CROP_CENTER, DNN_PMODE_LETTERBOX):
        raise error(f"mode={param.paddingmode}", "DNN_PMODE_NULL, DNN_PMODE_CROP_CENTER or DNN_PMODE_LETTERBOX")


def _fit(picture: np.ndarray, size: tuple[int, int], param: Image2BlobParams) -> np.ndarray:
    """The picture in the blob's size: stretched, its middle, or all of it with a border."""
    (width, height), (h, w, c) = size, picture.shape
    if param.paddingmode == DNN_PMODE_NULL or (w, h) == (width, height):
        return resize(picture, width, height)
    if param.paddingmode == DNN_PMODE_CROP_CENTER:
        factor = max(_ratio(width, w), _ratio(height, h))
        resized = resize(picture, round(w * float(factor)), round(h * float(factor)), float(factor))
        top, left = (resized.shape[0] - height) // 2, (resized.shape[1] - width) // 2
        return resized[top : top + height, left : left + width]
    factor = min(_ratio(width, w), _ratio(height, h))
    resized = resize(picture, max(1, int(w * factor)), max(1, int(h * factor)))
    top, left = (height - resized.shape[0]) // 2, (width - resized.shape[1]) // 2
    framed = np.empty((height, width, c), picture.dtype)
    framed[:] = read_scalar(param.borderValue, "borderValue")[:c]
    framed[top : top + resized.shape[0], left : left + resized.shape[1]] = resized
    return framed


def _ratio(wanted: int, side: int) -> np.float32:
    """The enlargement, as OpenCV rounds it."""
    return np.float32(wanted) / np.float32(side)


def _scaled(plane: np.ndarray, depth: int, factor: float, mean: float) -> np.ndarray:
    """(value - mean) * factor in float32; for bytes by a table, which gives the same."""
    if depth == CV_8U:
        return plane.astype(np.uint8)
    if plane.dtype == np.uint8:
        return np.take(_scaled(np.arange(256, dtype=np.float32), depth, factor, mean), plane)
    return (plane.astype(np.float32) - np.float32(mean)) * np.float32(factor)


def imagesFromBlob(blob_: np.ndarray, images_: Any = None) -> tuple[np.ndarray, ...]:
    """The pictures of a blob (n, c, h, w): arrays (h, w, c), or (h, w) for one channel, with the blob's values.

    ``images_`` is where OpenCV's C++ would put them; it is not used, as there.
    """
    if not isinstance(blob_, np.ndarray) or blob_.ndim != 4:
        raise error("something else than a blob", "an array (n, c, h, w)")
    pictures = np.ascontiguousarray(blob_.transpose(0, 2, 3, 1))
    return tuple(picture[:, :, 0] if picture.shape[2] == 1 else picture for picture in pictures)
