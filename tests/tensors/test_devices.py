"""PyTorch's operations paint tensors of other devices with the pixels of add_dust()."""

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings

import agreement
import dustaug
import guided
import kinds
import strategies
import test_pixels
from benchmarks import gpu
from dustaug import add_dust, dust
from dustaug._engine.coordinates import Coordinates
from dustaug._graph.torch import Torch
from dustaug._tensors.devices import OperationsPainter
from dustaug.torch import add_dust as add_dust_to_tensor
from dustaug.torchvision import DustRectangles
from test_pixels import KEYS

# PyTorch has no dtypes of foreign byte order.
DTYPES = [dtype for dtype in strategies.DTYPES if dtype.isnative]


def paint(tensor, spec, layout, value_range=None, guide=None, objects=None, donors=None, **coordinates):
    """Paint a tensor of the CPU as if it were on a device that only has PyTorch's operations."""
    kind = agreement.kind_of(tensor, layout, value_range)
    painter, terms = (
        OperationsPainter(spec, kind, tensor.device),
        {"guide": guide, "objects": objects, "donors": donors},
    )
    painter(tensor, Coordinates(**coordinates), **terms)


@settings(max_examples=80)
@example(case=agreement.REFUSED)
@given(case=agreement.cases(dtypes=DTYPES, max_side=40))
def test_any_spec_on_any_view(case):
    """Operations paint any spec on any view of any dtype as add_dust() does, or refuse it with the same words."""
    agreement.check(case, paint)


@pytest.mark.parametrize("index", [9, [3, 2**62, 3], torch.tensor([1, 0, 2], dtype=torch.int32), torch.tensor(4)])
@pytest.mark.parametrize("epoch", [2**32 - 1, torch.tensor(5)])
def test_indices_and_epochs(index, epoch):
    """Indices and epochs may be numbers, arrays and tensors."""
    images = torch.full((3, 3, 40, 40), 100, dtype=torch.uint8)
    expected = images.numpy().copy()
    host = {"index": index.numpy() if isinstance(index, torch.Tensor) else index, "epoch": int(epoch)}
    add_dust(expected, seed=7, **host, layout="NCHW")
    paint(images, dust(), "NCHW", seed=7, epoch=epoch, index=index)

    assert expected.tobytes() == images.numpy().tobytes()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", guided.CASES)
def test_guides_and_objects(name, key):
    """Guides and objects, as tensors or arrays, give the bytes of vectors/guides.json."""
    spec, terms = guided.CASES[name]
    for given_terms in (terms, guided.as_tensors(terms)):
        images = test_pixels.photos()
        paint(torch.from_numpy(images), spec, "NHWC", **KEYS[key], **given_terms)

        assert images.tobytes() == guided.expected(name, key).tobytes()


@pytest.mark.parametrize("name", kinds.IMAGES)
def test_kinds(name):
    """Grids, lattices, shares, kept rectangles and donors have the bytes of vectors/kinds.json."""
    case = kinds.IMAGES[name]
    images = case.images()
    paint(torch.from_numpy(images), case.spec, "NHWC", **KEYS["any"], **kinds.as_tensors(case.terms))

    assert images.tobytes() == kinds.expected(name).tobytes()


@pytest.mark.parametrize("fill", ["grey", "noise"])
def test_guides_and_objects_of_one_image(fill):
    """One image may come with its guide and its boxes, without an axis for a batch."""
    spec, guide = dust(center="guide", fill=fill, max_hidden=0.3), torch.arange(12, dtype=torch.uint8).reshape(3, 4)
    boxes = torch.tensor([[3, 3, 20, 20], [10, 10, 39, 39]])
    images = [np.full((40, 41, 3), 100, np.uint8) for _ in range(2)]
    add_dust(images[0], spec, seed=7, index=3, guide=guide.numpy(), objects=boxes.numpy())
    paint(torch.from_numpy(images[1]), spec, "HWC", seed=7, index=3, guide=guide, objects=boxes)

    assert images[0].tobytes() == images[1].tobytes()
    assert (images[0] != 100).any()


