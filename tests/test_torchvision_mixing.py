"""DustCutMix of torchvision mixes batches as v2.CutMix does, each image with rectangles and a partner of its own."""

import io
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset, default_collate
from torchvision import tv_tensors
from torchvision.transforms import v2

import dustaug
from dustaug import cutmix, mix_labels, partner_of, sample_rectangles
from dustaug.torchvision import DustCutMix, DustRectangles

N, H, W, K = 16, 24, 30, 5
LABELS = torch.arange(N) % K


def batch(*shape, dtype=torch.float32):
    """Return images whose pixels tell which image they are of, and where they lie."""
    shape = shape or (N, 3, H, W)
    return torch.arange(int(np.prod(shape))).reshape(shape).to(dtype)


def expected(images, spec=None, labels=LABELS):
    """Return what the next transform must give, from the functions that its documentation names."""
    state = torch.get_rng_state()
    seed = torch.empty((), dtype=torch.int64).random_().item()
    torch.set_rng_state(state)
    index = np.arange(len(images))
    partners = partner_of(seed, 0, index, len(index))
    spec, size = spec or cutmix(), {"height": images.shape[-2], "width": images.shape[-1]}
    share = sample_rectangles(spec, **size, seed=seed, index=index).share()
    dusted = images.reshape(len(images), -1, *size.values()).clone()
    donors = dusted[partners]
    if images.dtype is torch.bfloat16:  # Which NumPy does not have.
        dusted, donors = dusted.view(torch.int16), donors.view(torch.int16)
    options = {"layout": "NCHW", "value_range": (0, 1), "donors": donors.numpy()}
    dustaug.add_dust(dusted.numpy(), spec, seed=seed, index=0, **options)
    return dusted.view(images.dtype).reshape(images.shape), mix_labels(labels, labels[partners], share, K)


@pytest.mark.parametrize("wrap", [lambda images: images, tv_tensors.Image], ids=["plain", "Image"])
@pytest.mark.parametrize(
    "spec",
    [cutmix(), cutmix(0.2, p=0.5), dustaug.dust(fill="donors"), dustaug.cutout(9, fill="donors")],
    ids=["cutmix", "some", "dust", "cutout"],
)
def test_images_and_labels_are_those_of_the_functions(spec, wrap):
    """Each image has its own rectangles and partner, from the drawn seed, and its label the share that is hidden."""
    images = wrap(batch())
    before = images.clone()
    pasted, soft = expected(batch(), spec)
    found, labels = DustCutMix(spec, num_classes=K)(images, LABELS)

    assert type(found) is type(images)
    assert torch.equal(found, pasted)
    assert torch.equal(images, before)
    assert labels.dtype == torch.float32
    assert np.array_equal(labels.numpy(), soft)


def test_every_image_has_a_box_and_a_share_of_its_own():
    """Shares are those of the pixels, image by image; v2.CutMix has one for the whole batch."""
    images = torch.arange(N, dtype=torch.float32)[:, None, None, None].expand(N, 3, H, W).clone()
    hot = torch.eye(N)
    found, soft = DustCutMix()(images, hot)
    _, theirs = v2.CutMix(num_classes=N)(images, torch.arange(N))
    of_pixels = torch.stack([(found[:, 0] == i).double().mean(dim=(1, 2)) for i in range(N)], dim=1)

    assert torch.equal(soft, of_pixels.float())
    assert len(soft.amax(dim=1).unique()) > N // 2
    assert len(theirs.amax(dim=1).unique()) == 1
    assert (soft.sum(dim=1) - 1).abs().max() < 1e-6


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.bool, torch.int64, torch.float16, torch.bfloat16, torch.float64, torch.complex64]
)
def test_every_dtype_is_copied_bit_by_bit(dtype):
    """Images keep their dtype, few rectangles and many."""
    images = batch(dtype=dtype)
    for spec in (cutmix(), dustaug.dust(fill="donors", count_range=(20, 31))):
        pasted, _ = expected(images, spec)

        assert torch.equal(DustCutMix(spec, num_classes=K)(images, LABELS)[0], pasted)


def test_samples_of_any_form_and_videos_are_mixed():
    """Dicts, nested samples and videos come back in their form; the frames of a video share rectangles and partner."""
    video = tv_tensors.Video(batch(N, 4, 3, H, W))
    pasted, soft = expected(video.as_subclass(torch.Tensor))
    found = DustCutMix(num_classes=K)({"video": video, "labels": LABELS, "name": "a"})

    assert isinstance(found["video"], tv_tensors.Video)
    assert torch.equal(found["video"].as_subclass(torch.Tensor), pasted)
    assert np.array_equal(found["labels"].numpy(), soft)
    assert found["name"] == "a"

    pasted, soft = expected(batch())
    found = DustCutMix(num_classes=K, labels_getter=lambda sample: sample[1]["y"])(batch(), {"y": LABELS, "z": 3})
    assert torch.equal(found[0], pasted)
    assert np.array_equal(found[1]["y"].numpy(), soft)
    assert found[1]["z"] == 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_soft_labels_keep_their_dtype(dtype):
    """Shares of classes are mixed in their own dtype; one-hot labels of whole numbers become float32."""
    hot = torch.nn.functional.one_hot(LABELS, K)
    _, soft = expected(batch())
    found = DustCutMix()(batch(), hot.to(dtype))[1]

    assert found.dtype == dtype
    torch.testing.assert_close(found, torch.from_numpy(soft).to(dtype), rtol=1e-3, atol=1e-3)
    _, soft = expected(batch())
    assert np.array_equal(DustCutMix(num_classes=K)(batch(), hot)[1].numpy(), soft)


