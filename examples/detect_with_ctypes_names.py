"""Detect objects with the names of Darknet's ctypes module; written as scripts for libdarknet are.

Only the import differs: such a script says ``import darknet`` where this one says ``from darknetpy import darknet``.

    python examples/detect_with_ctypes_names.py my.cfg my.data my.weights photo.jpg --thresh 0.25 --drawn found.png
"""

import argparse

import numpy as np
from PIL import Image

from darknetpy import darknet


def read_arguments():
    parser = argparse.ArgumentParser(description="Detect objects in a picture")
    parser.add_argument("cfg")
    parser.add_argument("data")
    parser.add_argument("weights")
    parser.add_argument("picture")
    parser.add_argument("--thresh", type=float, default=0.25)
    parser.add_argument("--drawn", help="where to save the picture with its boxes")
    return parser.parse_args()


def in_pixels_of(size, network, detections):
    """Boxes come in pixels of the network's input."""
    across, down = size[0] / darknet.network_width(network), size[1] / darknet.network_height(network)
    return [
        (label, confidence, (x * across, y * down, w * across, h * down))
        for label, confidence, (x, y, w, h) in detections
    ]


def main():
    arguments = read_arguments()
    network, class_names, class_colors = darknet.load_network(arguments.cfg, arguments.data, arguments.weights)
    picture = Image.open(arguments.picture).convert("RGB")
    width, height = darknet.network_width(network), darknet.network_height(network)

    image = darknet.make_image(width, height, 3)
    darknet.copy_image_from_bytes(image, picture.resize((width, height), Image.Resampling.BILINEAR).tobytes())
    detections = darknet.detect_image(network, class_names, image, thresh=arguments.thresh)
    darknet.free_image(image)

    detections = in_pixels_of(picture.size, network, detections)
    darknet.print_detections(detections, coordinates=True)
    if arguments.drawn:
        blue_first = np.asarray(picture)[..., ::-1].copy()
        drawn = darknet.draw_boxes(detections, blue_first, class_colors)
        Image.fromarray(drawn[..., ::-1].copy()).save(arguments.drawn)


if __name__ == "__main__":
    main()
