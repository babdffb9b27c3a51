"""On a real GPU the kernel paints the pixels of add_dust(), on streams and in CUDA graphs too.

This file is collected only where PyTorch sees a GPU of NVIDIA's or AMD's.
"""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from torchvision import tv_tensors

import agreement
import dustaug
import guided
import strategies
from dustaug import dust
from dustaug._engine.coordinates import Coordinates
from dustaug._tensors.devices import KernelPainter, OperationsPainter, make_painter
from dustaug._tensors.painter import find_painter
from dustaug._tensors.triton import dust_kernel
from dustaug.torch import DustDataset, add_dust
from dustaug.torchvision import DustRectangles
from test_pixels import KEYS
from test_pixels import photos as photos_of_the_file

GPU = torch.device("cuda", torch.cuda.current_device())
DTYPES = [dtype for dtype in strategies.DTYPES if dtype.isnative]
SPECS = {
    "dust": dust(),
    "cutout": dustaug.cutout(56, fill_value=(9, 99, 199)),
    "random_erasing": dustaug.random_erasing(p=0.8),
    "color": dust(fill="color", center="uniform"),
    "noise": dust(fill="noise", height_fraction_range=(0.1, 0.9)),
    "mean": dust(fill="mean", height_fraction_range=(0.05, 0.2)),
    "many": dust(count_range=(200, 300)),
    "squares": dust(side_range=(3, 99), spare_last=False, count_range=(0, 9)),
}
COORDINATES = {"seed": 2**63 + 7, "epoch": 5}
GUIDED = dust(center="guide")


@pytest.fixture(autouse=True)
def _nobody_waits_unseen():
    """Leave the mode in which waiting for the GPU raises, after every test."""
    yield
    torch.cuda.set_sync_debug_mode("default")


def photos(*shape, dtype=torch.uint8):
    images = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    return images if dtype == torch.uint8 else (images / 255).to(dtype)


def same(first, second):
    """Tell whether two tensors hold the same bytes."""
    first, second = (tensor.cpu().contiguous().flatten().view(torch.uint8) for tensor in (first, second))
    return torch.equal(first, second)


def test_triton_is_used():
    """If Triton is installed, its kernel paints."""
    kind = agreement.kind_of(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), "NCHW")

    assert isinstance(make_painter(dust(), kind, GPU), KernelPainter)


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64]
)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_pixels_are_those_of_the_cpu(spec, dtype):
    """Every preset and dtype has the bytes of the CPU, in planes and in channels_last."""
    for memory_format in (torch.contiguous_format, torch.channels_last):
        for shape in ((7, 3, 224, 224), (3, 3, 65, 511)):
            expected = photos(*shape, dtype=dtype).contiguous(memory_format=memory_format)
            found = expected.to(GPU)

            given = {**COORDINATES, "index": 2**33, "value_range": (0, 2**63 - 1) if dtype == torch.int64 else None}

            assert add_dust(found, spec, **given) is found
            assert same(add_dust(expected, spec, **given), found)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", guided.CASES)
