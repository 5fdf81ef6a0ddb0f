"""Bilinear resampling of bytes in whole numbers, with the roundings of OpenCV's INTER_LINEAR for 8-bit pictures.

Fractions are rounded to 1/2048. Sums along a row stay exact; between two rows each product is cut to 2**-2 of a grey
level before they are added. The results are OpenCV's to the bit (measured with opencv-python-headless 4.14).
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels import kernel

FRACTION_BITS = 11  # 1/2048


@kernel
def resample_in_whole_numbers(
    picture: np.ndarray,
    columns: np.ndarray,
    column_shares: np.ndarray,
    rows: np.ndarray,
    row_shares: np.ndarray,
    lines: np.ndarray,
    out: np.ndarray,
) -> None:
    """Mix the four source pixels around every position, horizontally first.

    picture (h, w, c) uint8; columns (2, out_w) and rows (2, out_h) int64: the two source pixels of every position;
    column_shares and row_shares, int32 of the same shapes: what each of them counts, in 1/2048; lines (2, out_w * c)
    int32 is scratch. Writes out (out_h, out_w * c) uint8.
    """
    planes = picture.shape[2]
    for row in range(out.shape[0]):
        for which in range(2):
            source = rows[which, row]
            if row and rows[which, row - 1] == source:
                continue
            for column in range(columns.shape[1]):
                left, right = columns[0, column], columns[1, column]
                left_share, right_share = column_shares[0, column], column_shares[1, column]
                for plane in range(planes):
                    mixed = picture[source, left, plane] * left_share + picture[source, right, plane] * right_share
                    lines[which, column * planes + plane] = mixed
        upper_share, lower_share = row_shares[0, row], row_shares[1, row]
        for place in range(out.shape[1]):
            upper = (upper_share * (lines[0, place] >> 4)) >> 16
            lower = (lower_share * (lines[1, place] >> 4)) >> 16
            out[row, place] = (upper + lower + 2) >> 2
