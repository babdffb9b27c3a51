"""dustaug.torchvision works in real pipelines of torchvision, without the bugs of its peers."""

import concurrent.futures
import copy
import io
import pickle
import random
import threading

import numpy as np
import PIL.Image
import pytest
import torch
import torchvision.transforms as v1
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

import dustaug
import dustaug.torch
from dustaug import add_dust, dust
from dustaug._adapters.targets import visible_boxes
from dustaug._tensors.painter import draw_seed
from dustaug.torchvision import DustRectangles
from many_sizes import check_growth
from saved import private_modules
from test_schedule import MANY

# Python warns of forks beside the threads of other tests, and PyTorch of two workers on a machine with one core.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]

H, W = 48, 56
# Keypoints and rotated boxes came with torchvision 0.23. Earlier versions have nothing of the kind to test.
SINCE_0_23 = hasattr(tv_tensors, "KeyPoints")
# This dust is visible on black, and hides much.
WHITE = dust(count_range=(9, 14), fill="constant", fill_value=255)


def grey(*shape, dtype=torch.uint8):
    return torch.full(shape, 100, dtype=dtype)


def drop_image(*_):
    return "dropped"


def black(*shape):
    return torch.zeros(shape, dtype=torch.uint8)


def next_seed():
    """Return the seed that the next transform will draw from torch's generator."""
    state = torch.get_rng_state()
    seed = torch.empty((), dtype=torch.int64).random_().item()
    torch.set_rng_state(state)
    return seed


def dusted(image, spec=None, index=0, **options):
    """Return what the next transform must give."""
    return dustaug.torch.add_dust(image.clone(), spec, seed=next_seed(), index=index, **options)


