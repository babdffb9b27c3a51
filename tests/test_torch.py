"""dustaug.torch works with real tensors, samplers and workers."""

import collections
import copy
import io
import pickle
import sys
from types import SimpleNamespace
from typing import NamedTuple

import ml_dtypes
import numpy as np
import PIL.Image
import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, Subset, TensorDataset

import dustaug
import guided
import kinds
from conftest import without
from dustaug import core, dust
from dustaug._tensors.painter import find_painter
from dustaug.torch import DustDataset, add_dust
from many_sizes import check_growth
from saved import private_modules
from strategies import range_of, sample_items
from test_pixels import KEYS, photos

# PyTorch warns of many workers on a small machine, and Python of forks beside the threads of other tests.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

PLAIN = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "float32", "float64", "complex64", "bfloat16"]
FLOATS += ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"]
# A batch (n, c, h, w) may lie in memory in these ways.
MEMORIES = {
    "contiguous": lambda base: base,
    "channels_last": lambda base: base.contiguous(memory_format=torch.channels_last),
    "cropped": lambda base: base[1:4, :, 3:36, 5:38],
    "every second column": lambda base: base[..., ::2],
    "every second channel": lambda base: base[:, ::2],
    "transposed": lambda base: base.transpose(2, 3),
    "batch last": lambda base: base.permute(3, 1, 2, 0)[:5].transpose(1, 3),
}


def bits(tensor):
    """Return the bytes of a tensor's items."""
    tensor = tensor.detach().contiguous()
    return tensor.flatten().view(torch.uint8).numpy().tobytes()


def grey(*shape, dtype=torch.uint8):
    return torch.full(shape, 100, dtype=dtype)


