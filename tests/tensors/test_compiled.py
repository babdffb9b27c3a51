"""torch.compile keeps the painting in one graph, and its pixels are those of the uncompiled call."""

import ast

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch.library import opcheck

import dustaug
import guided
import kinds
from dustaug import dust
from dustaug.torch import add_dust
from dustaug.torchvision import DustRectangles
from test_pixels import KEYS, photos
from test_schedule import MANY

BACKENDS = ["eager", "aot_eager"]
SPEC = dust(count_range=(20, 31))


def grey(*shape, dtype=torch.uint8):
    return torch.full(shape, 100, dtype=dtype)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()


@pytest.mark.parametrize("backend", BACKENDS)
def test_there_is_no_break_of_the_graph(backend):
    """One graph holds the painting and the operations before and after it."""
    compiled = torch.compile(
        lambda images, index: add_dust(images * 2, SPEC, seed=2**64 - 1, epoch=3, index=index) + 1,
        backend=backend,
        fullgraph=True,
    )
    for index in range(3):
        expected = add_dust(grey(2, 3, 40, 40) * 2, SPEC, seed=2**64 - 1, epoch=3, index=index) + 1

        assert torch.equal(compiled(grey(2, 3, 40, 40), index), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_callers_tensor_is_painted(backend):
    """A compiled call paints the tensor in place and returns it."""
    images = grey(2, 3, 40, 40)
    found = torch.compile(lambda images: add_dust(images, seed=7, index=0), backend=backend, fullgraph=True)(images)

    assert torch.equal(images, add_dust(grey(2, 3, 40, 40), seed=7, index=0))
    assert torch.equal(images, found)


@pytest.mark.parametrize(
    "arguments",
    [
        {"index": [3, 2**40]},
        {"index": np.array([3, 2**40])},
        {"index": torch.tensor([3, 2**40])},
        {"index": 5, "epoch": torch.tensor(3)},
        {"index": 5, "layout": "NCHW", "num_threads": 2, "spec": dustaug.cutout(9)},
        {"index": 5, "value_range": (10, 20), "spec": dust(fill="noise")},
    ],
    ids=str,
)
def test_arguments_go_through(arguments):
    """A compiled call takes all arguments of add_dust()."""
    spec = arguments.pop("spec", None)
    compiled = torch.compile(
        lambda images: add_dust(images, spec, seed=7, **arguments), backend="eager", fullgraph=True
    )

    assert torch.equal(compiled(grey(2, 3, 40, 40)), add_dust(grey(2, 3, 40, 40), spec, seed=7, **arguments))


@pytest.mark.parametrize("name", guided.CASES)
def test_guides_and_objects(name):
    """Guides and objects are inputs of the graph or constants in it, with the bytes of vectors/guides.json."""
    spec, terms = guided.CASES[name]
    given, key = guided.as_tensors(terms), KEYS["any"]

    def with_inputs(images, given):
        return add_dust(images, spec, **key, **given, layout="NHWC")

    def with_constants(images):
        return add_dust(images, spec, **key, **terms, layout="NHWC")

    images = torch.from_numpy(photos())
    as_inputs = torch.compile(with_inputs, backend="aot_eager", fullgraph=True)(images.clone(), given)
    as_constants = torch.compile(with_constants, backend="aot_eager", fullgraph=True)(images)

    assert as_inputs.numpy().tobytes() == guided.expected(name).tobytes() == as_constants.numpy().tobytes()


def test_donors():
    """Donors are an input of the graph, with the bytes of vectors/kinds.json."""
    spec, terms, _ = kinds.CASES["cutmix"]

    def paint(images, donors):
        return add_dust(images, spec, **KEYS["any"], donors=donors, layout="NHWC")

    compiled = torch.compile(paint, backend="aot_eager", fullgraph=True)
    found = compiled(torch.from_numpy(photos()), torch.from_numpy(terms["donors"]))

    assert found.numpy().tobytes() == kinds.expected("cutmix").tobytes()


def test_new_guides_compile_nothing():
    """One graph serves guides of every resolution and any boxes of one image."""
    spec, counter = dust(center="guide", max_hidden=0.3), CompileCounterWithBackend("aot_eager")

    def paint(images, guide, boxes):
        return add_dust(images, spec, seed=7, index=3, guide=guide, objects=boxes)

    compiled = torch.compile(paint, backend=counter, fullgraph=True, dynamic=True)
    for rows, columns, n_boxes in ((7, 5, 9), (41, 49, 2), (8, 13, 6)):
        guide = (torch.arange(rows * columns) % 3).to(torch.uint8).reshape(rows, columns)
        boxes = torch.arange(2, 2 + n_boxes)[:, None] + torch.tensor([0, 3, 14, 20])

        assert torch.equal(compiled(grey(3, 40, 48), guide, boxes), paint(grey(3, 40, 48), guide, boxes))

    assert counter.frame_count == 1


def test_new_indices_epochs_and_seeds_compile_nothing():
    """PyTorch takes numbers for variables from the second value on, so two compilations are enough."""
    counter = CompileCounterWithBackend("eager")

    def step(images, seed, epoch, index):
        return add_dust(images, seed=seed, epoch=epoch, index=index)

    compiled = torch.compile(step, backend=counter, fullgraph=True)
    for number in range(40):
        coordinates = {"seed": 5 + 2**20 * number, "epoch": 3 + number, "index": 32 * number + 2**33}
        assert torch.equal(compiled(grey(1, 8, 8), **coordinates), add_dust(grey(1, 8, 8), **coordinates))

    assert counter.frame_count <= 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dynamic", [True, None])
@pytest.mark.parametrize("spec", [SPEC, dustaug.random_erasing(p=1)], ids=["dust", "random_erasing"])
def test_new_sizes_compile_nothing(backend, dynamic, spec):
    """One graph serves images of all sizes; left to itself, PyTorch makes another one for the first size."""
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(
        lambda images: add_dust(images * 2, spec, seed=7, index=3), backend=counter, fullgraph=True, dynamic=dynamic
    )
    for height, width in ((40, 48), (33, 60), (224, 224), (7, 500), (65, 64)):
        expected = np.full((2, 3, height, width), 200, np.uint8)
        dustaug.add_dust(expected, spec, seed=7, index=3, layout="NCHW")

        assert compiled(grey(2, 3, height, width)).numpy().tobytes() == expected.tobytes()

    assert counter.frame_count == (1 if dynamic else 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_new_sizes_compile_nothing_in_torchvision(backend):
    """A compiled transform has one graph for all sizes, and the dust of the uncompiled one."""
    counter, transform = CompileCounterWithBackend(backend), DustRectangles(SPEC)
    compiled = torch.compile(transform, backend=counter, dynamic=True)
    for height, width in ((40, 48), (33, 60), (224, 224), (7, 500), (65, 64)):
        torch.manual_seed(5)
        expected = transform(grey(2, 3, height, width))
        torch.manual_seed(5)

        assert torch.equal(compiled(grey(2, 3, height, width)), expected)

    assert counter.frame_count == 1


def test_another_spec_is_another_graph():
    """A spec is recognised by its fields and not by its address, which a later spec may reuse."""
    compiled = torch.compile(
        lambda images, spec: add_dust(images, spec, seed=7, index=0), backend="eager", fullgraph=True
    )
    for number in range(6):
        found = compiled(grey(3, 40, 40), dust(count_range=(20 + number, 20 + number)))

        assert torch.equal(
            found, add_dust(grey(3, 40, 40), dust(count_range=(20 + number, 20 + number)), seed=7, index=0)
        )


@pytest.mark.parametrize("backend", ["aot_eager", "aot_eager_decomp_partition"])
def test_without_a_seed_every_call_differs(backend):
    """Two calls that look alike to the compiler are not merged, so contrastive learning gets two views."""

    def views(images):
        return add_dust(images.clone(), SPEC), add_dust(images.clone(), SPEC)

    compiled = torch.compile(views, backend=backend, fullgraph=True)
    found = [view for _ in range(2) for view in compiled(grey(3, 40, 40))]

    assert len({view.numpy().tobytes() for view in found}) == 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_autograd_sees_what_it_sees_outside(backend):
    """Gradients pass through the painting as if it were not there, as they do uncompiled."""
    leaf = torch.full((3, 40, 40), 0.5, requires_grad=True)

    def loss(leaf):
        return add_dust(leaf * 2, SPEC, seed=7, index=0).square().sum()

    loss(leaf).backward()
    expected, leaf.grad = leaf.grad, None
    torch.compile(loss, backend=backend, fullgraph=True)(leaf).backward()

    assert torch.equal(leaf.grad, expected)


def test_wrong_arguments_raise_when_the_graph_runs():
    """The errors have the words of add_dust(), and nothing is painted."""
    images = grey(2, 3, 40, 40)
    for arguments, message in (
        ({"seed": -1, "index": 0}, "seed must be from 0"),
        ({"seed": 2**64, "index": 0}, "seed must be from 0"),
        ({"seed": 0}, "index must be given with a seed"),
        ({"index": 0}, "seed must be given together with index"),
        ({"seed": 0, "index": 0, "layout": "WH"}, "layout must be one of"),
        ({"seed": 0, "index": 0, "spec": dust(center="guide")}, "guide must be given with center"),
        ({"seed": 0, "index": 0, "spec": dust(max_hidden=0.5)}, "objects must be given with max_hidden"),
        ({"seed": 0, "index": 0, "guide": np.ones((2, 9, 9), bool)}, "guide must be given with center"),
        (
            {"seed": 0, "index": 0, "spec": dust(max_hidden=0.5), "objects": np.ones((2, 4), int)},
            "objects must be a list",
        ),
    ):
        compiled = torch.compile(lambda images, given=arguments: add_dust(images, **given), backend="eager")
        with pytest.raises((TypeError, ValueError), match=message):
            compiled(images)

    assert (images == 100).all()
    assert torch.is_grad_enabled()  # A graph that raises under no_grad() would leave it off.


def test_exported_programs_paint():
    """torch.export keeps the operation, with the spec as a text."""

    class Dusted(torch.nn.Module):
        def forward(self, images, index):
            return add_dust(images * 2, SPEC, seed=7, index=index)

    index = torch.tensor([5, 6])
    program = torch.export.export(Dusted(), (grey(2, 3, 40, 40), index))

    assert torch.equal(
        program.module()(grey(2, 3, 40, 40), index), add_dust(grey(2, 3, 40, 40) * 2, SPEC, seed=7, index=index)
    )


def test_exported_programs_take_guides():
    """A guide is an input of an exported program, and objects are too."""
    spec = dust(center="guide", max_hidden=0.3)

    class Dusted(torch.nn.Module):
        def forward(self, images, guide, objects):
            return add_dust(images.clone(), spec, seed=7, index=3, guide=guide, objects=objects)

    guide = (torch.arange(2 * 35) % 3).to(torch.uint8).reshape(2, 7, 5)
    objects = [torch.tensor([[3, 3, 20, 20], [10, 10, 39, 39]]), torch.zeros(0, 4, dtype=torch.int64)]
    program = torch.export.export(Dusted(), (grey(2, 3, 40, 40), guide, objects))
    expected = add_dust(grey(2, 3, 40, 40), spec, seed=7, index=3, guide=guide, objects=objects)

    assert torch.equal(program.module()(grey(2, 3, 40, 40), guide, objects), expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_operations_are_what_their_schemas_say(dtype):
    """PyTorch's own checks of operations pass."""
    images, indices = grey(2, 3, 40, 40, dtype=dtype), torch.tensor([5, 6])
    limits, text = (0.0, 255.0), SPEC._text
    for arguments in (
        (images, text, None, limits, (7, 2**32 - 1), 3, None, 5, None, 1),
        (images, text, "NCHW", limits, (7, 0), 3, torch.tensor(1), 0, indices, 1),
    ):
        opcheck(torch.ops.dustaug.add_dust_.default, arguments)
    guide, boxes = torch.ones(2, 9, 9, dtype=torch.uint8), torch.tensor([[2, 2, 30, 30]])
    text = dust(center="guide", max_hidden=0.3)._text
    of_two = (images, text, None, limits, (7, 0), 3, None, 5, None, 1, guide, [boxes, boxes])
    of_one = (images[0], text, None, limits, (7, 0), 3, None, 5, None, 1, guide[0], None, boxes)
    for arguments in (of_two, of_one):
        opcheck(torch.ops.dustaug.add_dust_.default, arguments)
    text = SPEC._text
    tests = ["test_schema", "test_autograd_registration", "test_faketensor"]  # The fourth wants the same pixels twice.
    opcheck(torch.ops.dustaug.add_drawn_dust_.default, (images, text, limits, 1), test_utils=tests)


def test_a_specs_text_is_all_of_it():
    """The text of a spec, which the graph holds, is read back as an equal spec."""
    for spec in (dust(), dustaug.cutout(9, fill_value=(1, 2, 3)), dustaug.random_erasing(p=0.5), SPEC):
        assert dustaug.Spec.from_dict(ast.literal_eval(spec._text)) == spec


def test_a_schedule_is_resolved_when_the_graph_runs():
    """Another epoch compiles nothing again once epochs are symbols, and has the spec of that epoch."""
    counter = CompileCounterWithBackend("eager")
    compiled = torch.compile(
        lambda images, epoch: add_dust(images, MANY, seed=7, epoch=epoch, index=5), backend=counter, fullgraph=True
    )
    for epoch in (1, 3, 4, 5, 40, torch.tensor(5)):
        expected = add_dust(grey(2, 3, 24, 24), MANY.at(int(epoch)), seed=7, epoch=epoch, index=5)

        assert torch.equal(compiled(grey(2, 3, 24, 24), epoch), expected)
    assert counter.frame_count <= 3
