"""A SavedModel that users made with dustaug 0.1.0 is read, and paints the same bytes."""

import tensorflow as tf

import saved


def test_saved_models():
    """The operations of the graph, and no Python."""
    model = tf.saved_model.load(saved.FOLDER / "saved_model")

    assert saved.graph_paints(model.dust) == saved.expected("saved_model")