class TestImages:
    """Images of every kind are dusted."""

    @pytest.mark.parametrize("shape", [(H, W), (1, H, W), (3, H, W), (4, 3, H, W), (0, 3, H, W)])
    @pytest.mark.parametrize("wrap", [lambda image: image, tv_tensors.Image], ids=["plain", "Image"])
    def test_tensors_and_images(self, wrap, shape):
        """Tensors and Images get the dust of one seed, drawn from torch's global generator."""
        image = wrap(grey(*shape))
        expected = dusted(grey(*image.shape))
        found = DustRectangles()(image)

        assert type(found) is type(image)
        assert torch.equal(expected, found)
        assert (image == 100).all()

    def test_channels_that_come_last_are_refused(self):
        """Torchvision's images are planes, so a shape that has its channels last is refused."""
        for shape in ((64, 64, 3), (4, 64, 64, 3)):
            with pytest.raises(ValueError, match=r"channels before height and width.*type tensor.movedim\(-1, -3\)"):
                DustRectangles()(torch.zeros(shape))
        assert (DustRectangles(WHITE)(torch.zeros(32, H, W)) > 0).any()

    def test_more_leading_axes(self):
        """Every image of (..., c, h, w) has dust of its own, and memory of any kind is painted in place."""
        image = grey(3, 2, 3, H, W).transpose(0, 1)
        expected = dusted(grey(6, 3, H, W)).reshape(2, 3, 3, H, W)

        assert DustRectangles(inplace=True)(image) is image
        assert torch.equal(expected, image)

    def test_a_plain_tensor_alone_is_as_one_in_a_sample(self):
        """The shorter code for a single tensor changes no pixel."""
        for options in ({}, {"inplace": True}, {"same_on_batch": True}):
            transform = DustRectangles(dust(fill="noise"), **options)
            for shape in ((3, H, W), (4, 3, H, W)):
                torch.manual_seed(5)
                alone = transform(grey(*shape))
                torch.manual_seed(5)

                assert torch.equal(alone, transform({"image": grey(*shape)})["image"])

    def test_pillow_images(self):
        """A Pillow image comes back as a new one of its mode, with the pixels of the array."""
        image = PIL.Image.new("RGB", (W, H), (100, 100, 100))
        expected = dustaug.add_dust(np.array(image), seed=next_seed(), index=0)
        found = DustRectangles(inplace=True)(image)

        assert found.mode == "RGB"
        assert np.array_equal(expected, np.asarray(found))
        assert np.asarray(image).max() == 100

    def test_videos_share_their_dust_over_frames(self):
        """The frames of a video share their dust, and two videos of a batch do not."""
        video = tv_tensors.Video(grey(2, 5, 3, H, W))
        expected = dusted(grey(2, 3, H, W))
        found = DustRectangles()(video)

        assert type(found) is tv_tensors.Video
        for frame in range(5):
            assert torch.equal(expected, found[:, frame])
        assert not torch.equal(expected[0], expected[1])
        assert len({frame.numpy().tobytes() for frame in DustRectangles()(tv_tensors.Video(grey(5, 3, H, W)))}) == 1

    @pytest.mark.parametrize("wrap", [lambda image: image, tv_tensors.Image, tv_tensors.Video])
    def test_same_on_batch(self, wrap):
        """With same_on_batch=True, all images share their dust."""
        expected = dusted(grey(3, H, W))

        for image in DustRectangles(same_on_batch=True)(wrap(grey(2, 4, 3, H, W))).flatten(0, 1):
            assert torch.equal(expected, image)

    def test_every_image_decides_for_itself(self):
        """The field p is the probability of an image, not of a batch."""
        torch.manual_seed(0)
        touched = (DustRectangles(p=0.5, count_range=(5, 9))(grey(400, 1, H, W)) != 100).flatten(1).any(dim=1)

        assert 150 < touched.sum() < 250
        assert torch.equal(DustRectangles(p=0)(grey(3, H, W)), grey(3, H, W))

    def test_all_entries_share_the_dust(self):
        """A pair of images and a mask lie under the same rectangles."""
        left, right, mask = DustRectangles(WHITE, fill_mask=1)(
            tv_tensors.Image(black(3, H, W)), PIL.Image.new("L", (W, H)), tv_tensors.Mask(black(H, W))
        )

        assert left.max() == 255
        assert np.array_equal(left[0].numpy(), np.asarray(right))
        assert torch.equal(left[0] == 255, mask == 1)

    def test_float_images_and_value_ranges(self):
        """Floats lie in 0…1 unless another range is given."""
        image = torch.full((3, H, W), 0.5)
        assert torch.equal(dusted(image), DustRectangles()(image))
        assert torch.equal(dusted(image * 255, value_range=(0, 255)), DustRectangles(value_range=(0, 255))(image * 255))

    def test_dust_after_normalising_looks_the_same(self):
        """With normalize_mean and normalize_std the order of dust and Normalize does not matter."""
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        before = v2.Compose([DustRectangles(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
        after = v2.Compose(
            [
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(mean, std),
                DustRectangles(normalize_mean=mean, normalize_std=std),
            ]
        )
        torch.manual_seed(3)
        expected = before(grey(4, 3, H, W))
        torch.manual_seed(3)

        torch.testing.assert_close(expected, after(grey(4, 3, H, W)), rtol=0, atol=1e-6)

    def test_in_place(self):
        """The caller's tensor and its version counter change only with inplace=True."""
        for image in (grey(3, H, W), tv_tensors.Image(grey(3, H, W)), grey(2, 3, H, W), grey(1, 2, 3, H, W)):
            version = image._version
            DustRectangles()(image)
            assert (image == 100).all()
            assert DustRectangles(inplace=True)(image) is image
            assert (image != 100).any()
            assert image._version > version

    def test_expanded_images(self):
        """An expanded tensor is painted as a copy, and refused in place."""
        image = grey(1, H, W).expand(3, H, W)

        assert torch.equal(dusted(grey(3, H, W)), DustRectangles()(image))
        with pytest.raises(ValueError, match=r"tensor must not overlap itself"):
            DustRectangles(inplace=True)(image)


IMAGES = {
    "plain": lambda: grey(3, H, W),
    "Image": lambda: tv_tensors.Image(grey(3, H, W)),
    "Video": lambda: tv_tensors.Video(grey(2, 3, H, W)),
    "picture": lambda: PIL.Image.new("RGB", (W, H), (100, 100, 100)),
}


@pytest.mark.parametrize("pickled", [False, True], ids=["as made", "pickled"])
@pytest.mark.parametrize("container", [dict, list, tuple])
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize(
    "options",
    [{}, {"inplace": True}, {"fill_mask": 3, "boxes": "clip", "keypoints": "nan"}, {"same_on_batch": True}],
    ids=str,
)
def test_samples_of_every_make(options, image, container, pickled):
    """As in torchvision's smoke test, the image changes, and entries of no interest are the same objects."""
    transform = DustRectangles(WHITE, **options)
    if pickled:
        transform = pickle.loads(pickle.dumps(transform))
    sample = {
        "image": IMAGES[image](),
        "mask": tv_tensors.Mask(black(H, W)),
        "boxes": tv_tensors.BoundingBoxes([[0.0, 0, 30, 30]], format="XYXY", canvas_size=(H, W)),
        **({"keypoints": tv_tensors.KeyPoints([[3.0, 4.0]], canvas_size=(H, W))} if SINCE_0_23 else {}),
        "labels": torch.tensor([1, 2]) if image != "plain" else 7,
        "int": 1,
        "float": 0.5,
        "str": "text",
        "none": None,
        "array": np.zeros((H, W, 3), np.uint8),
        "object": object(),
        "nested": {"more": [object(), ("a", 2)]},
    }
    given = sample if container is dict else container(sample.values())
    found = transform(given)

    assert type(found) is container
    values = found if container is dict else dict(zip(sample, found, strict=True))
    assert type(values["image"]) is type(sample["image"])
    assert not np.array_equal(np.asarray(values["image"]), np.asarray(IMAGES[image]()))
    changed = {"image", "mask", "boxes", "keypoints"} if "boxes" in options else {"image"}
    for key in sample.keys() - changed - {"nested"}:
        assert values[key] is sample[key], key
    assert values["nested"]["more"][0] is sample["nested"]["more"][0]
    assert values["nested"] == sample["nested"]
    for key in changed & sample.keys() & {"mask", "boxes", "keypoints"}:
        assert type(values[key]) is type(sample[key])


def test_labels_that_are_tensors_are_safe():
    """Only the first plain tensor of a sample is an image, as torchvision defines it."""
    image, label = grey(3, H, W), torch.arange(9).reshape(3, 3)
    found = DustRectangles(count_range=(16, 31))(image, label)

    assert found[1] is label
    assert (found[0] != 100).any()


class TestMasks:
    """With fill_mask, masks are filled where dust lies."""

    def test_they_are_left_alone_without_a_warning(self):
        """Without fill_mask the same object comes back, and nothing warns (RandomErasing of torchvision does)."""
        mask = tv_tensors.Mask(black(H, W))

        assert DustRectangles()(grey(3, H, W), mask)[1] is mask

    @pytest.mark.parametrize("shape", [(H, W), (1, H, W), (7, H, W)])
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.int16, torch.float32])
    def test_dust_is_filled(self, shape, dtype):
        """The class is exactly where the image is hidden, in semantic and in instance masks."""
        mask = tv_tensors.Mask(torch.zeros(shape, dtype=dtype))
        image, found = DustRectangles(WHITE, fill_mask=1, inplace=True)(black(3, H, W), mask)

        assert type(found) is tv_tensors.Mask
        assert found.dtype == dtype
        assert torch.equal((image[0] == 255).expand(shape), found == 1)
        assert not mask.any()

    @pytest.mark.parametrize("shape", [(4, H, W), (4, 1, H, W), (4, 5, H, W)])
    def test_masks_of_a_batch(self, shape):
        """Each mask goes with the image at its place in the batch."""
        images, masks = DustRectangles(WHITE, fill_mask=255)(black(4, 3, H, W), tv_tensors.Mask(black(*shape)))

        for image, mask in zip(images, masks, strict=True):
            assert torch.equal((image[0] == 255).expand(mask.shape), mask == 255)

    def test_masks_of_videos(self):
        """A video may have one mask for all frames, or one for each."""
        for shape in ((H, W), (5, H, W)):
            video, mask = DustRectangles(WHITE, fill_mask=255)(
                tv_tensors.Video(black(5, 3, H, W)), tv_tensors.Mask(black(*shape))
            )
            assert torch.equal((video[0, 0] == 255).expand(shape), mask == 255)

    def test_negative_classes(self):
        """The usual class to ignore, which is negative, can be filled."""
        mask = tv_tensors.Mask(torch.zeros(H, W, dtype=torch.int64))

        assert DustRectangles(WHITE, fill_mask=-100)(black(3, H, W), mask)[1].unique().tolist() == [-100, 0]

    def test_masks_without_an_image(self):
        """A sample may have a mask and no image."""
        assert DustRectangles(WHITE, fill_mask=1)(tv_tensors.Mask(black(H, W))).any()

    def test_what_does_not_fit(self):
        """Values, sizes and batches that do not fit raise."""
        fill = DustRectangles(WHITE, fill_mask=300)
        with pytest.raises(ValueError, match=r"fill_mask must be a value of the masks' dtype torch.uint8, got 300"):
            fill(black(3, H, W), tv_tensors.Mask(black(H, W)))
        with pytest.raises(ValueError, match=r"masks must begin with the axes .* \(4,\), got shape \(2, 48, 56\)"):
            fill(black(4, 3, H, W), tv_tensors.Mask(black(2, H, W)))
        with pytest.raises(ValueError, match=r"images of a sample must be batches of one shape, got \[\(\), \(4,\)\]"):
            fill(tv_tensors.Image(black(4, 3, H, W)), PIL.Image.new("L", (W, H)), tv_tensors.Mask(black(4, H, W)))
        with pytest.raises(ValueError, match="multiple HxW dimensions"):
            fill(tv_tensors.Image(black(3, H, W)), tv_tensors.Mask(black(H, W + 1)))


CORNERS = torch.tensor([[1.0, 2, 9, 8], [10, 20, 40.5, 44], [0, 0, W, H], [50, 40, 51, 41], [-9, -9, -1, -1]])
# These are no round numbers, so a conversion to another format and back changes their last bits.
PLACES, SIZES = torch.rand(2, 40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 20 + 1


class TestDepth:
    """With a depth in the spec, rectangles reach through some frames of a video."""

    SPEC = WHITE.replace(depth_range=(1, 4))

    def expected(self, video, seed, **key):
        """Return videos (n, t, c, h, w) as add_dust() paints them."""
        dusted = video.numpy().copy()
        add_dust(dusted.swapaxes(1, 2), self.SPEC, seed=seed, layout="NCDHW", **key)
        return torch.from_numpy(dusted)

    def test_frames_differ(self):
        """A video gets the cuboids of index 0, and each video of a batch those of its own, in any nesting."""
        given, seed = tv_tensors.Video(black(2, 3, 6, 3, H, W)), next_seed()
        found = DustRectangles(self.SPEC)({"video": given})["video"]
        wanted = self.expected(black(6, 6, 3, H, W), seed, index=0)

        assert type(found) is tv_tensors.Video
        assert torch.equal(found.flatten(0, 1).as_subclass(torch.Tensor), wanted)
        assert not given.any()
        assert len({frame.numpy().tobytes() for frame in wanted[0]}) > 1

        seed = next_seed()
        alone = DustRectangles(self.SPEC)(tv_tensors.Video(black(6, 3, H, W)))
        assert torch.equal(alone.as_subclass(torch.Tensor), self.expected(black(1, 6, 3, H, W), seed, index=0)[0])

    def test_same_on_batch(self):
        """With same_on_batch=True all videos share their cuboids."""
        found = DustRectangles(self.SPEC, same_on_batch=True)(tv_tensors.Video(black(3, 6, 3, H, W)))

        assert found.any()
        assert torch.equal(found[0].expand_as(found), found)

    def test_in_place(self):
        """With inplace=True the caller's video is painted, and autograd is told."""
        video = tv_tensors.Video(black(6, 3, H, W))
        version = video._version

        assert DustRectangles(self.SPEC, inplace=True)(video) is video
        assert video.any()
        assert video._version > version

    @pytest.mark.parametrize("shape", [(6, H, W), (6, 2, H, W)])
    def test_masks_follow(self, shape):
        """Masks of the frames are filled frame by frame."""
        video, mask = DustRectangles(self.SPEC, fill_mask=255)(
            tv_tensors.Video(black(6, 3, H, W)), tv_tensors.Mask(black(*shape))
        )
        covered = (video[:, 0] == 255).reshape(6, *[1] * (len(shape) - 3), H, W).expand(shape)

        assert torch.equal(covered, mask == 255)

    def test_pickles(self):
        """A pickle paints cuboids, too."""
        again = pickle.loads(pickle.dumps(DustRectangles(self.SPEC)))

        assert again(tv_tensors.Video(black(6, 3, H, W))).any()

    @pytest.mark.parametrize(
        ("image", "what"),
        [
            (black(3, H, W), "Tensor"),
            (tv_tensors.Image(black(3, H, W)), "Image"),
            (PIL.Image.new("L", (W, H)), "Image"),
            (tv_tensors.Video(torch.empty(6, 3, H, W, device="meta")), "one on meta"),
        ],
    )
    def test_images_are_an_error(self, image, what):
        """Images have no depth, and videos must be on the CPU."""
        with pytest.raises(ValueError) as caught:  # noqa: PT011  The message is compared.
            DustRectangles(self.SPEC)(image)
        assert str(caught.value) == (
            f"images must be a tv_tensors.Video on the CPU with depth_range, got {what}: type "
            "tv_tensors.Video(frames), or spec.replace(depth_range=None)"
        )

    @pytest.mark.parametrize("options", [{"boxes": "clip"}, {"visibility_key": "visible"}])
    def test_boxes_can_only_be_kept(self, options):
        """Boxes belong to no frame, so they cannot follow."""
        sample = {"video": tv_tensors.Video(black(6, 3, H, W)), "boxes": upright([[4, 4, 20, 20]])}

        assert torch.equal(DustRectangles(self.SPEC)(sample)["boxes"], sample["boxes"])
        with pytest.raises(ValueError, match="boxes and keypoints must be kept with depth_range, as they belong to no"):
            DustRectangles(self.SPEC, **options)(sample)

    def test_other_numbers_of_frames(self):
        """Masks cannot follow two videos of other lengths."""
        videos = [tv_tensors.Video(black(n, 3, H, W)) for n in (4, 6)]

        with pytest.raises(ValueError, match=r"videos of a sample must have the same number of frames, got \[4, 6\]"):
            DustRectangles(self.SPEC, fill_mask=1)([*videos, tv_tensors.Mask(black(4, H, W))])


def upright(boxes):
    return tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(H, W))


class TestBoxes:
    """With boxes="clip", boxes shrink to what is visible."""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
    @pytest.mark.parametrize("name", ["XYXY", "XYWH", "CXCYWH"])
    def test_boxes_shrink_to_what_is_visible(self, name, dtype):
        """Boxes of every upright format and dtype shrink; those that lose nothing keep every bit."""
        corners = tv_tensors.BoundingBoxes(CORNERS, format="XYXY", canvas_size=(H, W))
        boxes = v2.ConvertBoundingBoxFormat(name)(corners)
        odd = torch.cat([PLACES, PLACES + SIZES if name == "XYXY" else SIZES], dim=1)
        boxes = tv_tensors.wrap(torch.cat([boxes, odd]).to(dtype), like=boxes)
        torch.manual_seed(1)
        image, found = DustRectangles(WHITE.replace(count_range=(50, 50), center="uniform"), boxes="clip")(
            black(1, H, W), boxes
        )
        given = v2.ConvertBoundingBoxFormat("XYXY")(tv_tensors.wrap(boxes.double(), like=boxes))
        expected = torch.from_numpy(visible_boxes(given.numpy(), image[0].numpy() == 255))
        back = tv_tensors.BoundingBoxes(expected, format="XYXY", canvas_size=(H, W))
        changed = (expected != given).any(dim=1)

        assert (type(found), found.format, found.dtype) == (type(boxes), boxes.format, dtype)
        assert torch.equal(v2.ConvertBoundingBoxFormat(name)(back).to(dtype)[changed], found[changed])
        assert torch.equal(boxes[~changed], found[~changed])
        assert changed.any()
        assert not changed.all()

    def test_boxes_of_which_nothing_is_left(self):
        """A hidden box becomes empty, and SanitizeBoundingBoxes drops it with its label."""
        everything = dust(count_range=(1, 1), side_range=(99, 99), center="inside", spare_last=False)
        pipeline = v2.Compose([DustRectangles(everything, boxes="clip"), v2.SanitizeBoundingBoxes()])
        boxes = tv_tensors.BoundingBoxes([[5, 5, 20, 20]], format="XYXY", canvas_size=(H, W))
        found = pipeline({"image": tv_tensors.Image(black(3, H, W)), "boxes": boxes, "labels": torch.tensor([7])})

        assert found["boxes"].shape == (0, 4)
        assert found["labels"].shape == (0,)

    def test_boxes_of_a_batch(self):
        """Boxes belong to one image, so a batch in which each image has its own dust is refused."""
        boxes = tv_tensors.BoundingBoxes([[5, 5, 20, 20]], format="XYXY", canvas_size=(H, W))
        with pytest.raises(ValueError, match=r"got a batch of \(2,\): type same_on_batch=True"):
            DustRectangles(boxes="clip")(grey(2, 3, H, W), boxes)

        assert DustRectangles(boxes="clip", same_on_batch=True)(grey(2, 3, H, W), boxes)[1].shape == (1, 4)
        assert DustRectangles()(grey(2, 3, H, W), boxes)[1] is boxes


class TestRotatedBoxes:
    """Rotated boxes cannot be clipped."""

    __test__ = SINCE_0_23

    def test_they_are_kept_or_refused(self):
        """The visible part of a rotated box is no rectangle, so boxes="clip" is refused."""
        boxes = tv_tensors.BoundingBoxes([[9.0, 9, 8, 8, 45]], format="CXCYWHR", canvas_size=(H, W))

        assert DustRectangles()(grey(3, H, W), boxes)[1] is boxes
        with pytest.raises(
            ValueError, match='boxes must be of format XYXY, XYWH, CXCYWH with boxes="clip", got CXCYWHR'
        ):
            DustRectangles(boxes="clip")(grey(3, H, W), boxes)


class TestKeyPoints:
    """With keypoints="nan", hidden keypoints become NaN."""

    __test__ = SINCE_0_23

    def test_hidden_points_become_nan(self):
        """Exactly the points under dust become NaN; points outside, NaN and infinite ones stay."""
        y, x = torch.meshgrid(torch.arange(-2, H + 2), torch.arange(-2, W + 2), indexing="ij")
        points = torch.cat([torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5, torch.tensor([[np.nan, 3], [np.inf, 3]])])
        image, found = DustRectangles(WHITE, keypoints="nan")(
            black(1, H, W), tv_tensors.KeyPoints(points, canvas_size=(H, W))
        )
        hidden = torch.nn.functional.pad(image[0] == 255, (2, 2, 2, 2)).flatten()

        assert type(found) is tv_tensors.KeyPoints
        assert torch.equal(hidden, found[:-2].isnan().all(dim=1))
        assert torch.equal(points[:-2][~hidden], found[:-2][~hidden])
        assert torch.equal(points[-2:].nan_to_num(), found[-2:].nan_to_num())

    def test_sanitize_key_points_drops_them(self):
        """SanitizeKeyPoints drops hidden points, alone and in groups."""
        everything = dust(count_range=(1, 1), side_range=(20, 20), center="inside", spare_last=False)
        for points in ([[5.0, 5], [45, 40], [60, 5]], [[[5.0, 5], [6, 6]], [[45, 40], [46, 41]], [[60, 5], [61, 5]]]):
            sample = {
                "image": tv_tensors.Image(black(3, 20, 20)),
                "points": tv_tensors.KeyPoints(points, canvas_size=(20, 20)),
            }
            found = v2.Compose([DustRectangles(everything, keypoints="nan"), v2.SanitizeKeyPoints()])(sample)

            assert len(found["points"]) == 0

    def test_whole_numbers_have_no_nan(self):
        """Points of whole numbers are kept, or refused with keypoints="nan"."""
        points = tv_tensors.KeyPoints([[5, 5]], canvas_size=(H, W))

        assert DustRectangles()(grey(3, H, W), points)[1] is points
        with pytest.raises(TypeError, match=r'floating-point with keypoints="nan", got torch.int64: type tv_tensors'):
            DustRectangles(keypoints="nan")(grey(3, H, W), points)


class Photos(Dataset):
    """The data set dusts black images when they are read."""

    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return self.transform(black(1, H, W))


class TestRandomness:
    """All dust comes from torch's global generator."""

    def test_manual_seed(self):
        """The same seed gives the same images, and the next call gives others."""
        transform = DustRectangles()
        torch.manual_seed(7)
        first, second = transform(grey(3, H, W)), transform(grey(3, H, W))
        torch.manual_seed(7)

        assert torch.equal(first, transform(grey(3, H, W)))
        assert not torch.equal(first, second)

    def test_no_other_generator_is_used(self):
        """Neither Python's nor NumPy's generator changes (timm draws from two)."""
        states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        DustRectangles()(grey(2, 3, H, W))

        assert states == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_workers_do_not_repeat_each_other(self, method):
        """Workers and epochs differ, and a seeded loader is reproducible."""
        transform = DustRectangles(WHITE)
        transform(black(1, H, W))  # Workers must not repeat what the parent has drawn.

        def epochs():
            torch.manual_seed(3)
            loader = DataLoader(
                Photos(transform), num_workers=2, multiprocessing_context=method, persistent_workers=True
            )
            return [image.numpy().tobytes() for _ in range(2) for image in loader]

        images = epochs()
        assert len(set(images)) == 24
        if method == "fork":
            assert images == epochs()

    def test_threads_draw_different_seeds(self):
        """No two threads share a seed."""
        together = threading.Barrier(4)

        def work(_):
            together.wait()
            return [draw_seed() for _ in range(500)]

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            seeds = [seed for seeds in pool.map(work, range(4)) for seed in seeds]

        assert len(set(seeds)) == 2000
        assert all(0 <= seed < 2**63 for seed in seeds)

    def test_inference_mode_and_default_devices(self):
        """A thread's first draw may happen in any mode."""
        mask = tv_tensors.Mask(black(H, W))

        def work():
            with torch.inference_mode(), torch.device("meta"):
                assert DustRectangles(WHITE, fill_mask=1)(torch.zeros(3, H, W, device="cpu"), mask)[1].any()
            return DustRectangles(count_range=(16, 31))(grey(3, H, W))

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert (pool.submit(work).result() != 100).any()


class TestModule:
    """DustRectangles is a module, can be copied and printed, and works in pipelines."""

    def test_old_pipelines(self):
        """The transform works in transforms.Compose of version 1, on Pillow images and on tensors."""
        picture = PIL.Image.new("RGB", (W, H), (100, 100, 100))
        dust_some = DustRectangles(count_range=(16, 31))
        on_picture = v1.Compose([v1.RandomHorizontalFlip(), dust_some, v1.ToTensor()])
        on_tensor = v1.Compose([v1.ToTensor(), dust_some, v1.Normalize((0.5,) * 3, (0.5,) * 3)])

        assert (on_picture(picture) != 100 / 255).any()
        assert (on_tensor(picture) != on_tensor.transforms[2](v1.ToTensor()(picture))).any()

    def test_new_pipelines(self):
        """The transform works inside Compose, RandomApply and RandomChoice of version 2."""
        transform = v2.Compose(
            [v2.PILToTensor(), v2.RandomApply([DustRectangles(WHITE)], p=1), v2.RandomChoice([DustRectangles(WHITE)])]
        )

        assert transform(PIL.Image.new("RGB", (W, H))).max() == 255

    @pytest.mark.parametrize("backend", ["eager", "aot_eager"])
    @pytest.mark.parametrize("shape", [(3, 40, 40), (4, 3, 40, 40), (2, 2, 3, 40, 40)])
    def test_torch_compile(self, shape, backend):
        """A compiled pipeline is one graph, draws anew at each call, and draws what it draws uncompiled."""
        for transform in (
            DustRectangles(),
            DustRectangles(same_on_batch=True),
            v2.Compose([DustRectangles(inplace=True)]),
        ):
            torch._dynamo.reset()
            compiled = torch.compile(lambda images, f=transform: f(images * 2) + 1, backend=backend, fullgraph=True)
            torch.manual_seed(5)
            found = [compiled(grey(*shape)) for _ in range(3)]
            torch.manual_seed(5)
            for image in found:
                assert torch.equal(transform(grey(*shape) * 2) + 1, image)
            assert not torch.equal(found[0], found[1])

    def test_torch_compile_leaves_the_sample_as_it_is(self):
        """The compiled transform copies the first plain tensor, and passes on the other entries."""
        image, sample = grey(3, 40, 40), {"label": 7, "more": (torch.arange(3), "text")}
        transform = DustRectangles(WHITE)
        found = torch.compile(transform, backend="eager", fullgraph=True)({"image": image, **sample})

        assert (found["image"] != 100).any()
        assert (image == 100).all()
        assert (found["label"], found["more"][1]) == (7, "text")
        assert torch.equal(found["more"][0], torch.arange(3))

    def test_torch_compile_goes_on_after_what_it_cannot_trace(self):
        """Samples of tv_tensors break the graph, as with torchvision's own transforms, and are dusted."""
        transform = DustRectangles(WHITE, fill_mask=1)
        compiled = torch.compile(transform, backend="eager")
        torch.manual_seed(5)
        expected = transform(tv_tensors.Image(grey(3, 40, 40)), tv_tensors.Mask(black(40, 40)))
        torch.manual_seed(5)
        found = compiled(tv_tensors.Image(grey(3, 40, 40)), tv_tensors.Mask(black(40, 40)))

        assert all(map(torch.equal, expected, found))

    def test_copies_and_pickles(self):
        """Copies, pickles and files of torch.save have the same draws and the same repr."""
        transform = DustRectangles(WHITE, fill_mask=7, boxes="clip", value_range=(0, 200))
        transform(grey(3, H, W))
        file = io.BytesIO()
        torch.save(transform, file)
        file.seek(0)
        copies = [copy.copy(transform), copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))]
        for copied in [*copies, torch.load(file, weights_only=False)]:
            torch.manual_seed(2)
            expected = transform(grey(3, H, W))
            torch.manual_seed(2)

            assert torch.equal(expected, copied(grey(3, H, W)))
            assert repr(copied) == repr(transform)

    @pytest.mark.parametrize("compose", [False, True])
    def test_pickles_name_no_private_module(self, compose):
        """A private module may move; who loads a pickle, or what torch.save wrote, needs what it names."""
        transform = DustRectangles(WHITE, value_range=(0, 200))
        saving = v2.Compose([v2.RandomHorizontalFlip(), transform]) if compose else transform
        saving(grey(3, H, W))
        file = io.BytesIO()
        torch.save(saving, file)

        for pickled in (pickle.dumps(saving), pickle.dumps(saving, 2), file.getvalue()):
            assert b"dustaug.torchvision" in pickled
            assert private_modules(pickled) == set()

    def test_copies_keep_what_was_added(self):
        """Hooks, the mode of a module, and attributes of the caller's."""
        transform = DustRectangles(WHITE).eval()
        transform.register_forward_hook(drop_image)
        transform.note = "mine"
        for copied in (copy.copy(transform), copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
            assert (copied.training, copied.note, copied(grey(3, H, W))) == (False, "mine", "dropped")

    def test_repr(self):
        """The repr has the spec, and the options that differ from their defaults."""
        options = {"inplace": True, "same_on_batch": True, "fill_mask": 0, "boxes": "clip", "keypoints": "nan"}

        assert repr(DustRectangles()) == "DustRectangles(Spec())"
        assert repr(DustRectangles(p=0.5, **options, value_range=(0, 255))) == (
            "DustRectangles(Spec(p=0.5), inplace=True, same_on_batch=True, fill_mask=0, boxes='clip', "
            "keypoints='nan', value_range=(0, 255))"
        )

    def test_it_has_no_state(self):
        """The transform adds nothing to checkpoints, and its hooks are called."""
        transform = DustRectangles()
        called = []
        transform.register_forward_hook(lambda *_: called.append(1))
        transform(grey(3, H, W))

        assert transform.state_dict() == {}
        assert list(transform.parameters()) == []
        assert called == [1]

    def test_specs_and_fields(self):
        """The constructor takes a spec or its fields."""
        assert DustRectangles().spec == dust()
        assert DustRectangles(WHITE).spec is WHITE
        assert DustRectangles(count_range=(1, 3), side_range=(4, 9)).spec == dust(count_range=(1, 3), side_range=(4, 9))

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"num_rects": 3}, TypeError, "fields of Spec must be known, got num_rects"),
            ({"spec": WHITE, "p": 0.5}, TypeError, r"spec must be given alone, got p too: type spec.replace"),
            ({"spec": {"p": 1}}, TypeError, "spec must be a dustaug.Spec, got dict"),
            (
                {"spec": MANY},
                TypeError,
                "spec must be a Spec in a transform of torchvision, .*, got a Schedule: type dustaug.torch.Dust",
            ),
            ({"p": 2}, ValueError, "p must be a number from 0 to 1, got 2"),
            ({"p": float("nan")}, ValueError, "p must be a number from 0 to 1, got nan"),
            ({"count_range": (3, 1)}, ValueError, r"count_range must not be reversed, got \(3, 1\): type"),
            ({"inplace": 1}, TypeError, "inplace must be True or False, got 1"),
            ({"same_on_batch": None}, TypeError, "same_on_batch must be True or False, got None"),
            ({"fill_mask": 0.5}, TypeError, "fill_mask must be a whole number, got 0.5"),
            ({"boxes": "drop"}, ValueError, "boxes must be 'keep' or 'clip', got 'drop'"),
            ({"keypoints": "drop"}, ValueError, "keypoints must be 'keep' or 'nan', got 'drop'"),
            ({"value_range": 255}, TypeError, "value_range must be a tuple of two numbers, got 255"),
            ({"value_range": (1, 0)}, ValueError, "value_range must be two finite numbers, the smaller first"),
        ],
    )
    def test_wrong_arguments(self, options, error, message):
        """The constructor refuses wrong arguments by name, with the value and the rule."""
        with pytest.raises(error, match=message):
            DustRectangles(**options)

    def test_images_that_cannot_be_painted(self):
        """The errors have the words of dustaug.torch."""
        for image, error, message in (
            (torch.tensor(3), ValueError, r"tensor must have 2, 3 or 4 axes, got shape \(\)"),
            (PIL.Image.new("P", (W, H)), ValueError, "image must be of mode L, .*, got P"),
        ):
            with pytest.raises(error, match=message):
                DustRectangles()(image)


