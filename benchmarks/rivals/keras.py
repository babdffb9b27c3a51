"""Keras' layer and dustaug's layer, on TensorFlow and compiled by tf.function."""

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

# TensorFlow warns that many functions are compiled again; here each case compiles one.
tf.get_logger().setLevel("ERROR")


def _data_format(case: Case) -> Any:
    return "channels_last" if case.layout == "NHWC" else "channels_first"


def _compiled(layer: Any, repeats: int) -> Work:
    """Compile the calls of a layer. Keras' layers return floats, so the function casts the images back."""

    @tf.function
    def paint(images: Any) -> Any:
        painted = tf.cast(images, tf.float32)
        for _ in tf.range(repeats):
            painted = tf.ensure_shape(layer(painted), images.shape)
        return tf.cast(painted, images.dtype)

    return Work(paint, tf.constant)


def _random_erasing(case: Case) -> Work:
    low, high = case.area_range
    # For each side, Keras takes the square root of a number from this range. With this range its mean area equals that
    # of the other libraries.
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
        "It processes whole tensors in few operations.",
    ),
    Peer(
        "dustaug in keras",
        _dust,
        "DustRectangles in tf.function, cast back from float32 for uint8; like every layer it is a graph of TensorFlow",
        "Both layers compare rows and columns, and select. dustaug's layer draws its random words with many small "
        "operations of the graph, so that they are the same everywhere. On a small image these operations matter.",
        library="keras RandomErasing",
    ),
]
