"""The names of OpenCV 4's module cv2.dnn that Darknet's networks need."""

from __future__ import annotations

from typing import NoReturn

from darknetpy.compat.opencv_blobs import (
    DNN_LAYOUT_NCHW,
    DNN_LAYOUT_ND,
    DNN_LAYOUT_NHWC,
    DNN_LAYOUT_UNKNOWN,
    DNN_PMODE_CROP_CENTER,
    DNN_PMODE_LETTERBOX,
    DNN_PMODE_NULL,
    Image2BlobParams,
    blobFromImage,
    blobFromImages,
    blobFromImagesWithParams,
    blobFromImageWithParams,
    imagesFromBlob,
)
from darknetpy.compat.opencv_models import ClassificationModel, DetectionModel, Model
from darknetpy.compat.opencv_net import (
    DNN_BACKEND_DEFAULT,
    DNN_BACKEND_OPENCV,
    DNN_TARGET_CPU,
    Layer,
    Net,
    getAvailableTargets,
)
from darknetpy.compat.opencv_readers import readNet, readNetFromDarknet
from darknetpy.compat.opencv_suppression import (
    SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN,
    SOFT_NMSMETHOD_SOFTNMS_LINEAR,
    NMSBoxes,
    NMSBoxesBatched,
    softNMSBoxes,
)
from darknetpy.errors import printable

DNN_BACKEND_HALIDE, DNN_BACKEND_INFERENCE_ENGINE, DNN_BACKEND_VKCOM, DNN_BACKEND_CUDA = 1, 2, 4, 5
DNN_BACKEND_WEBNN, DNN_BACKEND_TIMVX, DNN_BACKEND_CANN = 6, 7, 8
DNN_TARGET_OPENCL, DNN_TARGET_OPENCL_FP16, DNN_TARGET_MYRIAD, DNN_TARGET_VULKAN, DNN_TARGET_FPGA = 1, 2, 3, 4, 5
DNN_TARGET_CUDA, DNN_TARGET_CUDA_FP16, DNN_TARGET_HDDL, DNN_TARGET_NPU, DNN_TARGET_CPU_FP16 = 6, 7, 8, 9, 10
SoftNMSMethod_SOFTNMS_LINEAR = SOFT_NMSMETHOD_SOFTNMS_LINEAR
SoftNMSMethod_SOFTNMS_GAUSSIAN = SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN

__all__ = [
    "DNN_BACKEND_CANN",
    "DNN_BACKEND_CUDA",
    "DNN_BACKEND_DEFAULT",
    "DNN_BACKEND_HALIDE",
    "DNN_BACKEND_INFERENCE_ENGINE",
    "DNN_BACKEND_OPENCV",
    "DNN_BACKEND_TIMVX",
    "DNN_BACKEND_VKCOM",
    "DNN_BACKEND_WEBNN",
    "DNN_LAYOUT_NCHW",
    "DNN_LAYOUT_ND",
    "DNN_LAYOUT_NHWC",
    "DNN_LAYOUT_UNKNOWN",
    "DNN_PMODE_CROP_CENTER",
    "DNN_PMODE_LETTERBOX",
    "DNN_PMODE_NULL",
    "DNN_TARGET_CPU",
    "DNN_TARGET_CPU_FP16",
    "DNN_TARGET_CUDA",
    "DNN_TARGET_CUDA_FP16",
    "DNN_TARGET_FPGA",
    "DNN_TARGET_HDDL",
    "DNN_TARGET_MYRIAD",
    "DNN_TARGET_NPU",
    "DNN_TARGET_OPENCL",
    "DNN_TARGET_OPENCL_FP16",
    "DNN_TARGET_VULKAN",
    "SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN",
    "SOFT_NMSMETHOD_SOFTNMS_LINEAR",
    "ClassificationModel",
    "DetectionModel",
    "Image2BlobParams",
    "Layer",
    "Model",
    "NMSBoxes",
    "NMSBoxesBatched",
    "Net",
    "SoftNMSMethod_SOFTNMS_GAUSSIAN",
    "SoftNMSMethod_SOFTNMS_LINEAR",
    "blobFromImage",
    "blobFromImageWithParams",
    "blobFromImages",
    "blobFromImagesWithParams",
    "getAvailableTargets",
    "imagesFromBlob",
    "readNet",
    "readNetFromDarknet",
    "softNMSBoxes",
]


def __getattr__(name: str) -> NoReturn:
    calls = ", ".join(known for known in __all__ if "_" not in known)
    remedy = "Networks of other programs are for OpenCV's own cv2.dnn."
    raise AttributeError(f"darknetpy's cv2.dnn has no {printable(name)}; it has {calls}. {remedy}")


def __dir__() -> list[str]:
    return __all__