def test_guides_and_objects(name, key):
    """Guides and objects on the device, on the CPU and in arrays give the bytes of vectors/guides.json."""
    spec, terms = guided.CASES[name]
    on_host = guided.as_tensors(terms)
    on_device = {
        word: value.to(GPU) if word == "guide" else [boxes.to(GPU) for boxes in value]
        for word, value in on_host.items()
    }
    for given_terms in (terms, on_host, on_device):
        images = torch.from_numpy(photos_of_the_file()).permute(0, 3, 1, 2).to(GPU)
        add_dust(images, spec, **KEYS[key], **given_terms)

        assert images.permute(0, 2, 3, 1).contiguous().cpu().numpy().tobytes() == guided.expected(name, key).tobytes()


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (224, 224), (500, 3)])
def test_guides_of_every_size(shape):
    """Masks and maps of any rows and columns have the centres of the CPU."""
    guides = torch.randint(0, 256, (9, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    guides[3] = 0
    for guide in (guides, guides > 200, guides.transpose(1, 2)):
        for spec in (dust(center="guide"), dustaug.random_erasing(p=0.8).replace(center="guide")):
            expected = photos(9, 3, 111, 224)
            found = expected.to(GPU)
            add_dust(found, spec, **COORDINATES, index=2**40, guide=guide.to(GPU))

            assert same(add_dust(expected, spec, **COORDINATES, index=2**40, guide=guide), found)


@settings(max_examples=400)
@example(case=agreement.REFUSED)
@given(case=agreement.cases(dtypes=DTYPES, max_side=70))
def test_any_spec_on_any_view(case):
    """The GPU paints any spec on any view of any dtype as add_dust() does, or refuses it with the same words."""
    agreement.check(case, add_dust, device=GPU)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_operations_paint_the_same(spec):
    """PyTorch's operations, which paint where Triton is missing, give the same bytes."""
    expected = photos(5, 3, 100, 120)
    found = expected.to(GPU)
    OperationsPainter(spec, agreement.kind_of(found, "NCHW"), GPU)(found, Coordinates(**COORDINATES, index=9))

    assert same(add_dust(expected, spec, **COORDINATES, index=9), found)


def test_floats_of_another_range():
    """Floats of 0…255 have the bytes of the CPU, and so do their means."""
    for spec in (dust(), dust(fill="mean")):
        expected = photos(4, 3, 64, 64).float()
        found = expected.to(GPU)

        assert same(
            add_dust(expected, spec, **COORDINATES, index=0, value_range=(0, 255)),
            add_dust(found, spec, **COORDINATES, index=0, value_range=(0, 255)),
        )


# One row for each way to say a size.
SIZES = {
    "half sizes": {"half_height_range": (0, 12), "half_width_range": (3, 90)},
    "sides": {"side_range": (0, 22)},
    "fractions": {"height_fraction_range": (0.0, 1.0), "width_fraction_range": (0.1, 0.7)},
    "areas": {"area_range": (0.05, 0.9), "aspect_range": (0.25, 3.0)},
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("center", ["normal", "uniform", "inside"])
def test_one_kernel_and_one_painter_for_all_sizes(center, size, monkeypatch):
    """Images of new sizes compile nothing and make no painter, and have the pixels of the CPU."""
    spec, kernels, run = dust(count_range=(5, 9), center=center, **SIZES[size]), set(), dust_kernel.run
    monkeypatch.setattr(dust_kernel, "run", lambda *given, **options: kernels.add(run(*given, **options)))
    for height, width in ((64, 64), (33, 300), (1000, 170), (5, 9), (224, 224)):
        expected = photos(2, 3, height, width)
        found = expected.to(GPU)
        add_dust(found, spec, **COORDINATES, index=0)

        assert same(add_dust(expected, spec, **COORDINATES, index=0), found)

    assert len(kernels) == 1
    assert find_painter(spec, None, None)._find_elsewhere.cache_info().currsize == 1


def test_more_than_two_billion_values():
    """A batch of more than 2**31 values is painted to its end."""
    found = torch.zeros(2**13 + 1, 4, 256, 256, dtype=torch.uint8, device=GPU)
    add_dust(found, **COORDINATES, index=0)

    assert same(add_dust(torch.zeros(4, 256, 256, dtype=torch.uint8), **COORDINATES, index=2**13), found[-1])


@pytest.mark.parametrize("index", [[9, 2**62, 9], np.array([3, 1, 2]), torch.tensor([3, 1, 2])])
def test_indices_of_the_host(index):
    """Indices in lists, arrays and tensors of the CPU are sent to the device."""
    expected = photos(3, 3, 64, 64)
    found = expected.to(GPU)

    assert same(add_dust(expected, **COORDINATES, index=index), add_dust(found, **COORDINATES, index=index))


class TestStreams:
    """The kernel runs on the current stream, and the host does not wait for it."""

    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_nobody_waits(self, spec):
        """The host never waits, not even at the first call for a kind of images."""
        images = photos(4, 3, 48, 49).to(GPU)
        indices = torch.arange(4, device=GPU)
        epoch = torch.tensor(5, device=GPU)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        add_dust(images, spec, **COORDINATES, index=0)
        add_dust(images, spec, **COORDINATES, index=[1, 2, 3, 4])
        add_dust(images, spec, seed=7, epoch=epoch, index=indices)
        torch.cuda.set_sync_debug_mode("default")
        expected = photos(4, 3, 48, 49)
        for coordinates in (
            {**COORDINATES, "index": 0},
            {**COORDINATES, "index": [1, 2, 3, 4]},
            {"seed": 7, "epoch": 5, "index": 0},
        ):
            add_dust(expected, spec, **coordinates)

        assert same(expected, images)

    def test_nobody_waits_for_a_guide(self):
        """A guide on the device is added up there, also at the first call."""
        images, spec = photos(4, 3, 48, 47).to(GPU), dust(center="guide", count_range=(3, 30))
        guide = torch.arange(4 * 30).remainder(5).to(torch.uint8).reshape(4, 5, 6)
        on_device = guide.to(GPU)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        add_dust(images, spec, **COORDINATES, index=0, guide=on_device)
        add_dust(images, spec, **COORDINATES, index=4, guide=on_device > 1)
        torch.cuda.set_sync_debug_mode("default")
        expected = add_dust(photos(4, 3, 48, 47), spec, **COORDINATES, index=0, guide=guide)

        assert same(add_dust(expected, spec, **COORDINATES, index=4, guide=guide > 1), images)

    def test_it_runs_on_the_current_stream(self):
        """Painting comes after earlier work of the stream and before later work."""
        stream, images = torch.cuda.Stream(), torch.zeros(8, 3, 64, 65, dtype=torch.uint8, device=GPU)
        add_dust(images, **COORDINATES, index=0)  # This compiles, and sends the tables on another stream.
        torch.cuda.synchronize()
        with torch.cuda.stream(stream):
            torch.cuda._sleep(100_000_000)
            images.fill_(100)
            add_dust(images, **COORDINATES, index=0)
            found = images.clone()
            assert not stream.query()
        stream.synchronize()

        assert same(add_dust(torch.full((8, 3, 64, 65), 100, dtype=torch.uint8), **COORDINATES, index=0), found)

    def test_tables_are_there_for_every_stream(self):
        """A second stream waits for the tables that the first one sends."""
        first, second = torch.cuda.Stream(), torch.cuda.Stream()
        images = torch.full((8, 3, 63, 65), 100, dtype=torch.uint8, device=GPU)
        copy = images.clone()
        torch.cuda.synchronize()
        with torch.cuda.stream(first):
            torch.cuda._sleep(100_000_000)
            add_dust(images, **COORDINATES, index=0)
        with torch.cuda.stream(second):
            add_dust(copy, **COORDINATES, index=0)
        torch.cuda.synchronize()

        assert same(images, copy)
        assert same(add_dust(torch.full((8, 3, 63, 65), 100, dtype=torch.uint8), **COORDINATES, index=0), copy)


class TestGraphs:
    """Captured CUDA graphs paint at every replay."""

    def test_replays_read_index_and_epoch_anew(self):
        """A replay reads index and epoch from their tensors.

        Memory that other calls take in between does not matter.
        """
        start, images = photos(6, 3, 64, 64), torch.empty(6, 3, 64, 64, dtype=torch.uint8, device=GPU)
        index, epoch = torch.zeros(6, dtype=torch.int64, device=GPU), torch.zeros((), dtype=torch.int64, device=GPU)
        add_dust(images, seed=7, epoch=epoch, index=index)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            add_dust(images, seed=7, epoch=epoch, index=index)
        for count in range(40):  # These calls push the captured painter out of the cache, and ask for its memory.
            add_dust(torch.zeros(3, 64, 64, device=GPU), dust(count_range=(0, count)), seed=0, index=0)
        for step in range(5):
            images.copy_(start)
            index.copy_(torch.arange(6) + 6 * step)
            epoch.fill_(step)
            graph.replay()

            assert same(add_dust(start.clone(), seed=7, epoch=step, index=6 * step), images)

    def test_replays_read_the_guide_anew(self):
        """A replay adds up what the guide then holds."""
        start, spec = photos(6, 3, 64, 64), dust(center="guide")
        images, guide = start.to(GPU), torch.ones(6, 7, 9, dtype=torch.uint8, device=GPU)
        add_dust(images, spec, seed=7, index=0, guide=guide)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            add_dust(images, spec, seed=7, index=0, guide=guide)
        for step in range(4):
            images.copy_(start)
            guide.copy_((torch.arange(6 * 63) * step % 7).reshape(6, 7, 9))
            graph.replay()

            assert same(add_dust(start.clone(), spec, seed=7, index=0, guide=guide.cpu()), images)

    def test_a_single_index_may_be_a_tensor(self):
        """A tensor of one index is that of the first image."""
        images, index = torch.zeros(6, 3, 64, 64, dtype=torch.uint8, device=GPU), torch.tensor(0, device=GPU)
        add_dust(images, seed=7, index=index)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            add_dust(images, seed=7, index=index)
        index.fill_(30)
        images.zero_()
        graph.replay()

        assert same(add_dust(torch.zeros(6, 3, 64, 64, dtype=torch.uint8), seed=7, index=30), images)

    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_images_of_another_size_can_be_captured(self, spec):
        """What was sent to the device for one size serves all."""
        add_dust(torch.zeros(2, 3, 40, 40, dtype=torch.uint8, device=GPU), spec, **COORDINATES, index=0)
        start, graph = photos(3, 3, 131, 99), torch.cuda.CUDAGraph()
        images = start.to(GPU)
        with torch.cuda.graph(graph):
            add_dust(images, spec, **COORDINATES, index=0)
        graph.replay()

        assert same(add_dust(start.clone(), spec, **COORDINATES, index=0), images)

    @pytest.mark.parametrize(
        ("paint", "message"),
        [
            (add_dust, "seed and index must be given while a CUDA graph is captured"),
            (DustRectangles(inplace=True), "seed and index must be given while a CUDA graph is captured"),
            (DustRectangles(same_on_batch=True), "seed and index must be given while a CUDA graph is captured"),
            (lambda images: add_dust(images, seed=0, index=[1, 2]), "index must be a number or a tensor on the device"),
            (lambda images: add_dust(images[:, 1:], seed=0, index=0), "images must be dusted once before"),
            (
                lambda images: add_dust(images, GUIDED, seed=0, index=0, guide=torch.ones(2, 4, 4).bool()),
                "guide must be a tensor on the device while a CUDA graph is captured",
            ),
            (
                lambda images: add_dust(images, dust(max_hidden=0.5), seed=0, index=0, objects=[[], []]),
                "images must not be dusted while a CUDA graph is captured if the CPU draws",
            ),
        ],
    )
    def test_what_cannot_be_captured(self, paint, message):
        """Calls that would repeat their dust at each replay, or need the host, are refused."""
        images = torch.zeros(2, 3, 31, 33, dtype=torch.uint8, device=GPU)
        add_dust(images, seed=0, index=0)
        add_dust(images, GUIDED, seed=0, index=0, guide=torch.ones(2, 4, 4).bool())
        with torch.cuda.graph(torch.cuda.CUDAGraph()):
            images.zero_()
            with pytest.raises(RuntimeError, match=message):
                paint(images)


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_torch_compile(backend):
    """A compiled function has one graph and the pixels of the CPU."""
    torch._dynamo.reset()

    def step(images, index):
        return add_dust(images.float() / 255, seed=7, index=index) * 2

    compiled = torch.compile(step, backend=backend, fullgraph=True)
    for index in range(0, 96, 32):
        expected, found = step(photos(32, 3, 40, 40), index), compiled(photos(32, 3, 40, 40).to(GPU), index)
        torch.testing.assert_close(expected, found.cpu())


def test_indices_on_the_device_are_checked_as_far_as_nobody_waits():
    """The number and dtype of indices on the device are checked.

    Reading their values would make the host wait.
    """
    images = torch.zeros(3, 3, 32, 32, dtype=torch.uint8, device=GPU)
    with pytest.raises(ValueError, match=r"tensor of shape \(3,\), one for each image, got shape \(2,\)"):
        add_dust(images, seed=0, index=torch.zeros(2, dtype=torch.int64, device=GPU))
    with pytest.raises(
        TypeError, match="index must be a whole number or a tensor of them, got a tensor of torch.float32"
    ):
        add_dust(images, seed=0, index=torch.zeros(3, device=GPU))
    with pytest.raises(TypeError, match="epoch must be a whole number, or a tensor of one"):
        add_dust(images, seed=0, epoch=torch.zeros(3, device=GPU), index=0)

    assert not images.any()


class TestAutograd:
    """Autograd sees of the painting what it sees on the CPU."""

    @pytest.mark.parametrize("fill", ["grey", "mean"])
    def test_leaves_and_versions(self, fill):
        """A leaf keeps its gradient, and its version counter goes up."""
        leaf = torch.full((3, 64, 64), 0.5, device=GPU, requires_grad=True)
        version = leaf._version
        (add_dust(leaf, dust(fill=fill), seed=0, index=0) * 3).sum().backward()

        assert (leaf.grad == 3).all()
        assert leaf._version > version


class TestTorchvision:
    """The transform of dustaug.torchvision paints on the device."""

    @pytest.mark.parametrize("shape", [(3, 48, 56), (4, 3, 48, 56), (2, 2, 3, 48, 56)])
    def test_images(self, shape):
        """Images get the dust of the seed that the CPU would draw."""
        for transform in (DustRectangles(), DustRectangles(same_on_batch=True), DustRectangles(fill="mean")):
            torch.manual_seed(5)
            expected = transform(photos(*shape))
            torch.manual_seed(5)

            assert same(expected, transform(photos(*shape).to(GPU)))

    def test_guides_of_a_sample(self):
        """Masks, boxes and weights of a sample guide the dust where they lie, and shares of boxes come back there."""
        sample = {
            "image": tv_tensors.Image(photos(3, 48, 56)),
            "mask": tv_tensors.Mask(torch.arange(48 * 56).remainder(5).to(torch.uint8).reshape(48, 56)),
            "boxes": tv_tensors.BoundingBoxes([[8.0, 8, 40, 40], [0, 0, 5, 5]], format="XYXY", canvas_size=(48, 56)),
        }
        for transform in (
            DustRectangles(GUIDED),
            DustRectangles(GUIDED, guide="boxes"),
            DustRectangles(GUIDED, guide="weights", fill_mask=3),
            DustRectangles(GUIDED.replace(max_hidden=0.3), visibility_key="visible"),
        ):
            torch.manual_seed(5)
            expected = transform(sample)
            torch.manual_seed(5)
            found = transform({key: tensor.to(GPU) for key, tensor in sample.items()})

            assert all(found[key].device == GPU and same(tensor, found[key]) for key, tensor in expected.items())

    def test_masks_boxes_and_keypoints(self):
        """Masks, boxes and keypoints follow the dust, and stay on the device."""
        transform = DustRectangles(count_range=(20, 31), fill_mask=7, boxes="clip", keypoints="nan")
        sample = {
            "image": tv_tensors.Image(photos(3, 48, 56)),
            "mask": tv_tensors.Mask(torch.zeros(48, 56, dtype=torch.uint8)),
            "boxes": tv_tensors.BoundingBoxes([[8.0, 8, 40, 40], [0, 0, 5, 5]], format="XYXY", canvas_size=(48, 56)),
            "points": tv_tensors.KeyPoints([[28.0, 24], [1, 1]], canvas_size=(48, 56)),
        }
        torch.manual_seed(5)
        expected = transform(sample)
        torch.manual_seed(5)
        found = transform({key: tensor.to(GPU) for key, tensor in sample.items()})

        for key, tensor in expected.items():
            assert type(found[key]) is type(tensor)
            assert found[key].device == GPU
            assert same(tensor, found[key])


def test_data_sets_on_the_device():
    """DustDataset paints samples that lie on the device."""
    images = photos(9, 3, 48, 49)
    on_device = DustDataset([image.to(GPU) for image in images], seed=7)
    on_host = DustDataset(list(images), seed=7)

    for index in range(9):
        assert same(on_host[index], on_device[index])
