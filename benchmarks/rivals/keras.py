"""Keras' layer, and dustaug's for Keras, on TensorFlow and compiled by tf.function."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import tensorflow as tf

from dustaug.keras import DustRectangles

from .cases import IN_A_ROW, Case, Peer, Work

__all__ = ["PEERS"]

# It warns of many functions that are compiled anew, one for each case.
tf.get_logger().setLevel("ERROR")


def _data_format(case: Case) -> Any:
    return "channels_last" if case.layout == "NHWC" else "channels_first"


def _compiled(layer: Any, repeats: int) -> Work:
    """Keras' layers return floats, so the images are cast back."""

    @tf.function
    def paint(images: Any) -> Any:
        painted = tf.cast(images, tf.float32)
        for _ in tf.range(repeats):
            painted = tf.ensure_shape(layer(painted), images.shape)
        return tf.cast(painted, images.dtype)

    return Work(paint, tf.constant)


def _random_erasing(case: Case) -> Work:
    low, high = case.area_range
    # The root of a number from this range is drawn for each side; this makes the mean area that of the others.
    scale = (0.02, 0.36) if case.rectangles == "one" else (1.02 * low, 1.02 * high)
    layer = keras.layers.RandomErasing(
        factor=(1.0, 1.0), scale=scale, fill_value=0.0, value_range=(0, 255), data_format=_data_format(case)
    )
    return _compiled(layer, 1 if case.rectangles == "one" else IN_A_ROW)


def _dust(case: Case) -> Work:
    return _compiled(DustRectangles(case.spec, seed=0, data_format=_data_format(case)), 1)


PEERS = [
    Peer(
        "keras RandomErasing",
        _random_erasing,
        "TensorFlow, in tf.function, cast back from float32 for uint8; its own rectangle for each image; it returns "
        "new images; many: 23 in a row",
        "Whole tensors in few operations.",
    ),
    Peer(
        "dustaug in keras",
        _dust,
        "DustRectangles in tf.function, cast back from float32 for uint8; as a layer must it is a graph of TensorFlow",
        "Both compare rows and columns, and select. The layer's words are drawn by many small operations of the graph, "
        "so that they are the same everywhere; on a small image these count.",
        library="keras RandomErasing",
    ),
]
