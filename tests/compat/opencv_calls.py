"""A script as people have it for OpenCV 4: everything that it learns about a network and its pictures, in one place.

The tests run it as it stands, and again with its first import changed to ``import darknetpy.cv2dnn as cv2``.
"""

import cv2
import numpy as np

THRESHOLDS = [(0.5, 0.0), (0.25, 0.4), (0.05, 0.45), (0.0, 0.3)]  # of confidence and of overlap


def look_at_layers(cfg, weights):
    """Names, ids, types and arrays of the layers."""
    net = cv2.dnn.readNet(weights, cfg)
    layers = [net.getLayer(name) for name in net.getLayerNames()]
    return {
        "empty": net.empty(),
        "names": net.getLayerNames(),
        "ids": [net.getLayerId(name) for name in net.getLayerNames()],
        "no id": net.getLayerId("no such layer"),
        "types": [layer.type for layer in layers],
        "every type": net.getLayerTypes(),
        "convolutions": net.getLayersCount("Convolution"),
        "outputs": net.getUnconnectedOutLayers(),
        "names of outputs": net.getUnconnectedOutLayersNames(),
        "classic": [net.getLayerNames()[i - 1] for i in net.getUnconnectedOutLayers()],
        "arrays": [blob for layer in layers for blob in layer.blobs],
        "parameter": net.getParam(net.getLayerNames()[0], 0),
    }


def make_blobs(pictures, size):
    """Blobs of pictures in the ways that scripts make them."""
    first = pictures[0]
    square = (min(size), min(size))
    params = cv2.dnn.Image2BlobParams()
    params.scalefactor, params.size, params.swapRB = (1 / 255, 1 / 255, 1 / 255, 0), size, True
    params.paddingmode, params.borderValue = cv2.dnn.DNN_PMODE_LETTERBOX, (127, 127, 127, 0)
    return {
        "usual": cv2.dnn.blobFromImage(first, 1 / 255.0, size, (0, 0, 0), swapRB=True, crop=False),
        "positional": cv2.dnn.blobFromImage(first, 0.00392, size, [0, 0, 0], True, False),
        "as it is": cv2.dnn.blobFromImage(first),
        "cropped": cv2.dnn.blobFromImage(first, 1 / 255, square, swapRB=True, crop=True),
        "mean": cv2.dnn.blobFromImage(first, 0.017, size, (103.9, 116.8, 123.7)),
        "swapped mean": cv2.dnn.blobFromImage(first, 1.0, size, (103.9, 116.8, 123.7), True),
        "bytes": cv2.dnn.blobFromImage(first, 1.0, size, ddepth=cv2.CV_8U),
        "grey": cv2.dnn.blobFromImage(first[:, :, 0], 1 / 255, size),
        "numbers": cv2.dnn.blobFromImage(first.astype(np.float32), 1 / 255, size),
        "several": cv2.dnn.blobFromImages(pictures, 1 / 255, size, swapRB=True),
        "larger": cv2.dnn.blobFromImage(first, 1 / 255, (first.shape[1] + 77, first.shape[0] + 50)),
        "letterbox": cv2.dnn.blobFromImageWithParams(first, params),
    }


def run(cfg, weights, blob):
    """Outputs for a blob (1, c, h, w) given to a network in all ways."""
    net = cv2.dnn.readNetFromDarknet(cfg, weights)
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    names = net.getUnconnectedOutLayersNames()
    net.setInput(blob)
    answers = {"last": net.forward(), "outputs": net.forward(names), "one": net.forward(names[0])}
    answers["lists"] = net.forwardAndRetrieve(names)
    of_bytes = cv2.dnn.readNet(cfg, weights)
    of_bytes.setInput((blob * 255).round().astype(np.uint8), "", 1 / 255.0)
    answers["of bytes"] = of_bytes.forward(names)
    ticks, timings = net.getPerfProfile()
    answers["ticks are positive"] = ticks > 0
    answers["parts make the whole"] = bool(abs(timings.sum() - ticks) <= 1e-6 * ticks)
    scaled = cv2.dnn.readNet(cfg, weights)  # OpenCV forgets a scale that comes after an input without one
    scaled.setInput(blob, scalefactor=2.0, mean=(0.1, 0.2, 0.3))
    answers["scaled"] = scaled.forward(names)
    from_memory = cv2.dnn.readNetFromDarknet(np.fromfile(cfg, np.uint8), np.fromfile(weights, np.uint8))
    from_memory.setInput(blob)
    answers["from memory"] = from_memory.forward()
    return answers


def run_several(cfg, weights, blobs):
    """Outputs for several pictures at once."""
    net = cv2.dnn.readNetFromDarknet(cfg, weights)
    net.setInput(blobs)
    return {"several": net.forward(net.getUnconnectedOutLayersNames())}


def run_layer(cfg, weights, blob, name):
    """The output of one layer. Without fusion: OpenCV gives memory that nobody wrote for a layer that it fused."""
    net = cv2.dnn.readNetFromDarknet(cfg, weights)
    net.enableFusion(False)
    net.setInput(blob)
    return net.forward(name)


def suppress(boxes, scores, classes, score, overlap, eta, top):
    """What non-maximum suppression leaves of boxes."""
    whole = np.array(boxes).astype(int).tolist()
    return {
        "usual": cv2.dnn.NMSBoxes(boxes, scores, score, overlap),
        "arrays": cv2.dnn.NMSBoxes(np.array(boxes), np.array(scores), score, overlap),
        "whole": cv2.dnn.NMSBoxes(whole, scores, score_threshold=score, nms_threshold=overlap),
        "adaptive": cv2.dnn.NMSBoxes(boxes, scores, score, overlap, eta, top),
        "by class": cv2.dnn.NMSBoxesBatched(boxes, scores, classes, score, overlap, eta, top),
        "soft": cv2.dnn.softNMSBoxes(whole, scores, score, overlap, top),
        "linear": cv2.dnn.softNMSBoxes(whole, scores, score, overlap, 0, 0.5, cv2.dnn.SOFT_NMSMETHOD_SOFTNMS_LINEAR),
    }


def detect(cfg, weights, pictures, size):
    """What a DetectionModel finds in pictures, at several thresholds."""
    model = cv2.dnn_DetectionModel(cfg, weights)
    model.setInputParams(1 / 255, size, (0, 0, 0), True)
    found = [model.detect(picture, *thresholds) for picture in pictures for thresholds in THRESHOLDS]
    model.setNmsAcrossClasses(True)
    found += [model.detect(picture, confThreshold=0.1, nmsThreshold=0.4) for picture in pictures]
    return found


def classify(cfg, weights, pictures, size):
    """What a ClassificationModel says about pictures."""
    model = cv2.dnn.ClassificationModel(cv2.dnn.readNetFromDarknet(cfg, weights))
    model.setInputSize(*size)
    model.setInputScale(1 / 255)
    model.setInputSwapRB(True)
    answers = [model.classify(picture) for picture in pictures] + [model.predict(picture) for picture in pictures]
    model.setEnableSoftmaxPostProcessing(True)
    return [*answers, model.classify(pictures[0]), model.getEnableSoftmaxPostProcessing()]