class TestMeta:
    """Calls with tensors of the device "meta", which have no memory, are checked and paint nothing."""

    def test_they_pass(self):
        """Tensors without memory are accepted with every fill."""
        for fill in ("grey", "color", "noise", "mean"):
            images = torch.zeros(2, 3, 40, 40, device="meta")

            assert add_dust_to_tensor(images, dust(fill=fill), seed=7, index=0) is images
            assert DustRectangles(dust(fill=fill))(images).is_meta

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"seed": -1, "index": 0}, ValueError, "seed must be from 0"),
            ({"seed": 1.5, "index": 0}, TypeError, "seed must be a whole number"),
            ({"seed": 0, "index": [1, 2, 3]}, ValueError, r"shape \(2,\), one for each image, got shape \(3,\)"),
            ({"seed": 0, "index": -1}, ValueError, "index must be from 0"),
            ({"seed": 0, "index": 0, "epoch": 2**32}, ValueError, "epoch must be from 0"),
            ({"seed": 0, "index": 0, "num_threads": 0}, ValueError, "num_threads must be from 1"),
            ({"seed": 0, "index": 0, "value_range": (1, 0)}, ValueError, "value_range must be two finite numbers"),
            ({"seed": 0, "index": 0, "layout": "CHW"}, ValueError, "images must have 3 axes for layout CHW"),
            ({"seed": 0, "index": 0, "spec": dust(fill="constant", fill_value=(1, 2))}, ValueError, "one number for"),
            ({"seed": 0}, TypeError, "index must be given with a seed"),
            ({"seed": 0, "index": 0, "spec": dust(center="guide")}, TypeError, "guide must be given with center"),
            ({"seed": 0, "index": 0, "guide": torch.ones(2, 4, 4)}, TypeError, "guide must be uint8 or bool"),
            ({"seed": 0, "index": 0, "spec": dust(max_hidden=0.5)}, TypeError, "objects must be given with max_hidden"),
            ({"seed": 0, "index": 0, "objects": [[], []]}, TypeError, "objects must be given with max_hidden"),
        ],
    )
    def test_wrong_arguments(self, arguments, error, message):
        """Wrong arguments raise the errors that they raise on the CPU."""
        with pytest.raises(error, match=message):
            add_dust_to_tensor(torch.zeros(2, 3, 40, 40, device="meta"), **arguments)
        with pytest.raises(error, match=message):
            add_dust_to_tensor(torch.zeros(2, 3, 40, 40), **arguments)

    def test_guides_and_objects(self):
        """Guides and objects without memory are checked too."""
        images, spec = torch.zeros(2, 3, 8, 8, device="meta"), dust(center="guide", max_hidden=0.5)
        boxes = torch.zeros(3, 4, dtype=torch.int64, device="meta")
        guide = torch.ones(2, 4, 4, dtype=torch.bool, device="meta")

        assert add_dust_to_tensor(images, spec, seed=0, index=0, guide=guide, objects=[boxes] * 2) is images
        with pytest.raises(ValueError, match=r"guide must have shape \(2, rows, columns\)"):
            add_dust_to_tensor(images, spec, seed=0, index=0, guide=guide[:1], objects=[boxes] * 2)
        with pytest.raises(ValueError, match=r"objects must have shape \(k, 4\), got \(3, 3\)"):
            add_dust_to_tensor(images, spec, seed=0, index=0, guide=guide, objects=[boxes[:, 1:]] * 2)
        with pytest.raises(
            ValueError, match="guide must be on the CPU or on the device of its images, cpu, got one on"
        ):
            add_dust_to_tensor(torch.zeros(2, 3, 8, 8), dust(center="guide"), seed=0, index=0, guide=guide)

    def test_donors_and_volumes(self):
        """Donors without memory are checked too, and volumes are refused, as on every device but the CPU."""
        images, spec = torch.zeros(2, 3, 8, 8, device="meta"), dustaug.cutmix()

        assert add_dust_to_tensor(images, spec, seed=0, index=0, donors=torch.zeros_like(images)) is images
        with pytest.raises(
            ValueError, match="donors must be on the device of images, meta, got some on cpu: type donors"
        ):
            add_dust_to_tensor(images, spec, seed=0, index=0, donors=torch.zeros(2, 3, 8, 8))
        with pytest.raises(ValueError, match=r"donors must have the images' shape \(2, 3, 8, 8\), got \(1, 3, 8, 8\)"):
            add_dust_to_tensor(images, spec, seed=0, index=0, donors=images[:1])
        with pytest.raises(ValueError, match="images must be no volumes on meta, got layout='NCDHW': type add_dust"):
            add_dust_to_tensor(images[:, :, None], seed=0, index=0, layout="NCDHW")

    def test_no_pixels(self):
        """An empty batch is no error, but its arguments are checked."""
        assert add_dust_to_tensor(torch.zeros(0, 3, 8, 8, device="meta"), seed=0, index=0).shape == (0, 3, 8, 8)
        with pytest.raises(ValueError, match="index must be from 0"):
            add_dust_to_tensor(torch.zeros(0, 3, 8, 8, device="meta"), seed=0, index=-1)


