"""Finds objects in a picture with OpenCV's calls, and draws them.

    python examples/detect_with_opencv_calls.py yolov4-tiny.cfg yolov4-tiny.weights coco.names dog.jpg found.jpg

This is a script of the usual kind for OpenCV 4, which read Darknet's networks; OpenCV 5 does not. One word differs:
where it says ``import darknetpy.cv2dnn as cv2`` it said ``import cv2``. Pictures are still read, drawn on and written
by OpenCV, of whichever version is installed.
"""

import argparse

import numpy as np

import darknetpy.cv2dnn as cv2

CONFIDENCE = 0.5
OVERLAP = 0.4


def find(net, frame, side):
    """Class numbers, confidences and boxes (left, top, width, height) of what is on a picture."""
    blob = cv2.dnn.blobFromImage(frame, 1 / 255.0, (side, side), [0, 0, 0], True, crop=False)
    net.setInput(blob)
    height, width = frame.shape[:2]
    class_ids, confidences, boxes = [], [], []
    for output in net.forward(net.getUnconnectedOutLayersNames()):
        for detection in output:
            scores = detection[5:]
            class_id = np.argmax(scores)
            if scores[class_id] > CONFIDENCE:
                center_x, center_y, w, h = detection[:4] * [width, height, width, height]
                class_ids.append(int(class_id))
                confidences.append(float(scores[class_id]))
                boxes.append([int(center_x - w / 2), int(center_y - h / 2), int(w), int(h)])
    kept = cv2.dnn.NMSBoxes(boxes, confidences, CONFIDENCE, OVERLAP)
    return [(class_ids[i], confidences[i], boxes[i]) for i in np.array(kept).flatten()]


def main():
    """Read the network and the picture, print what is found and write the picture with boxes."""
    parser = argparse.ArgumentParser()
    for name in ("cfg", "weights", "names", "image", "out"):
        parser.add_argument(name)
    parser.add_argument("--size", type=int, default=416)
    arguments = parser.parse_args()

    with open(arguments.names) as file:  # noqa: PTH123  # scripts do it like this
        names = file.read().strip().split("\n")
    net = cv2.dnn.readNetFromDarknet(arguments.cfg, arguments.weights)
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)

    frame = cv2.imread(arguments.image)
    for class_id, confidence, (left, top, width, height) in find(net, frame, arguments.size):
        label = f"{names[class_id]}: {confidence:.2f}"
        print(label, left, top, width, height)
        cv2.rectangle(frame, (left, top), (left + width, top + height), (0, 255, 0), 2)
        cv2.putText(frame, label, (left, max(top - 5, 15)), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0), 2)
    cv2.imwrite(arguments.out, frame)


if __name__ == "__main__":
    main()