class TestAddDust:
    """add_dust() paints tensors in place."""

    def test_it_paints_in_place_and_returns_the_tensor(self):
        """The result is the argument, changed, and its memory is where it was."""
        images = grey(4, 3, 64, 64)
        address = images.data_ptr()

        assert add_dust(images, seed=0, index=0) is images
        assert images.data_ptr() == address
        assert (images != 100).flatten(1).any(dim=1).all()

    @pytest.mark.parametrize("memory", MEMORIES)
    @pytest.mark.parametrize("name", PLAIN + FLOATS)
    def test_pixels_are_those_of_numpy(self, name, memory):
        """Every dtype in every memory gets the bytes that dustaug.add_dust paints, and nothing else changes."""
        dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
        array = sample_items((5, 4, 40, 41), dtype, seed=1)
        base = torch.from_numpy(array.view(f"i{dtype.itemsize}").copy()).view(getattr(torch, name))
        view = MEMORIES[memory](base)
        before = view.clone()
        expected = np.frombuffer(bits(view), dtype).reshape(view.shape).copy()
        given = {"seed": 5, "epoch": 2, "index": 7, "layout": "NCHW", "value_range": range_of(dtype)}
        core.add_dust(expected, dust(fill="color"), **given)

        assert add_dust(view, dust(fill="color"), **given) is view
        assert bits(view) == expected.tobytes() != bits(before)
        view.copy_(before)  # If anything differs after this, it lies outside the view.
        if memory != "channels_last":
            assert bits(base) == array.tobytes()

    @pytest.mark.parametrize(("shape", "layout"), [((40, 41), "HW"), ((3, 40, 41), "CHW"), ((2, 3, 40, 41), "NCHW")])
    def test_the_layout_follows_the_axes(self, shape, layout):
        """Two, three and four axes are HW, CHW and NCHW."""
        expected = core.add_dust(np.full(shape, 100, np.uint8), seed=3, index=9, layout=layout)

        assert bits(add_dust(grey(*shape), seed=3, index=9)) == expected.tobytes()
        assert bits(add_dust(grey(*shape), seed=3, index=9, layout=layout)) == expected.tobytes()

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ((64, 64, 3), 'layout="CHW" if the first axis is 64 channels, else NHW or HWC'),
            ((8, 28, 28), 'layout="CHW" if the first axis is 8 channels, else NHW or HWC'),
            ((8, 64, 64, 3), 'layout="NCHW" if the second axis is 64 channels, else NHWC'),
            ((1, 96, 96, 64), 'layout="NCHW" if the second axis is 96 channels, else NHWC'),
            ((3, 16, 28, 28), 'layout="NCHW" if the second axis is 16 channels, else NHWC'),
        ],
    )
    def test_a_doubtful_shape_needs_a_layout(self, shape, message):
        """Channels last, a batch of grey images, a volume or a clip are not taken for planes."""
        tensor = grey(*shape)
        with pytest.raises(ValueError, match=f"layout must be given where the shape does not tell it.*type {message}"):
            add_dust(tensor, seed=1, index=0)

        assert (tensor == 100).all()

        add_dust(tensor, seed=1, index=0, layout=message[8:].partition('"')[0])

        assert (tensor != 100).any()

    def test_many_channels_are_planes_where_the_layout_is_given(self):
        """A batch with 64 channels, like features of a network, is painted as planes if it is said to have them."""
        assert (add_dust(grey(2, 64, 28, 28), seed=1, index=3, layout="NCHW") != 100).any()

    @pytest.mark.parametrize(
        ("shape", "layout"), [((40, 41, 3), "HWC"), ((2, 40, 41), "NHW"), ((2, 40, 41, 3), "NHWC")]
    )
    def test_another_layout_can_be_given(self, shape, layout):
        """NHWC, HWC and NHW are what they are in NumPy."""
        expected = core.add_dust(np.full(shape, 100, np.uint8), seed=3, index=9, layout=layout)

        assert bits(add_dust(grey(*shape), seed=3, index=9, layout=layout)) == expected.tobytes()

    @pytest.mark.parametrize(
        "spec", [dust(fill="mean"), dust(fill="noise"), dustaug.cutout(9), dustaug.random_erasing()]
    )
    def test_every_preset_paints_as_in_numpy(self, spec):
        """Every preset, also one that fills with means of the tensor, paints as in NumPy."""
        array = sample_items((4, 3, 40, 41), np.dtype(np.uint8), seed=1)
        images = torch.from_numpy(array.copy())

        assert (
            bits(add_dust(images, spec, seed=5, index=7))
            == core.add_dust(array, spec, seed=5, index=7, layout="NCHW").tobytes()
        )

    def test_indices_and_threads(self):
        """Indices may be a list, array or tensor, and any number of threads paints the same."""
        numbers = [9, 3, 3, 2**62]
        expected = core.add_dust(np.full((4, 3, 40, 41), 100, np.uint8), seed=3, index=numbers, layout="NCHW")

        for index in (numbers, np.array(numbers), torch.tensor(numbers)):
            assert bits(add_dust(grey(4, 3, 40, 41), seed=3, index=index)) == expected.tobytes()
            assert bits(add_dust(grey(4, 3, 40, 41), seed=3, index=index, num_threads=3)) == expected.tobytes()

    def test_the_value_range_and_normalised_images(self):
        """Floats of 0…255 and normalised floats are painted as in NumPy, without a warning."""
        normalised = dust(normalize_mean=(0.5, 0.4, 0.3), normalize_std=(0.2, 0.2, 0.2))
        for spec, limits in ((None, (0, 255)), (None, [0, 255]), (normalised, None)):
            expected = core.add_dust(
                np.full((3, 40, 41), 100, np.float32), spec, seed=3, index=9, layout="CHW", value_range=limits
            )
            images = grey(3, 40, 41, dtype=torch.float32)

            assert bits(add_dust(images, spec, seed=3, index=9, value_range=limits)) == expected.tobytes()

    def test_floats_that_leave_0_to_1_warn(self):
        """A wrong guess of the value range warns at every call."""
        for seed in (None, 0, 0):
            with pytest.warns(UserWarning, match=r"taken to lie in \[0, 1\], got 100") as caught:
                add_dust(grey(3, 40, 41, dtype=torch.float32), seed=seed, index=None if seed is None else 0)

            assert [__file__] == [warning.filename for warning in caught]

    def test_without_a_seed_every_call_differs(self):
        """Every call draws fresh entropy, and none from torch's generator."""
        state = torch.get_rng_state()

        assert not torch.equal(add_dust(grey(8, 3, 64, 64)), add_dust(grey(8, 3, 64, 64)))
        assert torch.equal(torch.get_rng_state(), state)

    @pytest.mark.parametrize("coordinates", [{"seed": 1}, {"index": 1}, {"epoch": 1}, {"seed": -1, "index": 0}])
    def test_coordinates_are_checked_as_in_numpy(self, coordinates):
        """Missing and wrong coordinates raise what dustaug.add_dust raises, and leave the images alone."""
        with pytest.raises((TypeError, ValueError)) as expected:
            dustaug.add_dust(np.zeros((2, 8, 8, 3), np.uint8), **coordinates)
        images = grey(2, 3, 64, 64)
        with pytest.raises(expected.type) as found:
            add_dust(images, **coordinates)

        assert str(expected.value) == str(found.value)
        assert (images == 100).all()

    def test_empty_batches(self):
        """An empty batch is no error."""
        assert add_dust(grey(0, 3, 8, 8), seed=0, index=0).shape == (0, 3, 8, 8)
        assert add_dust(grey(0, 3, 8, 8)).shape == (0, 3, 8, 8)

    def test_views_of_length_one_may_have_any_stride(self):
        """expand() along axes of length one overlaps nothing."""
        images = grey(3, 40, 41).expand(1, 3, 40, 41)

        assert bits(add_dust(images, seed=0, index=0)) == bits(add_dust(grey(3, 40, 41), seed=0, index=0))

    @pytest.mark.parametrize(
        ("images", "error", "message"),
        [
            (np.zeros((8, 8, 3)), TypeError, r"tensor must be a torch.Tensor, got ndarray: type dustaug.add_dust"),
            (PIL.Image.new("L", (8, 8)), TypeError, r"got Image: type dustaug.add_dust\(numpy.array\(image\), …\)"),
            ([grey(8, 8)], TypeError, r"torch.Tensor, got list: type torch.stack\(images\) if they are tensors of one"),
            (memoryview(b"8"), TypeError, "tensor must be a torch.Tensor, got memoryview$"),
            (SimpleNamespace(__array__=None), TypeError, r"got SimpleNamespace: type torch.as_tensor\(images\)"),
            (torch.nn.UninitializedParameter(), TypeError, r"must have memory, got .*: type tensor.materialize\("),
            (
                grey(3, 1, 8).expand(3, 8, 8),
                ValueError,
                r"overlap itself .* shape \(3, 8, 8\) .*: type tensor.clone\(\)",
            ),
            (grey(8), ValueError, r"2, 3 or 4 axes, got shape \(8,\)"),
            (grey(2, 2, 3, 8, 8), ValueError, r"axes, got shape \(2, 2, 3, 8, 8\): type tensor.flatten\(0, -4\)"),
            (torch.zeros(8, device="meta"), ValueError, r"2, 3 or 4 axes, got shape \(8,\)"),
            (torch.zeros(1, 8, device="meta").expand(8, 8), ValueError, r"overlap itself .*: type tensor.clone\(\)"),
            (torch.empty(3, 8, 8, layout=torch.sparse_coo, device="meta"), TypeError, "got a torch.sparse_coo tensor"),
            (torch.zeros(3, 8, 8, dtype=torch.cdouble, device="meta"), TypeError, "1, 2, 4 or 8 bytes"),
            (torch.zeros(3, 8, 8).to_sparse(), TypeError, "got a torch.sparse_coo tensor: type tensor.to_dense"),
            (torch.zeros(3, 8, 8).to_mkldnn(), TypeError, "got a torch._mkldnn tensor"),
            (torch._efficientzerotensor((3, 8, 8)), TypeError, "must be dense memory, got a lazy tensor"),
            (
                torch.zeros(3, 8, 8, dtype=torch.cfloat).conj().imag,
                TypeError,
                r"negated tensor: type tensor.resolve_neg",
            ),
            (torch.zeros(3, 8, 8, dtype=torch.cdouble), TypeError, "1, 2, 4 or 8 bytes, got torch.complex128"),
            (torch.empty(8, 8, dtype=torch.bits8), TypeError, "must hold numbers .*, got torch.bits8"),
        ],
    )
    def test_tensors_that_cannot_be_painted(self, images, error, message):
        """Each error says what the tensor is and what to type."""
        with pytest.raises(error, match=message):
            add_dust(images, seed=0, index=0)
        with pytest.raises(error, match=message):
            add_dust(images)

    @pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
    @pytest.mark.filterwarnings("ignore:.*quantize.*deprecated:UserWarning")
    @pytest.mark.filterwarnings("ignore:Sparse .* tensor support is in beta:UserWarning")
    def test_more_tensors_that_cannot_be_painted(self):
        """Nested, quantised, compressed, fake and wrapped tensors are refused."""
        parts = [torch.zeros(3, 8, 8), torch.zeros(3, 9, 8)]
        with FakeTensorMode():
            fake = torch.zeros(3, 8, 8)
        for images, message in (
            (torch.nested.nested_tensor(parts), r"got a nested tensor: type for i, image in enumerate\(tensor.unbind"),
            (torch.nested.nested_tensor(parts, layout=torch.jagged), r"a nested tensor: type for .*tensor.unbind\(\)"),
            (torch.quantize_per_tensor(parts[0], 0.1, 0, torch.quint8), r"quint8: type .*tensor.dequantize\(\)"),
            (torch.zeros(8, 8).to_sparse_csr(), "got a torch.sparse_csr tensor"),
            (fake, "memory of its own, got a FakeTensor"),
        ):
            with pytest.raises(TypeError, match=message):
                add_dust(images, seed=0, index=0)
        for transform in (torch.func.vmap, torch.func.grad, torch.func.functionalize):
            with pytest.raises(
                TypeError, match=r"got a torch.func tensor: type add_dust\(images, .* whole batch before"
            ):
                transform(lambda image: add_dust(image, seed=0, index=0).sum())(torch.zeros(2, 3, 8, 8))

    @pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
    @pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
    def test_parts_of_a_nested_tensor(self, layout):
        """They are painted in its memory, as the error says."""
        parts = [grey(5, 32, 8), grey(3, 32, 8)]
        nested = torch.nested.nested_tensor(parts, layout=layout)
        for i, image in enumerate(nested.unbind()):
            add_dust(image, seed=0, index=4 + i, layout="CHW")
        for i, (part, image) in enumerate(zip(parts, nested.unbind(), strict=True)):
            assert torch.equal(add_dust(part, seed=0, index=4 + i, layout="CHW"), image)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"spec": {"p": 1}}, TypeError, "spec must be a dustaug.Spec, got dict"),
            ({"layout": "WH"}, ValueError, "layout must be one of"),
            ({"layout": "NCHW"}, ValueError, "images must have 4 axes for layout NCHW"),
            ({"value_range": 255}, TypeError, r"value_range must be a tuple of two numbers, got 255: type"),
            ({"value_range": (1, 0)}, ValueError, "value_range must be two finite numbers, the smaller first"),
            ({"num_threads": 0}, ValueError, "num_threads must be from 1"),
            ({"spec": dust(normalize_mean=(0.5,), normalize_std=(1,))}, ValueError, "images must be floating-point"),
        ],
    )
    def test_wrong_arguments(self, arguments, error, message):
        """Wrong arguments raise what dustaug.add_dust raises, and leave the images alone."""
        images = grey(3, 64, 64)
        with pytest.raises(error, match=message):
            add_dust(images, **{"seed": 0, "index": 0, **arguments})

        assert (images == 100).all()

    def test_without_ml_dtypes(self, run_python):
        """Only the dtypes that need ml_dtypes ask for it."""
        program = (
            "import torch; from dustaug.torch import add_dust\n"
            "add_dust(torch.zeros(3, 8, 8), seed=0, index=0)\n"
            "try: add_dust(torch.zeros(3, 8, 8, dtype=torch.bfloat16), seed=0, index=0)\n"
            "except ImportError as error: print(error)"
        )

        assert run_python(without("ml_dtypes") + program) == (
            'a tensor of torch.bfloat16 needs ml_dtypes: type pip install "dustaug[torch]"'
        )

    def test_it_imports_no_more_than_torch(self, run_python):
        """The import loads neither torchvision, Pillow, Numba nor torch's compiler, which takes a second."""
        modules = ("torchvision", "PIL", "numba", "torch._dynamo", "ml_dtypes", "triton")
        program = f"import sys, dustaug.torch; print([name for name in {modules} if name in sys.modules])"

        assert run_python(program) == "[]"