class TestMeans:
    """Means that a device computes are those of add_dust()."""

    def test_half_floats_are_rounded_once(self):
        """A mean is rounded from a double to a half at once: rounding it to a float first would give another half."""
        images = np.full((1, 8, 8, 1), 0.75, np.float16)
        images[0, 0, :2, 0] = 1.515625, 2**-20  # The mean is 0.75 + 2**-12 + 2**-26.
        spec = dust(fill="mean", count_range=(1, 1), side_range=(40, 40), spare_last=False, center_std=(0, 0))
        expected = add_dust(images.copy(), spec, seed=0, index=0)
        means = Torch().mean_of(torch.from_numpy(images), (0.0, 1.0)).numpy()

        assert means.item() == 0.75 + 2**-11
        assert expected.tobytes() == np.broadcast_to(means, images.shape).tobytes()

    @pytest.mark.parametrize("name", ["uint16", "uint32", "uint64", "int64"])
    def test_large_integers(self, name):
        """Sums that need more than 64 bits give exact means."""
        images = strategies.sample_items((5, 9, 9, 2), np.dtype(name), seed=0)
        images[0] = np.iinfo(name).max
        images[1] = np.iinfo(name).min
        spec = dust(fill="mean", count_range=(1, 1), side_range=(40, 40), spare_last=False, center_std=(0, 0))
        expected = add_dust(images.copy(), spec, seed=0, index=0, layout="NHWC")
        means = Torch().mean_of(torch.from_numpy(images), (0, 1)).numpy()

        assert expected.tobytes() == np.broadcast_to(means, images.shape).tobytes()


def test_many_rectangles():
    """More rectangles than a word has bits are painted."""
    spec, images = dust(count_range=(70, 70)), np.zeros((2, 60, 60, 3), ml_dtypes.bfloat16)
    expected = add_dust(images.copy(), spec, seed=0, index=0)
    tensor = torch.from_numpy(images.view(np.int16)).view(torch.bfloat16)
    paint(tensor, spec, "NHWC", seed=0, index=0)

    assert expected.tobytes() == images.tobytes()
    assert dustaug.sample_rectangles(spec, height=60, width=60, seed=0, index=0).boxes.shape == (70, 4)


class TestBenchmark:
    """``python -m benchmarks.gpu`` refuses to measure what is not there or not right."""

    def test_it_says_what_it_needs(self, monkeypatch):
        """Without a GPU it measures nothing and says so."""
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr("sys.argv", ["gpu"])
        with pytest.raises(SystemExit, match="needs a GPU that PyTorch sees"):
            gpu.main()

    def test_it_notices_other_pixels(self, monkeypatch):
        """Its comparison fails if a GPU paints other pixels."""
        monkeypatch.setattr("dustaug.torch.add_dust", lambda images, *_, **__: images.random_())
        with pytest.raises(AssertionError, match="must be those of the CPU, not so: dust"):
            gpu.check_equal(torch.device("cpu"))
