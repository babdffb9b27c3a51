"""Images of many sizes do not fill the memory: few of the large tables of areas are kept."""

import numpy as np

import dustaug
from area_tables import kept_tables, new_spec
from dustaug._engine.memory import ImageKind
from dustaug._graph import program


def test_arrays_of_many_sizes():
    """After 60 sizes add_dust() keeps the last 8 tables at most; one at least shows that they are counted."""
    spec = new_spec()

    def use(height, width):
        dustaug.add_dust(np.zeros((height, width), np.uint8), spec, seed=0, index=0)

    assert 1 <= kept_tables(use) <= 8


def test_rectangles_of_many_sizes():
    """After 60 sizes sample_rectangles() keeps at most 8 tables."""
    spec = new_spec()

    def use(height, width):
        dustaug.sample_rectangles(spec, height=height, width=width, seed=0, index=0)

    assert 1 <= kept_tables(use) <= 8


def test_programs_of_graphs_of_many_sizes():
    """After 60 sizes the programs that graphs are built from keep at most 8 tables."""
    spec = new_spec()

    def use(height, width):
        program._find_program(spec, ImageKind((height, width), None, np.dtype(np.uint8), "HW"))

    assert 1 <= kept_tables(use) <= 8