def test_it_stands_in_a_collate_function():
    """A data loader mixes its batches, the last one shorter, and torch's seed repeats them."""
    mix = DustCutMix(num_classes=K)
    data = TensorDataset(batch(), LABELS)

    def epoch():
        torch.manual_seed(3)
        return list(DataLoader(data, batch_size=6, collate_fn=lambda samples: mix(*default_collate(samples))))

    first, again = epoch(), epoch()
    assert [len(images) for images, _ in first] == [len(labels) for _, labels in first] == [6, 6, 4]
    assert all(
        torch.equal(a, b) for one, other in zip(first, again, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert mix(torch.zeros(0, 3, H, W), torch.zeros(0, K))[0].shape == (0, 3, H, W)


def test_other_devices_get_the_same_operations():
    """Tensors without memory, as those of any device, come back in shape and dtype."""
    found, labels = DustCutMix(num_classes=K)(batch().to("meta"), torch.zeros(N, K, device="meta"))

    assert (found.shape, found.device.type) == ((N, 3, H, W), "meta")
    assert (labels.shape, labels.device.type) == ((N, K), "meta")


def test_gradients_reach_image_and_donor():
    """The gradient of a pixel goes to the image that it came from."""
    images = batch().requires_grad_()
    found, _ = DustCutMix(num_classes=K)(images, LABELS)
    found.sum().backward()

    assert images.grad.sum() == images.numel()


def test_compiled_code_calls_it():
    """A compiled function breaks its graph at the transform, and gets what it gives."""
    pasted, soft = expected(batch())
    found, labels = torch.compile(DustCutMix(num_classes=K), backend="eager")(batch(), LABELS)

    assert torch.equal(found, pasted)
    assert np.array_equal(labels.numpy(), soft)


def test_it_is_saved_and_shown():
    """A pickle and torch.save keep the spec and the classes, and the text shows them."""
    mix = DustCutMix(alpha=0.5, num_classes=K)
    file = io.BytesIO()
    torch.save(mix, file)
    file.seek(0)

    for loaded in (pickle.loads(pickle.dumps(mix)), torch.load(file, weights_only=False)):
        assert (loaded.spec, loaded.num_classes) == (cutmix(0.5), K)
    assert repr(mix) == f"DustCutMix({cutmix(0.5)!r}, num_classes=5)"
    assert isinstance(mix, v2.CutMix)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"spec": dustaug.dust()}, ValueError, "spec must have fill=\"donors\", got fill='grey': type DustCutMix"),
        ({"center": "guide"}, ValueError, "spec must need no guide and no objects, got"),
        ({"max_hidden": 0.5}, ValueError, "spec must need no guide and no objects, got"),
        ({"num_classes": 0}, ValueError, "num_classes must be from 1 to 2147483647, got 0"),
        ({"labels_getter": "y"}, TypeError, "labels_getter must be \"default\" or a function, got 'y': type lambda"),
        ({"spec": cutmix(), "p": 0.5}, TypeError, "spec must be given alone, got p too"),
    ],
)
def test_odd_options_are_refused(options, error, message):
    """The error tells what must hold, and what to type."""
    with pytest.raises(error, match=f"^{message}"):
        DustCutMix(**options)


@pytest.mark.parametrize(
    ("sample", "error", "message"),
    [
        ((torch.zeros(3, H, W), torch.zeros(3, K)), ValueError, r"images must have 4 axes, got shape \(3, 24, 30\): t"),
        ((torch.zeros(3, 3, H, W), torch.zeros(4, K)), ValueError, "images must be as many as the 4 labels, got shape"),
        ((torch.zeros(3, 3, H, W), torch.zeros(3).long()), ValueError, "num_classes must be passed"),
        (({"labels": LABELS},), ValueError, r"images must have 4 axes, got shape \(16,\): type DustCutMix"),
        (({"labels": tv_tensors.TVTensor(torch.zeros(3, K))},), TypeError, "a batch must hold images, got TVTensor: t"),
    ],
)
def test_odd_batches_are_refused(sample, error, message):
    """A batch without a first axis, of another length than its labels, or without images is refused."""
    with pytest.raises(error, match=message):
        DustCutMix()(*sample) if len(sample) > 1 else DustCutMix(num_classes=K)(*sample)


def test_the_transform_of_samples_refuses_donors():
    """DustRectangles has no donors, and names the class that has."""
    with pytest.raises(ValueError, match=r'^spec must have another fill than "donors".*: type DustCutMix\(spec\)'):
        DustRectangles(cutmix())