class TestBugsOfPeers:
    """Each docstring names the bug of torchvision, timm or kornia that the test excludes."""

    def test_a_batch_has_more_than_one_dust(self):
        """Torchvision draws one box for the whole batch."""
        assert len({image.numpy().tobytes() for image in DustRectangles(WHITE)(black(32, 3, H, W))}) == 32

    def test_random_fills_of_whole_numbers_use_their_range(self):
        """Torchvision wraps normal noise in uint8 to 0, 1, 2, 254 and 255; kornia and timm raise."""
        noise = DustRectangles(dustaug.random_erasing(p=1, scale=(0.5, 0.6)))(black(1, 3, 200, 200)).unique()

        assert noise.tolist() == list(range(256))

    def test_images_keep_their_shape_and_dtype(self):
        """Kornia adds a batch axis."""
        for dtype in (torch.uint8, torch.int16, torch.bfloat16, torch.float16, torch.float64):
            found = DustRectangles(WHITE)(torch.zeros(3, H, W, dtype=dtype))

            assert (found.shape, found.dtype) == ((3, H, W), dtype)

    def test_no_rectangles_are_possible(self):
        """Torchvision, timm and kornia draw at least one rectangle, of one pixel if the area is zero."""
        for spec in (dust(count_range=(0, 0)), dust(side_range=(0, 0))):
            assert torch.equal(DustRectangles(spec)(grey(2, 3, H, W)), grey(2, 3, H, W))

    def test_fill_values_for_each_channel(self):
        """Kornia takes one number in [0, 1] only, and timm takes black only."""
        spec = dust(count_range=(9, 9), fill="constant", fill_value=(1, 200, 255))

        assert DustRectangles(spec)(black(3, H, W)).flatten(1).amax(dim=1).tolist() == [1, 200, 255]

    def test_a_copy_by_default(self):
        """Random erasing in timm always paints in place."""
        image = grey(3, H, W)
        DustRectangles()(image)

        assert (image == 100).all()

    def test_every_size_fits(self):
        """Torchvision tries ten times, and then does nothing without saying so."""
        everything = dust(side_range=(500, 500), center="inside", spare_last=False, fill="constant", fill_value=7)

        assert (DustRectangles(everything.replace(count_range=(1, 1)))(grey(3, H, W)) == 7).all()


class TestMemory:
    """Images of many sizes do not fill the memory."""

    @pytest.mark.parametrize("kind", [torch.Tensor, tv_tensors.Image, PIL.Image.Image])
    def test_nothing_grows_with_the_sizes(self, kind):
        """After 1,000 sizes a transform keeps no more than after a few, whatever the images are."""
        transform = DustRectangles()

        def use(height, width):
            image = grey(1, height, width)
            if kind is PIL.Image.Image:
                image = v2.functional.to_pil_image(image)
            assert type(transform(image.as_subclass(kind) if isinstance(image, torch.Tensor) else image)) is kind

        check_growth(use, n=1000)