class TestTerms:
    """add_dust() takes guides and objects, as tensors and as arrays."""

    @pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
    @pytest.mark.parametrize("key", KEYS)
    @pytest.mark.parametrize("name", guided.CASES)
    def test_pixels_are_those_of_the_file(self, name, key, memory_format):
        """The bytes are those of vectors/guides.json, in planes and in channels_last, on any number of threads."""
        spec, terms = guided.CASES[name]
        expected = guided.expected(name, key).tobytes()
        for given, threads in ((terms, 1), (guided.as_tensors(terms), 3)):
            images = torch.from_numpy(photos()).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
            version = images._version

            assert add_dust(images, spec, **KEYS[key], **given, num_threads=threads) is images
            assert images.permute(0, 2, 3, 1).numpy().tobytes() == expected
            assert images._version > version

    @pytest.mark.parametrize("name", ["bool", "float64", "complex64", "bfloat16", "float8_e5m2"])
    def test_dtypes_and_single_images(self, name):
        """One image of any dtype has a guide (rows, columns) and boxes (k, 4), whatever their whole numbers are."""
        dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
        array = sample_items((3, 40, 41), dtype, seed=1)
        tensor = torch.from_numpy(array.view(f"i{dtype.itemsize}").copy()).view(getattr(torch, name))
        guide, boxes = np.arange(12, dtype=np.uint8).reshape(3, 4), np.array([[3, 3, 20, 20], [10, 10, 39, 39]])
        spec, given = dust(center="guide", max_hidden=0.3, fill="color"), {"seed": 5, "index": 7}
        limits = range_of(dtype)
        core.add_dust(array, spec, **given, layout="CHW", value_range=limits, guide=guide, objects=boxes)
        terms = {"guide": torch.from_numpy(guide).t().contiguous().t(), "objects": torch.from_numpy(boxes).short()}
        add_dust(tensor, spec, **given, value_range=limits, **terms)

        assert bits(tensor) == array.tobytes()

    @pytest.mark.parametrize(
        ("spec", "terms"),
        [
            (dust(center="guide"), {}),
            (dust(center="guide", fill="mean"), {}),
            (dust(max_hidden=0.5), {}),
            (dust(), {"guide": np.ones((2, 4, 4), bool)}),
            (dust(), {"objects": [[], []]}),
            (dust(center="guide"), {"guide": np.ones((3, 4, 4), bool)}),
            (dust(center="guide"), {"guide": np.ones((4, 4), bool)}),
            (dust(center="guide"), {"guide": np.ones((2, 4, 4), np.int32)}),
            (dust(center="guide"), {"guide": np.ones((2, 0, 4), np.uint8)}),
            (dust(max_hidden=0.5), {"objects": [[]]}),
            (dust(max_hidden=0.5), {"objects": np.ones((2, 4), int)}),
            (dust(max_hidden=0.5), {"objects": [np.array([[3, 0, 2, 4]]), []]}),
        ],
        ids=str,
    )
    def test_terms_are_checked_as_in_numpy(self, spec, terms):
        """Missing and wrong guides and objects raise what dustaug.add_dust raises, and leave the images alone."""
        tensors = {
            name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in terms.items()
        }
        with pytest.raises((TypeError, ValueError)) as expected:
            dustaug.add_dust(np.zeros((2, 8, 8, 3), np.uint8), spec, seed=1, index=0, **terms)
        for given in (terms, tensors):
            images = grey(2, 3, 8, 8)
            with pytest.raises(expected.type) as found:
                add_dust(images, spec, seed=1, index=0, **given)

            assert str(found.value) == str(expected.value)
            assert (images == 100).all()

    @pytest.mark.parametrize(
        ("terms", "error", "message"),
        [
            (
                {"guide": torch.eye(8).to_sparse()},
                TypeError,
                "guide must be a plain tensor or an array, got a torch.sp",
            ),
            ({"guide": torch.ones(2, 4, 4).bfloat16()}, TypeError, "guide must be uint8 or bool, got an array of bfl"),
            (
                {"guide": torch.ones(2, 4, 4, device="meta").bool()},
                ValueError,
                "guide must be on the CPU or on the dev",
            ),
            (
                {"objects": [torch.ones(1, 4), []]},
                TypeError,
                "objects must be whole numbers .*torch.float32: type boxes.r",
            ),
            ({"objects": [torch.eye(4).to_sparse(), []]}, TypeError, "objects must be a plain tensor or an array, got"),
        ],
    )
    def test_odd_tensors_are_refused(self, terms, error, message):
        """Tensors that NumPy does not know are refused in words for tensors."""
        images, spec = grey(2, 3, 8, 8), dust(center="guide", max_hidden=0.5)
        given = {"guide": np.ones((2, 4, 4), bool), "objects": [[], []], **terms}
        with pytest.raises(error, match=message):
            add_dust(images, spec, seed=1, index=0, **given)

        assert (images == 100).all()

    def test_other_checks_stay(self):
        """Doubtful shapes, views that overlap, floats out of range and empty batches are as without a guide."""
        spec, guide = dust(center="guide"), torch.ones(2, 4, 4, dtype=torch.bool)
        with pytest.raises(ValueError, match="layout must be given where the shape does not tell it"):
            add_dust(grey(2, 28, 28, 3), spec, seed=1, index=0, guide=guide)
        with pytest.raises(ValueError, match="tensor must not overlap itself"):
            add_dust(grey(2, 1, 8, 8).expand(2, 3, 8, 8), spec, seed=1, index=0, guide=guide)
        with pytest.warns(UserWarning, match=r"taken to lie in \[0, 1\], got 100") as caught:
            add_dust(grey(2, 3, 8, 8).float(), spec, seed=1, index=0, guide=guide)

        assert [__file__] == [warning.filename for warning in caught]
        assert add_dust(grey(0, 3, 8, 8), spec, seed=1, index=0, guide=guide[:0]).shape == (0, 3, 8, 8)

    def test_without_a_seed(self):
        """Guided dust may have fresh entropy at each call."""
        spec = dust(center="guide", count_range=(99, 99), side_range=(1, 1))
        guide = torch.zeros(3, 64, 64, dtype=torch.bool)
        guide[1, :, 32:] = True
        found = [add_dust(grey(3, 3, 64, 64), spec, guide=guide) != 100 for _ in range(2)]

        assert not torch.equal(*found)
        assert [not each[[0, 2]].any() and not each[1, :, :, :32].any() for each in found] == [True, True]


