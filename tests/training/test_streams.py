"""Streams of random numbers: independent of each other, saved and restored exactly."""

from __future__ import annotations

import json

import pytest

from darknetpy.training.streams import Streams

pytestmark = pytest.mark.quick


def test_a_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    one, other, third = Streams(5), Streams(5), Streams(6)
    assert one["order"].random() == other["order"].random() != third["order"].random()


def test_one_purpose_does_not_change_another() -> None:
    one, other = Streams(5), Streams(5)
    one["order"].random(100)
    assert one["layers"].random() == other["layers"].random() != other["order"].random()


def test_a_restored_stream_goes_on() -> None:
    streams = Streams(5)
    streams["order"].random(3)
    kept = json.loads(json.dumps(streams.state()))
    expected = [streams[purpose].random() for purpose in ("order", "layers", "order")]
    again = Streams(99)
    again["augment"].random()
    again.restore(kept)
    assert [again[purpose].random() for purpose in ("order", "layers", "order")] == expected
    assert again["augment"].random() == Streams(5)["augment"].random()