class TestAutograd:
    """Autograd notices the painting only by the version counter."""

    def test_a_leaf_that_requires_a_gradient(self):
        """A leaf is painted as under no_grad(), and stays a leaf."""
        leaf = torch.full((3, 64, 64), 0.5, requires_grad=True)
        expected = add_dust(torch.full((3, 64, 64), 0.5), seed=0, index=0)

        assert add_dust(leaf, seed=0, index=0) is leaf
        assert torch.equal(leaf.detach(), expected)
        assert leaf.is_leaf
        (leaf * 3).sum().backward()
        assert (leaf.grad == 3).all()

    def test_a_result_that_requires_a_gradient(self):
        """Gradients pass through painted pixels as if there was no dust, as the notes say."""
        leaf = torch.full((3, 64, 64), 0.5, requires_grad=True)
        add_dust(leaf * 2, seed=0, index=0).sum().backward()

        assert (leaf.grad == 2).all()

    def test_parameters(self):
        """A parameter, which is a subclass of tensors, is painted itself."""
        parameter = torch.nn.Parameter(torch.full((3, 64, 64), 0.5))

        assert add_dust(parameter, seed=0, index=0) is parameter
        assert (parameter != 0.5).any()

    def test_the_version_counter_goes_up(self):
        """The version of the tensor and of its base goes up, so a stale backward() raises."""
        images, weight = torch.full((3, 64, 64), 0.5), torch.ones(3, 64, 64, requires_grad=True)
        version = images._version
        product = images * weight
        add_dust(images[:, 8:], seed=0, index=0)

        assert images._version > version
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            product.sum().backward()

    def test_inference_mode(self):
        """Inference tensors, which have no version, are painted inside and outside of the mode."""
        with torch.inference_mode():
            images = grey(3, 64, 64)
            add_dust(images, seed=0, index=0)
        once = images.clone()
        add_dust(images, seed=1, index=0)

        assert not torch.equal(once, images)
        assert torch.equal(once, add_dust(grey(3, 64, 64), seed=0, index=0))


N = 24
SPEC = dust(count_range=(3, 9))


class Photos(Dataset):
    """The data set gives grey images with their numbers."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        return grey(3, 32, 40), index


class Batches(Photos):
    """The data set gives several such images at once."""

    def __getitems__(self, indices):
        return [super(Batches, self).__getitem__(index) for index in indices]


class Listed(Dataset):
    """The data set gives any samples."""

    def __init__(self, *samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


class Named(NamedTuple):
    """Samples with named fields are instances of this class."""

    label: object
    photo: object


def expected_images(epoch=0):
    images = np.full((N, 3, 32, 40), 100, np.uint8)
    return torch.from_numpy(dustaug.add_dust(images, SPEC, seed=11, epoch=epoch, index=0, layout="NCHW"))


def collect(loader):
    """Return all images of one epoch, in the order of the data set."""
    images, numbers = zip(*loader, strict=True)
    images, numbers = torch.cat(images), torch.cat(numbers)
    return images[numbers.argsort()]


class SeesNumba(Dataset):
    """Images of another data set, and whether Numba was imported by then."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i][0], "numba" in sys.modules


class TestDustDataset:
    """DustDataset works with real data loaders."""

    @pytest.mark.parametrize("photos", [Photos, Batches])
    @pytest.mark.parametrize(
        "options",
        [
            {"num_workers": 0, "batch_size": 5},
            {"num_workers": 0, "batch_size": 1, "shuffle": True},
            {"num_workers": 1, "batch_size": 24},
            {"num_workers": 2, "batch_size": 7, "shuffle": True, "multiprocessing_context": "fork"},
            {"num_workers": 4, "batch_size": 2, "shuffle": True, "multiprocessing_context": "fork"},
        ],
        ids=str,
    )
    def test_workers_batches_and_order_change_nothing(self, photos, options):
        """Any loader gives the pixels of one call of dustaug.add_dust."""
        loader = DataLoader(DustDataset(photos(), SPEC, seed=11, epoch=3), **options)

        assert torch.equal(expected_images(epoch=3), collect(loader))

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_epochs_reach_workers_that_live_on(self, method):
        """set_epoch() between epochs reaches persistent workers."""
        dataset = DustDataset(Photos(), SPEC, seed=11)
        loader = DataLoader(
            dataset, batch_size=5, num_workers=2, persistent_workers=True, multiprocessing_context=method
        )
        for epoch in (0, 1, 5, 0):
            dataset.set_epoch(epoch)

            assert torch.equal(expected_images(epoch), collect(loader))
        assert not torch.equal(expected_images(0), expected_images(1))

    def test_a_spawned_worker_needs_no_compiler(self):
        """A worker that finds machine code on the disk never imports Numba."""
        dustaug.warmup()
        dataset = SeesNumba(DustDataset(Photos(), SPEC, seed=11))
        loader = DataLoader(dataset, batch_size=N, num_workers=1, multiprocessing_context="spawn")
        [(images, seen)] = loader

        assert torch.equal(expected_images(), images)
        assert not seen.any()

    def test_shards_of_a_distributed_sampler(self):
        """Two ranks together see what one would see, whatever the epoch's shuffle."""
        dataset = DustDataset(Photos(), SPEC, seed=11)
        for epoch in range(2):
            dataset.set_epoch(epoch)
            seen = []
            for rank in range(2):
                sampler = DistributedSampler(dataset, num_replicas=2, rank=rank)
                sampler.set_epoch(epoch)
                seen += list(DataLoader(dataset, batch_size=5, sampler=sampler, num_workers=rank))

            assert torch.equal(expected_images(epoch), collect(seen))

    def test_subsets(self):
        """A Subset around the data set keeps the dust; inside it, the place in the subset counts."""
        chosen = [7, 3, 20]
        around = Subset(DustDataset(Batches(), SPEC, seed=11), chosen)
        inside = DustDataset(Subset(Photos(), chosen), SPEC, seed=11)

        assert torch.equal(expected_images()[chosen], next(iter(DataLoader(around, batch_size=3)))[0])
        assert torch.equal(expected_images()[:3], next(iter(DataLoader(inside, batch_size=3)))[0])

    def test_negative_indices_count_from_the_end(self):
        """dataset[-1] is the last image, with its dust."""
        dataset = DustDataset(Photos(), SPEC, seed=11)

        assert len(dataset) == N
        assert torch.equal(expected_images()[-1], dataset[-1][0])
        assert torch.equal(expected_images()[-1], dataset[np.int64(N - 1)][0])

    def test_many_samples_are_fetched_at_once_where_possible(self):
        """If the data set has __getitems__, it is called once for each batch."""

        class Counting(Photos):
            calls = 0

            def __getitems__(self, indices):
                Counting.calls += 1
                return [self[index] for index in indices]

        collect(DataLoader(DustDataset(Counting(), SPEC, seed=11), batch_size=6))

        assert Counting.calls == 4

    def test_a_wrapper_is_not_passed_by(self):
        """A wrapper that hands on unknown attributes keeps its own samples, though what it wraps has __getitems__."""

        class Inverted(Dataset):
            def __init__(self, dataset):
                self.dataset = dataset

            def __len__(self):
                return len(self.dataset)

            def __getitem__(self, index):
                image, *rest = self.dataset[index]
                return 255 - image, *rest

            def __getattr__(self, name):
                return getattr(self.dataset, name)

        dataset = DustDataset(Inverted(Batches()), SPEC, seed=11)

        assert torch.equal(dataset.__getitems__([3])[0][0], dataset[3][0])

    @pytest.mark.parametrize("image", ["tensor", "array", "picture"])
    @pytest.mark.parametrize("container", ["alone", "tuple", "list", "dict", "ordered", "named", "second", "key"])
    def test_samples_of_every_kind(self, container, image):
        """The image of a sample is dusted, and its other entries come back as the same objects."""
        pixels = np.full((40, 32, 3), 100, np.uint8)
        expected = dustaug.add_dust(pixels.copy(), SPEC, seed=11, epoch=2, index=1)
        given = {
            "tensor": torch.from_numpy(pixels.copy()).permute(2, 0, 1),
            "array": pixels.copy(),
            "picture": PIL.Image.fromarray(pixels.copy()),
        }[image]
        label = object()
        sample, get, options = {
            "alone": (given, lambda s: s, {}),
            "tuple": ((given, label), lambda s: s[0], {}),
            "list": ([given, label], lambda s: s[0], {}),
            "dict": ({"label": label, "image": given}, lambda s: s["image"], {}),
            "ordered": (collections.OrderedDict(label=label, image=given), lambda s: s["image"], {}),
            "named": (Named(label, given), lambda s: s.photo, {"image_key": "photo"}),
            "second": ((label, given), lambda s: s[1], {"image_key": 1}),
            "key": ({"photo": given, "label": label}, lambda s: s["photo"], {"image_key": "photo"}),
        }[container]
        found = DustDataset(Listed(None, sample), SPEC, seed=11, epoch=2, **options)[1]
        dusted = get(found)

        assert type(found) is type(sample)
        assert type(dusted) is type(given)
        assert np.array_equal(expected, np.asarray(dusted if image != "tensor" else dusted.permute(1, 2, 0)))
        assert np.array_equal(pixels, np.asarray(given if image != "tensor" else given.permute(1, 2, 0)))
        assert get(sample) is given
        if container != "alone":
            values = found.values() if isinstance(found, dict) else found
            assert any(value is label for value in values)

    def test_in_place(self):
        """With inplace=True, the data set's own arrays are painted."""
        for given in (grey(3, 40, 32), np.full((40, 32, 3), 100, np.uint8)):
            assert DustDataset([given], SPEC, seed=11, inplace=True)[0] is given
            assert (given != 100).any()

    def test_memory_stays_as_it_is(self):
        """A copy keeps channels_last, and subclasses of tensors stay what they are."""
        batch = grey(4, 3, 40, 32).contiguous(memory_format=torch.channels_last)

        class Photo(torch.Tensor):
            pass

        dataset = DustDataset([batch, grey(3, 40, 32).as_subclass(Photo)], SPEC, seed=11)

        assert dataset[0].is_contiguous(memory_format=torch.channels_last)
        assert type(dataset[1]) is Photo

    def test_frames_of_one_sample_share_their_dust(self):
        """A video does not use up the indices of the samples that follow."""
        frames = DustDataset([grey(4, 3, 40, 32)], SPEC, seed=11)[0]
        array = DustDataset([np.full((4, 40, 32), 100, np.uint8)], SPEC, seed=11, layout="NHW")[0]
        expected = add_dust(grey(3, 40, 32), SPEC, seed=11, index=0)

        assert all(torch.equal(expected, frame) for frame in frames)
        assert all(np.array_equal(expected[0].numpy(), frame) for frame in array)

    @pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "I", "F"])
    def test_pictures_of_every_mode(self, mode):
        """Pillow images keep their mode and get the pixels of the array."""
        array = np.asarray(PIL.Image.new(mode, (40, 32)))
        limits = (0, 255) if mode in "IF" else None
        found = DustDataset([PIL.Image.new(mode, (40, 32))], SPEC, seed=11, value_range=limits)[0]
        layout = "HW" if array.ndim == 2 else "HWC"

        assert (found.mode, found.size) == (mode, (40, 32))
        assert np.array_equal(
            dustaug.add_dust(array.copy(), SPEC, seed=11, index=0, layout=layout, value_range=limits), np.asarray(found)
        )

    @pytest.mark.parametrize("mode", ["P", "1", "CMYK", "HSV"])
    def test_pictures_whose_numbers_are_no_brightness(self, mode):
        """Modes whose numbers are no brightness, as those of a palette, are refused."""
        with pytest.raises(ValueError, match=rf'image must be of mode L, .*, got {mode}: type image.convert\("RGB"\)'):
            DustDataset([PIL.Image.new(mode, (8, 8))], seed=0)[0]

    def test_copies_have_epochs_of_their_own(self):
        """Pickles and deep copies start at the epoch of the original, and count on their own."""
        dataset = DustDataset(Photos(), SPEC, seed=11, epoch=4)
        for copied in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
            loader = DataLoader(copied, num_workers=1, persistent_workers=True, multiprocessing_context="fork")
            for epoch in (4, 5):
                copied.set_epoch(epoch)
                assert torch.equal(expected_images(epoch), collect(loader))
        assert dataset.epoch == 4

    def test_copies_paint_the_same(self):
        """With the layout, the value range and all other options."""
        photos = [torch.full((8, 48, 2), 0.5)] * 3
        dataset = DustDataset(photos, SPEC, seed=11, epoch=4, layout="HWC", value_range=(0, 2))
        for copied in (copy.copy(dataset), copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
            assert torch.equal(dataset[2], copied[2])
            assert not torch.equal(photos[2], copied[2])
            assert copied.epoch == 4

    def test_pickles_name_no_private_module(self):
        """A private module may move; who loads a pickle needs what it names."""
        dataset = DustDataset([grey(3, 8, 8)], SPEC, seed=11)
        file = io.BytesIO()
        torch.save(dataset, file)

        for pickled in (pickle.dumps(dataset), pickle.dumps(dataset, 2), file.getvalue()):
            assert b"dustaug.torch" in pickled
            assert private_modules(pickled) == set()

    def test_it_is_made_under_any_mode_and_device(self):
        """Neither inference mode nor another default device affects its epoch."""
        with torch.inference_mode(), torch.device("meta"):
            dataset = DustDataset(Photos(), SPEC, seed=11)
        dataset.set_epoch(3)

        assert dataset.epoch == 3
        assert torch.equal(expected_images(epoch=3)[2], dataset[2][0])

    def test_repr(self):
        """The repr names the data set, the spec, the seed and the epoch."""
        assert repr(DustDataset([1, 2], seed=7, epoch=3)) == "DustDataset([1, 2], Spec(), seed=7, epoch=3)"

    def test_wrong_arguments(self):
        """Each error says what must hold and what to type."""

        class Stream(IterableDataset):
            def __iter__(self):
                return iter([])

        for make, error, message in (
            (
                lambda: DustDataset(Stream(), seed=0),
                TypeError,
                r"map-style, got the iterable Stream.*type dustaug.torch",
            ),
            (lambda: DustDataset(7, seed=0), TypeError, "dataset must have a sample at each index, got int: type"),
            (lambda: DustDataset(Photos, seed=0), TypeError, "a sample at each index, got type: type DustDataset"),
            (lambda: DustDataset(Photos(), seed="7"), TypeError, "seed must be a whole number, got '7'"),
            (lambda: DustDataset(Photos(), seed=-1), ValueError, "seed must be from 0"),
            (lambda: DustDataset(Photos(), seed=0, epoch=2**32), ValueError, "epoch must be from 0"),
            (lambda: DustDataset(Photos(), seed=0).set_epoch(-1), ValueError, "epoch must be from 0"),
            (lambda: DustDataset(Photos(), {"p": 1}, seed=0), TypeError, "spec must be a dustaug.Spec"),
            (lambda: DustDataset(Photos(), seed=0, inplace="no"), TypeError, "inplace must be True or False, got 'no'"),
            (lambda: DustDataset(Photos(), seed=0, image_key=True), TypeError, "image_key must be a place or a key"),
            (lambda: DustDataset(Photos(), seed=0, image_key=1.5), TypeError, "a key in a sample, got 1.5"),
            (lambda: DustDataset(Photos(), seed=0, layout="CWH"), ValueError, "layout must be one of"),
            (lambda: DustDataset(Photos(), seed=0, value_range=1), TypeError, "value_range must be a tuple"),
            (lambda: DustDataset(Photos(), seed=0, image_key=1)[0], TypeError, "got int: type DustDataset.*image_key="),
            (
                lambda: DustDataset(Photos(), seed=0, image_key=2)[0],
                LookupError,
                r"an image at 2, got 2 entries: type DustDataset\(…, image_key=…\)",
            ),
            (lambda: DustDataset([{"x": 1}], seed=0)[0], LookupError, r"an image at 'image', got \['x'\]"),
            (
                lambda: DustDataset({"a": grey(3, 8, 8)}, seed=0)["a"],
                TypeError,
                "index must be a whole number, got 'a'",
            ),
        ):
            with pytest.raises(error, match=message):
                make()

    def test_tensor_datasets(self):
        """Samples that are views of one tensor leave it as it is."""
        images = grey(5, 3, 32, 40)
        dataset = DustDataset(TensorDataset(images, torch.arange(5)), SPEC, seed=11)

        assert torch.equal(expected_images()[:5], collect(DataLoader(dataset)))
        assert (images == 100).all()


class TestMemory:
    """Tensors of many sizes do not fill the memory."""

    @pytest.mark.parametrize("layout", ["CHW", "HWC", "NHW", None])
    def test_nothing_grows_with_the_sizes(self, layout):
        """After 5,000 sizes no more is kept than after a few, whichever axes are height and width."""

        def use(height, width):
            shape = {"HWC": (height, width, 3)}.get(layout, (3, height, width))
            add_dust(torch.zeros(shape, dtype=torch.uint8), seed=0, index=0, layout=layout)

        check_growth(use)

    @pytest.mark.parametrize("spec", [dust(), dustaug.random_erasing(p=1)], ids=["dust", "random_erasing"])
    def test_other_devices_have_one_painter_for_all_sizes(self, spec):
        """On a device that is not the CPU, a kind of images has one painter."""
        painter = find_painter(spec, None, (0, 3))
        for side in range(20, 80):
            add_dust(torch.zeros(2, 3, side, 100 - side, device="meta"), spec, seed=0, index=0, value_range=(0, 3))

        assert painter._find_elsewhere.cache_info()[:2] == (59, 1)


class TestKinds:
    """add_dust() takes donors, and volumes on the CPU."""

    @pytest.mark.parametrize("name", kinds.CASES)
    def test_pixels_are_those_of_the_file(self, name):
        """The bytes are those of vectors/kinds.json, with channels last and before height and width."""
        spec, terms, layout = case = kinds.CASES[name]
        given, first = kinds.as_tensors(terms), layout.replace("C", "").replace("N", "NC")
        for threads, moved in ((1, layout), (3, first)):
            axes = [layout.index(axis) for axis in moved]
            images = torch.from_numpy(case.images()).permute(axes).contiguous()
            donors = {"donors": given["donors"].permute(axes)} if "donors" in given else {}

            add_dust(images, spec, **KEYS["any"], **{**given, **donors}, layout=moved, num_threads=threads)
            back = images.permute([moved.index(axis) for axis in layout])
            assert back.contiguous().numpy().tobytes() == kinds.expected(name).tobytes()

    @pytest.mark.parametrize("name", ["bool", "float64", "complex64", "bfloat16", "float8_e5m2"])
    def test_donors_of_every_dtype(self, name):
        """Pixels are copied as they are, from views in any order; a lazy conjugate is resolved first."""
        dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
        tensor, donors = (
            torch.from_numpy(sample_items((3, 40, 41), dtype, seed=seed).view(f"i{dtype.itemsize}")).view(
                getattr(torch, name)
            )
            for seed in (1, 2)
        )
        covered = dustaug.sample_rectangles(dustaug.cutmix(fill="grey"), height=40, width=41, seed=5, index=7).mask(
            40, 41
        )[0]
        lazy = donors.conj() if donors.is_complex() else donors.permute(1, 2, 0).contiguous().permute(2, 0, 1)
        expected = torch.where(torch.from_numpy(covered), lazy.resolve_conj(), tensor)
        add_dust(tensor, dustaug.cutmix(), seed=5, index=7, donors=lazy)

        assert 0 < covered.sum() < 40 * 41
        assert bits(tensor) == bits(expected)

    @pytest.mark.parametrize(
        ("spec", "terms", "error", "message"),
        [
            (dustaug.cutmix(), {}, TypeError, 'donors must be given with fill="donors", got none'),
            (dust(), {"donors": grey(2, 3, 8, 8)}, TypeError, "got donors with fill='grey': type spec.replace"),
            (dustaug.cutmix(), {"donors": grey(1, 3, 8, 8)}, ValueError, r"\(2, 3, 8, 8\), got \(1, 3, 8, 8\)"),
            (
                dustaug.cutmix(),
                {"donors": grey(2, 3, 8, 8).float()},
                TypeError,
                "the images' dtype uint8, got float",
            ),
            (dustaug.cutmix(), {"donors": np.zeros((2, 3, 8, 8), np.uint8)}, TypeError, "type torch.from_numpy"),
            (dustaug.cutmix(), {"donors": 3}, TypeError, "donors must be a tensor, as images are, got 3"),
            (dustaug.cutmix(), {"donors": torch.eye(3).to_sparse()}, TypeError, "donors must be a plain tensor"),
            (dustaug.cutmix(), {"donors": grey(2, 3, 8, 8).to("meta")}, ValueError, "got some on meta: type donors.to"),
        ],
    )
    def test_bad_donors_are_refused(self, spec, terms, error, message):
        """Donors that are missing, not wanted or of another kind are refused, and nothing is painted."""
        images = grey(2, 3, 8, 8)
        with pytest.raises(error, match=message):
            add_dust(images, spec, seed=0, index=0, **terms)

        assert torch.equal(images, grey(2, 3, 8, 8))

    def test_a_data_set_has_no_donors(self):
        """A sample has no second image, so the batch is to be dusted."""
        with pytest.raises(ValueError, match='spec must not have fill="donors" in DustDataset, which has no second'):
            DustDataset([grey(3, 8, 8)], dustaug.cutmix())
