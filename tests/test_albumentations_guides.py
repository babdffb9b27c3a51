"""In Albumentations, guides and objects are those of the image as it is painted, and what dust hides can be told."""

import albumentations as A
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import guided
from albumentations_helpers import FORMAT, X, drawn, grey
from dustaug import Rectangles, Spec, add_dust, dust, guide_of_boxes, sample_rectangles
from dustaug.albumentations import DustRectangles
from exact_boxes import SIZES, WHITE, areas, boxes
from test_pixels import KEYS, photos

CLIP = {"clip_bboxes_on_input" if X else "clip": True, "filter_invalid_bboxes": True}
GUIDED = dust(count_range=(8, 31), center="guide")
SPARING = dust(count_range=(20, 31), max_hidden=0.1)
LABELS = {"label_mapping": {}} if X else {}
# A flip and a crop, which move whatever belongs to an image.
MOVES = [A.HorizontalFlip(p=1), A.RandomCrop(30, 40, p=1)]


def keyed(spec, **options):
    return DustRectangles(spec, seed=KEYS["any"]["seed"], index_key="index", epoch_key="epoch", **options)


def boxed(*transforms, fields=("labels",), **params):
    bbox_params = A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=list(fields), **params)
    return A.Compose(transforms, bbox_params=bbox_params)


def at(index):
    """Return the seed, epoch and index of one of the images of tests/guided.py."""
    return {**KEYS["any"], "index": KEYS["any"]["index"] + index}


def call_at(index):
    """Return the arguments of a call that gets that dust."""
    return {"index": KEYS["any"]["index"] + index, "epoch": KEYS["any"]["epoch"]}


def keys_of(terms):
    return {f"{name}_key": name for name in ("guide", "objects") if name in terms}


def pixels_of(boxes, height, width):
    """Return boxes of format pascal_voc as the whole pixels that they touch: top, left, bottom, right."""
    left, top, right, bottom = np.asarray(boxes, np.float64).round(4).reshape(-1, 4).T
    within = np.stack([np.floor(top), np.floor(left), np.ceil(bottom), np.ceil(right)], axis=1)
    return within.astype(int).clip(0, [height, width] * 2)


def rectangles_of(transform):
    """Return the rectangles of a transform's last call."""
    params = drawn(transform)
    boxes = params["holes"][:, [1, 0, 3, 2]]
    n = int(params["hole_images"].max(initial=0)) + 1
    return Rectangles(image=params["hole_images"], boxes=boxes, fill=params["fills"], n_images=n)


@pytest.mark.parametrize("name", guided.CASES)
class TestPixels:
    """The pixels are those of tests/vectors/guides.json."""

    @pytest.mark.parametrize("key", KEYS)
    def test_images_one_at_a_time(self, name, key):
        """Guide and objects are arguments of the call, with and without a Compose."""
        spec, terms = guided.CASES[name]
        transform = DustRectangles(spec, seed=KEYS[key]["seed"], index_key="index", epoch_key="epoch", **keys_of(terms))
        expected = guided.expected(name, key)
        for i, image in enumerate(photos()):
            given = {term: each[i] for term, each in terms.items()}
            where = {"epoch": KEYS[key]["epoch"], "index": KEYS[key]["index"] + i}
            for call in (transform, A.Compose([transform], strict=True)):
                assert (call(image=image, **given, **where)["image"] == expected[i]).all()

    def test_a_batch(self, name):
        """Each image of a batch has a guide and objects of its own."""
        spec, terms = guided.CASES[name]
        transform = A.Compose([keyed(spec, same_on_batch=False, **keys_of(terms))])
        given = {term: list(each) if term == "objects" else each for term, each in terms.items()}
        images = transform(images=photos(), **given, **call_at(0))["images"]

        assert (images == guided.expected(name)).all()

    def test_the_parameters_hold_what_was_painted(self, name):
        """The rectangles of a call are those that its guide and its objects leave."""
        spec, terms = guided.CASES[name]
        transform = keyed(spec, **keys_of(terms))
        for i, image in enumerate(photos()):
            given = {term: each[i] for term, each in terms.items()}
            A.Compose([transform], save_applied_params=True)(image=image, **given, **call_at(i))
            drawn_by_core = sample_rectangles(
                spec, height=guided.HEIGHT, width=guided.WIDTH, **at(i), guide=given.get("guide"),
                objects=given.get("objects"),
            )  # fmt: skip

            assert (rectangles_of(transform).boxes == drawn_by_core.boxes).all()


class TestGuides:
    """Masks, boxes and maps say where dust lies."""

    def test_the_mask_is_the_guide_by_default(self):
        """A mask may hold whole numbers or fractions; dust lies on all that is not 0."""
        expected = guided.expected("mask")
        for dtype in (bool, np.uint8, np.int64, np.float32):
            for i, image in enumerate(photos()):
                mask = guided.masks()[i].astype(dtype) * dtype(3)
                found = A.Compose([keyed(dust(center="guide"))])(image=image, mask=mask, **call_at(i))

                assert (found["image"] == expected[i]).all()
                assert (found["mask"] == mask).all()

    @pytest.mark.parametrize("shape", [(guided.HEIGHT, guided.WIDTH), (guided.HEIGHT, guided.WIDTH, 1)])
    def test_classes_of_a_mask(self, shape):
        """Dust lies on the classes that are named."""
        image, classes = photos()[0], np.zeros(shape, np.int32)
        classes[4:20], classes[20:40, 9:], classes[40:] = 3, 7, 9
        found = keyed(GUIDED, guide_classes=(3, 9))(image=image, mask=classes, **call_at(0))["image"]
        guide = ((classes == 3) | (classes == 9)).reshape(shape[:2])

        assert (found == add_dust(image.copy(), GUIDED, **at(0), guide=guide)).all()
        assert (found != add_dust(image.copy(), GUIDED, **at(0), guide=guide | True)).any()

    def test_a_guide_is_that_of_the_image_as_painted(self):
        """A mask, a map that is a target, and boxes are flipped and cropped before dust is painted."""
        image = photos()[1]
        boxes, labels = [[3, 5, 60, 33], [10, 20, 50.5, 44.25]], ["guitar", "amp"]
        mask, heat = guided.masks()[1], (np.arange(guided.HEIGHT * guided.WIDTH) % 250).astype(np.uint8)
        heat = heat.reshape(guided.HEIGHT, guided.WIDTH)
        targets = {"heat": "mask", "clean": "mask"}
        for key in ("mask", "heat", "bboxes"):
            compose = A.Compose(
                [*MOVES, keyed(GUIDED, guide_key=key, boxes="keep")],
                bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=["labels"]),
                additional_targets=targets,
                seed=4,
            )
            for i in range(5):
                given = {"image": image, "clean": image, "mask": mask, "heat": heat, "bboxes": boxes, "labels": labels}
                found = compose(**given, **call_at(i))
                guide = found[key]
                if key == "bboxes":
                    guide = guide_of_boxes(pixels_of(guide, 30, 40), height=30, width=40)

                assert found["clean"].shape == (30, 40, 3)
                assert (found["image"] == add_dust(found["clean"].copy(), GUIDED, **at(i), guide=guide)).all()
                assert (found["image"] != found["clean"]).any()

    @pytest.mark.parametrize("labels", [["guitar", "amp", "guitar"], [1, 2, 1], np.array([1, 2, 1])])
    def test_classes_of_boxes(self, labels):
        """Dust lies on the boxes whose first label is named; a label that no box has is no error."""
        image, boxes = photos()[0], [[3, 5, 20, 13], [30, 20, 60, 40], [20, 30, 25, 44]]
        transform = keyed(GUIDED, guide_key="bboxes", guide_classes=("guitar", "harp", 1), boxes="keep")
        compose = boxed(transform, fields=("labels", "scores"))
        found = compose(image=image, bboxes=boxes, labels=labels, scores=[0.1, 0.2, 0.3], **call_at(0))
        guide = guide_of_boxes(pixels_of(boxes[::2], *image.shape[:2]), height=guided.HEIGHT, width=guided.WIDTH)

        assert (found["image"] == add_dust(image.copy(), GUIDED, **at(0), guide=guide)).all()
        assert list(found["labels"]) == list(labels)

    def test_boxes_may_hold_their_labels(self):
        """Without label fields, a label is what follows the sides of a box."""
        image = photos()[0]
        transform = keyed(GUIDED, guide_key="bboxes", guide_classes=(2,), boxes="keep")
        compose = A.Compose([transform], bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}))
        boxes = np.array([[3.0, 5, 20, 13, 1], [30, 20, 60, 40, 2]])
        found = compose(image=image, bboxes=boxes, **call_at(0))["image"]
        guide = guide_of_boxes([[20, 30, 40, 60]], height=guided.HEIGHT, width=guided.WIDTH)

        assert (found == add_dust(image.copy(), GUIDED, **at(0), guide=guide)).all()
        with pytest.raises(ValueError, match="bboxes must have labels to choose classes by, got none: type"):
            compose(image=image, bboxes=boxes[:, :4], **call_at(0))

    @pytest.mark.parametrize("key", ["mask", "bboxes", None])
    def test_no_dust_touches_protected_boxes(self, key):
        """Boxes of some classes are kept free, whichever guide there is besides."""
        transform = DustRectangles(GUIDED, guide_key=key, protected_classes=("face",), boxes="keep", p=1)
        bbox_params = A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=["labels"])
        compose = A.Compose([transform], bbox_params=bbox_params, seed=2)
        boxes, labels = [[20, 10, 44.5, 30], [2, 2, 60, 46]], ["face", "person"]
        painted = np.zeros((guided.HEIGHT, guided.WIDTH), int)
        for _ in range(150):
            image = grey(guided.HEIGHT, guided.WIDTH)
            found = compose(image=image, mask=np.ones_like(image), bboxes=boxes, labels=labels)["image"]
            painted += found != 100

        assert (painted[10:30, 20:45] == 0).all()
        assert painted[10:30, 19].any()
        assert painted[10:30, 45].any()

    def test_a_margin_is_of_centres(self):
        """With a margin in pixels, no rectangle has its centre there, and some touch the box."""
        options = {"protected_classes": (1,), "protected_margin": 2, "boxes": "keep"}
        compose = boxed(keyed(GUIDED, **options))
        image = photos()[0]
        found = compose(image=image, bboxes=[[20, 10, 44, 30]], labels=[1], **call_at(0))["image"]
        protected = [[10, 20, 30, 44]]
        guide = guide_of_boxes(height=guided.HEIGHT, width=guided.WIDTH, protected=protected, margin=2)

        assert (found == add_dust(image.copy(), GUIDED, **at(0), guide=guide)).all()

    def test_masks_of_objects_are_one_guide(self):
        """The masks of one image's objects are taken together, and so are the slices of a volume's mask."""
        image, parts = photos()[0], guided.masks()[:2].astype(np.uint8)
        expected = add_dust(image.copy(), GUIDED, **at(0), guide=parts.any(axis=0))
        of_masks = keyed(GUIDED, guide_key="masks")(image=image, masks=parts, **call_at(0))["image"]
        of_list = keyed(GUIDED, guide_key="masks")(image=image, masks=list(parts), **call_at(0))["image"]
        volume = keyed(GUIDED, guide_key="mask3d")(volume=np.stack([image, image]), mask3d=parts, **call_at(0))

        assert (of_masks == expected).all()
        assert (of_list == expected).all()
        assert (volume["volume"] == expected).all()

    def test_frames_share_a_guide(self):
        """The frames of a video share their dust, so they share the masks of all frames, or one mask."""
        frames, masks = photos(), guided.masks()
        for key, guide in (("masks", masks), ("mask", masks.any(axis=0))):
            found = A.Compose([keyed(GUIDED, guide_key=key)])(images=frames, **{key: guide}, **call_at(0))["images"]
            for frame, dusted in zip(frames, found, strict=True):
                assert (dusted == add_dust(frame.copy(), GUIDED, **at(0), guide=masks.any(axis=0))).all()

    def test_masks_of_a_batch_belong_to_its_images(self):
        """Each image of a batch has the mask at its place; a single mask is that of all."""
        transform = A.Compose([keyed(GUIDED, guide_key="masks", same_on_batch=False)])
        found = transform(images=photos(), masks=guided.masks(), **call_at(0))["images"]
        shared = keyed(GUIDED, same_on_batch=False)(images=photos(), mask=guided.masks()[1], **call_at(0))["images"]
        one = np.broadcast_to(guided.masks()[1], guided.masks().shape)

        assert (found == add_dust(photos(), GUIDED, **KEYS["any"], guide=guided.masks())).all()
        assert (shared == add_dust(photos(), GUIDED, **KEYS["any"], guide=one)).all()

    def test_masks_of_volumes_belong_to_their_volumes(self):
        """Each volume of a batch has the guide of its own slices."""
        volumes, masks = photos().reshape(3, 2, guided.HEIGHT, guided.WIDTH, 3), guided.masks()
        masks = masks.reshape(3, 2, guided.HEIGHT, guided.WIDTH)
        transform = keyed(GUIDED, guide_key="masks3d", same_on_batch=False)
        found = transform(volumes=volumes, masks3d=masks, **call_at(0))["volumes"]
        for i, volume in enumerate(volumes):
            for k, image in enumerate(volume):
                expected = add_dust(image.copy(), GUIDED, **at(i), guide=masks[i].any(axis=0))
                assert (found[i, k] == expected).all()

    def test_a_guide_of_nothing_means_no_dust(self):
        """An image without an object, a class or a mask stays as it is."""
        image = photos()[0]
        nothing = {"bboxes": [], "labels": []}
        for key, empty in (
            ("bboxes", nothing),
            ("mask", {"mask": np.zeros(image.shape[:2])}),
            ("masks", {"masks": []}),
        ):
            transform = keyed(GUIDED, guide_key=key)
            found = (boxed(transform) if key == "bboxes" else transform)(image=image, **empty, **call_at(0))

            assert (found["image"] == image).all()

    def test_a_mask_that_is_filled_guides_first(self):
        """With inplace=True too, masks are filled after dust has read them, in whatever order they are given."""
        image, mask = photos()[0], guided.masks()[0].astype(np.uint8)
        transform = keyed(GUIDED, fill_mask=0, inplace=True)
        found = transform(mask=mask.copy(), image=image.copy(), **call_at(0))

        assert (found["image"] == add_dust(image.copy(), GUIDED, **at(0), guide=mask)).all()
        assert (found["mask"] < mask).any()

    def test_albumentations_can_drive_it(self):
        """Without a seed, Albumentations' generators draw; dust has its centres on the mask."""
        spec = dust(center="guide", count_range=(31, 31), side_range=(1, 1), spare_last=False)
        mask = guided.masks()[0]
        found = A.Compose([DustRectangles(spec, p=1)], seed=3)(image=grey(*mask.shape), mask=mask)["image"]

        assert (found != 100).any()
        assert (found == 100)[~mask].all()


class TestObjects:
    """No object loses more than it may."""

    def test_boxes_are_the_objects_by_default(self):
        """Boxes of the call are objects: the pixels are those of tests/vectors/guides.json."""
        compose = boxed(keyed(dust(max_hidden=0.1), boxes="keep"), **CLIP)
        for i, image in enumerate(photos()):
            boxes = guided.objects()[i][:, [1, 0, 3, 2]]
            found = compose(image=image, bboxes=boxes.astype(np.float32), labels=[0] * len(boxes), **call_at(i))

            assert (found["image"] == guided.expected("max_hidden")[i]).all()

    def test_no_object_loses_more_after_a_crop(self):
        """Objects with fractions of pixels, flipped and cropped, keep their share of the pixels that they touch."""
        transform = DustRectangles(SPARING, boxes="keep", p=1)
        compose = A.Compose(
            [*MOVES, transform],
            bbox_params=A.BboxParams(**{FORMAT: "coco"}, label_fields=["labels"]),
            seed=5,
            save_applied_params=True,
        )
        generator = np.random.default_rng(0)
        seen = 0
        for _ in range(100):
            corners = generator.uniform(0, 40, (6, 2))
            boxes = np.concatenate([corners, generator.uniform(2, 8, (6, 2))], axis=1).clip(0, 47)
            found = compose(image=photos()[0], bboxes=boxes.astype(np.float32), labels=list(range(6)))
            left = np.asarray(found["bboxes"])[:, :4]
            objects = pixels_of(np.concatenate([left[:, :2], left[:, :2] + left[:, 2:]], axis=1), 30, 40)
            if len(drawn(transform)["holes"]):
                (hidden,) = rectangles_of(transform).hidden([objects])
                seen += int((hidden > 0).sum())
                assert (hidden <= 0.1).all()

        assert seen > 30

    def test_classes_of_objects(self):
        """Only the boxes whose label is named are spared."""
        image, boxes = photos()[0], [[4, 4, 30, 24], [32, 20, 60, 44]]
        compose = boxed(keyed(SPARING, object_classes=("label",), boxes="keep"))
        found = compose(image=image, bboxes=boxes, labels=["label", "wall"], **call_at(0))["image"]
        expected = [add_dust(image.copy(), SPARING, **at(0), objects=pixels_of(each, *image.shape[:2]))
                    for each in (boxes[:1], boxes)]  # fmt: skip

        assert (found == expected[0]).all()
        assert (found != expected[1]).any()

    def test_each_box_is_dusted_of_its_own(self):
        """With per_object, each box of some label is dusted as if it were an image, and nothing else is."""
        spec = dust(per_object=True, count_range=(1, 3), height_fraction_range=(0.3, 0.5), center="inside")
        image, boxes, labels = photos()[0], [[4, 4, 30, 24], [32, 20, 60, 44], [2, 30, 20, 46]], ["dog", "man", "dog"]
        compose = boxed(keyed(spec, object_classes=("dog",), boxes="keep"))
        found = compose(image=image, bboxes=boxes, labels=labels, **call_at(0))["image"]
        objects = pixels_of(boxes[::2], *image.shape[:2])
        left_out = np.ones(image.shape[:2], bool)
        for top, left, bottom, right in objects:
            assert (found != image)[top:bottom, left:right].any()
            left_out[top:bottom, left:right] = False

        assert (found == add_dust(image.copy(), spec, **at(0), objects=objects)).all()
        assert (found == image)[left_out].all()

    def test_frames_share_objects(self):
        """The objects of a video are spared in all of its frames."""
        frames, objects = photos(), guided.objects()[0]
        found = keyed(SPARING, objects_key="objects")(images=frames, objects=objects, **call_at(0))["images"]
        for frame, dusted in zip(frames, found, strict=True):
            assert (dusted == add_dust(frame.copy(), SPARING, **at(0), objects=objects)).all()

    def test_volumes_have_their_objects(self):
        """Each volume of a batch has objects of its own."""
        volumes = photos().reshape(3, 2, guided.HEIGHT, guided.WIDTH, 3)
        transform = keyed(SPARING, objects_key="objects", same_on_batch=False)
        found = transform(volumes=volumes, objects=guided.objects()[:3], **call_at(0))["volumes"]
        for i, volume in enumerate(volumes):
            for k, image in enumerate(volume):
                expected = add_dust(image.copy(), SPARING, **at(i), objects=guided.objects()[i])
                assert (found[i, k] == expected).all()


class TestVisibility:
    """What dust leaves visible travels with the boxes and keypoints."""

    FIELDS = ("labels", "visibility")

    def call(self, compose, boxes, index=0, **given):
        """Call a pipeline on a black image with boxes, their numbers and their visibility."""
        n = len(boxes)
        given = {"labels": list(range(n)), "visibility": [1.0] * n, **given}
        return compose(image=np.zeros((guided.HEIGHT, guided.WIDTH), np.uint8), bboxes=boxes, **given, **call_at(index))

    @pytest.mark.parametrize("how", ["keep", "clip"])
    def test_boxes_get_their_visible_share(self, how):
        """It is counted exactly, over the box as it was given, and stays with the box that is left."""
        spec = dust(count_range=(31, 31), fill="constant", fill_value=255)
        boxes = [[4, 4, 24, 30], [20, 12, 44, 40], [30, 20, 32, 22], [28, 24, 36, 28], [0, 0, 2, 2]]
        compose = boxed(keyed(spec, visibility_key="visibility", boxes=how), fields=self.FIELDS)
        seen = set()
        for index in range(12):
            found = self.call(compose, boxes, index)
            shares = {
                label: np.float32((found["image"][top:bottom, left:right] == 0).mean())
                for label, (left, top, right, bottom) in enumerate(boxes)
            }
            left_over = shares if how == "keep" else {label: share for label, share in shares.items() if share}
            seen.update(shares.values())

            assert dict(zip(map(int, found["labels"]), found["visibility"], strict=True)) == left_over

        assert {0, 1} < seen

    def test_fractions_of_pixels_count(self):
        """Of a box with fractions, the share of its own area is told."""
        spec = Spec(count_range=(1, 1), side_range=(200, 200), center="inside", spare_last=True)
        compose = boxed(keyed(spec, visibility_key="visibility", boxes="keep"), fields=self.FIELDS)
        found = self.call(compose, np.array([[61.5, 3, 64, 5], [1, 1, 9, 9]], np.float64))

        # The last column, of the box's two and a half, is spared.
        assert list(found["visibility"]) == [np.float32(0.4), 0]

    @given(data=st.data(), index=st.integers(0, 99), size=st.sampled_from(SIZES))
    @settings(max_examples=30)
    def test_it_is_what_exact_arithmetic_makes_of_the_pixels(self, data, index, size):
        """Boxes with fractions that reach out of the image tell the share of their area in the image."""
        given_boxes = data.draw(st.lists(boxes(*size, reach=3), min_size=1, max_size=5))
        compose = boxed(keyed(WHITE, visibility_key="visibility", boxes="keep"), fields=self.FIELDS, **CLIP)
        n = len(given_boxes)
        rows = np.array([[float(side) for side in box] for box in given_boxes])
        found = compose(
            image=np.zeros(size, np.uint8), bboxes=rows, labels=list(range(n)), visibility=[1.0] * n, **call_at(index)
        )
        covered = found["image"] == 255

        assert len(found["visibility"]) == n
        for box, share in zip(given_boxes, found["visibility"], strict=True):
            all_of_it, shown, *_ = areas(box, covered)
            # Boxes are float32, so a box of hundredths of a pixel may tell another share.
            assert share == pytest.approx(float(shown / all_of_it), abs=1e-4 / float(min(all_of_it, 1)))

    def test_later_transforms_keep_it_aligned(self):
        """A crop after dust drops boxes, and the others keep their share."""
        transform = keyed(dust(count_range=(31, 31)), visibility_key="visibility", boxes="keep")
        boxes = [[4, 4, 24, 30], [30, 4, 60, 8], [20, 12, 44, 40]]
        before = self.call(boxed(transform, fields=self.FIELDS), boxes)
        after = self.call(boxed(transform, A.Crop(0, 10, 64, 48), fields=self.FIELDS), boxes)

        assert [int(label) for label in after["labels"]] == [0, 2]
        assert list(after["visibility"]) == [before["visibility"][0], before["visibility"][2]]
        assert 0 < after["visibility"][1] < 1

    def test_covered_keypoints_are_marked_as_in_coco(self):
        """A 2 becomes 1 where dust lies, 0 and 1 stay, and no keypoint is dropped."""
        points = np.stack(np.meshgrid(np.arange(64), np.arange(48)), axis=-1).reshape(-1, 2).astype(np.float32)
        marks = np.arange(len(points)) % 3
        params = {FORMAT: "xy", "label_fields": ["names", "v"], "remove_invisible": True, **LABELS}
        compose = A.Compose(
            [keyed(dust(count_range=(31, 31), fill="constant", fill_value=255), visibility_key="v")],
            keypoint_params=A.KeypointParams(**params),
        )
        for v in (marks, marks.tolist()):
            found = compose(
                image=np.zeros((48, 64), np.uint8), keypoints=points, names=["eye"] * len(points), v=v, **call_at(0)
            )
            hidden = found["image"].reshape(-1) == 255

            assert 100 < hidden.sum() < 2000
            assert (np.asarray(found["v"]) == np.where(hidden & (marks == 2), 1, marks)).all()
            assert (found["keypoints"] == points).all()

    def test_without_dust_it_stays_as_given(self):
        """If p decides against a call, or nothing is hidden, the field keeps its values."""
        for spec, p in ((dust(), 0), (dust(count_range=(0, 0)), 1)):
            compose = boxed(DustRectangles(spec, p=p, visibility_key="visibility"), fields=self.FIELDS)
            found = compose(image=grey(9, 9), bboxes=[[1, 1, 5, 5]], labels=["a"], visibility=[1.0])

            assert found["visibility"] == [1.0]

    def test_a_field_that_cannot_hold_it_is_refused(self):
        """Whole numbers would lose the share, names cannot hold it, and the field must be there."""
        transform = keyed(dust(), visibility_key="visibility", inplace=True)
        image = grey(48, 64)
        given = {"image": image, "bboxes": [[1, 1, 5, 5]], "labels": [1], **call_at(0)}
        for field, what in ((np.array([1]), "an array of int64"), (["full"], "other labels")):
            with pytest.raises(ValueError, match=f"visibility must hold numbers with fractions.*, got {what}: type"):
                boxed(transform, fields=self.FIELDS)(**given, visibility=field)
        with pytest.raises(ValueError, match="visibility_key must name a label field of BboxParams or KeypointParams"):
            boxed(transform)(**given)
        assert (image == 100).all()


if X:

    class TestBoundAnnotations:
        """In AlbumentationsX, labels of boxes that are bound to masks or frames are found too."""

        PARAMS = A.BboxParams(coord_format="pascal_voc", label_fields=["labels", "visibility"])
        OPTIONS = {"object_classes": ("face",), "visibility_key": "visibility", "boxes": "keep"}  # noqa: RUF012

        def part(self, box, label):
            """Return a box as instance binding takes it."""
            return {"mask": grey(48, 64), "bbox": box, "bbox_labels": {"labels": label, "visibility": 1.0}}

        def test_instances(self):
            """Each instance gets its share, and only those of some label are spared."""
            compose = A.Compose(
                [keyed(SPARING, **self.OPTIONS)], bbox_params=self.PARAMS, instance_binding=["masks", "bboxes"]
            )
            parts = [self.part([4, 4, 30, 24], "face"), self.part([32, 20, 60, 44], "wall")]
            found = compose(image=photos()[0], instances=parts, **call_at(0))
            objects = [[4, 4, 24, 30]]
            (hidden,) = sample_rectangles(
                SPARING, height=48, width=64, **{**at(0), "index": [at(0)["index"]]}, objects=[objects]
            ).hidden([[*objects, [20, 32, 44, 60]]])

            assert (found["image"] == add_dust(photos()[0], SPARING, **at(0), objects=objects)).all()
            assert [part["bbox_labels"]["visibility"] for part in found["instances"]] == list(np.float32(1 - hidden))
            assert 0 < hidden[1] < 1

        def test_frames(self):
            """The boxes of all frames are spared, as the frames share their dust."""
            compose = A.Compose(
                [keyed(SPARING, **self.OPTIONS)], bbox_params=self.PARAMS, frame_binding=("images", "frame_annotations")
            )
            boxes = [[[4, 4, 30, 24]], [[32, 20, 60, 44], [2, 30, 20, 46]]]
            labels = [["face"], ["wall", "face"]]
            frames = [
                {"bboxes": np.array(each, np.float32), "labels": names, "visibility": [1.0] * len(each)}
                for each, names in zip(boxes, labels, strict=True)
            ]
            found = compose(images=photos()[:2], frame_annotations=frames, **call_at(0))
            objects = [[4, 4, 24, 30], [30, 2, 46, 20]]
            for frame, dusted in zip(photos()[:2], found["images"], strict=True):
                assert (dusted == add_dust(frame.copy(), SPARING, **at(0), objects=objects)).all()
            assert found["frame_annotations"][0]["visibility"][0] >= 0.9
            assert 0 < found["frame_annotations"][1]["visibility"][0] < 1


class TestErrors:
    """What is forgotten or does not fit is said before anything is painted."""

    @pytest.mark.parametrize(
        ("options", "given", "message"),
        [
            (
                {},
                {},
                r'mask must be given in each call with center="guide".*, got image, index, epoch: type .*center="n',
            ),
            ({"guide_key": "heat"}, {"heat": None}, "heat must be given in each call"),
            (
                {"guide_key": "bboxes"},
                {"bboxes": [[0, 0, 9, 9]]},
                "bboxes must be given in .* Compose .*no bbox_params",
            ),
            ({"guide_key": "heat"}, {"heat": np.ones((4, 4))}, "guide must be uint8 or bool, got an array of float64"),
            (
                {"guide_key": "heat"},
                {"heat": np.ones((2, 4, 4), bool)},
                r"guide must have shape \(rows, columns\), got",
            ),
            ({"protected_classes": (1,)}, {}, "bboxes must be given in each call of a Compose"),
        ],
    )
    def test_a_guide_that_does_not_fit(self, options, given, message):
        """The image stays as it is, in place too."""
        image = grey(30, 40)
        with pytest.raises((TypeError, ValueError), match=message):
            keyed(GUIDED, inplace=True, **options)(image=image, **given, **call_at(0))
        assert (image == 100).all()

    @pytest.mark.parametrize(
        ("options", "given", "message"),
        [
            ({}, {}, r"bboxes must be given in each call with max_hidden, as the objects, got .*max_hidden=None"),
            ({"objects_key": "things"}, {"things": [[9, 9, 3, 3]]}, "things must not be reversed"),
            ({"objects_key": "things"}, {"things": [[0.5, 0, 3, 3]]}, "things must be an array of whole numbers"),
            (
                {"objects_key": "things", "object_classes": (1,)},
                {"things": [[0, 0, 3, 3]]},
                "things must be bounding boxes with labels if object_classes are given",
            ),
        ],
    )
    def test_objects_that_do_not_fit(self, options, given, message):
        """The image stays as it is, in place too."""
        image = grey(30, 40)
        with pytest.raises((TypeError, ValueError), match=message):
            keyed(SPARING, inplace=True, **options)(image=image, **given, **call_at(0))
        assert (image == 100).all()

    def test_boxes_of_a_batch_are_refused(self):
        """Nobody knows to which image of a batch a box belongs; a list with the objects of each image does."""
        given = {"images": photos(), "bboxes": [[1, 1, 9, 9]], "labels": [1], **call_at(0)}
        for options in ({"spec": SPARING}, {"spec": GUIDED, "guide_key": "bboxes"}):
            with pytest.raises(
                ValueError, match="bboxes must belong to one image, got 6 images with dust of their own"
            ):
                boxed(keyed(**options, same_on_batch=False, boxes="keep"))(**given)
        transform = keyed(SPARING, objects_key="objects", same_on_batch=False)
        with pytest.raises(ValueError, match="objects must be a list with the boxes .* of each of 6 images, got 1 of"):
            transform(images=photos(), objects=[[[1, 1, 9, 9]]], **call_at(0))

    def test_a_coarse_guide_cannot_spare_boxes(self):
        """A guide of another resolution does not know where the pixels of a box are."""
        transform = keyed(GUIDED, guide_key="heat", protected_classes=(1,), boxes="keep")
        with pytest.raises(
            ValueError, match=r"heat must be of the images' size \(48, 64\) with protected_classes, got"
        ):
            boxed(transform)(
                image=photos()[0], heat=np.ones((7, 7), bool), bboxes=[[1, 1, 9, 9]], labels=[1], **call_at(0)
            )

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"guide_key": "mask"}, "guide_key must be given with center=\"guide\", got center='normal': type center="),
            ({"protected_classes": (1,)}, 'protected_classes must be given with center="guide"'),
            (
                {"objects_key": "boxes"},
                "objects_key must be given with max_hidden or per_object, got a spec without: type max_hidden",
            ),
            ({"center": "guide", "guide_key": 3}, "guide_key must be the name of an argument of the call, got 3"),
            ({"center": "guide", "guide_classes": 3}, "guide_classes must be a tuple of numbers or strings, got 3"),
            ({"center": "guide", "guide_classes": ()}, "guide_classes must be a tuple of numbers or strings"),
            ({"center": "guide", "guide_classes": (True,)}, "guide_classes must be a tuple of numbers or strings"),
            ({"center": "guide", "protected_margin": 3}, "protected_margin must be given with protected_classes"),
            (
                {"center": "guide", "protected_classes": (1,), "protected_margin": -1},
                "protected_margin must be from 0 to 65535, got -1",
            ),
            (
                {"center": "guide", "protected_classes": (1,), "guide_classes": (2,)},
                "guide_classes must be given with guide_key if protected_classes are",
            ),
            ({"visibility_key": 1}, "visibility_key must be the name of a label field, got 1"),
        ],
    )
    def test_options_that_do_nothing_are_refused(self, options, message):
        """A transform cannot be made with them."""
        with pytest.raises((TypeError, ValueError)) as error:
            DustRectangles(**options)
        assert message in str(error.value)

    if X:

        def test_oriented_boxes_are_refused_where_boxes_are_read(self):
            """AlbumentationsX says so when the pipeline is made; where boxes are not read they stay as they are."""
            params = A.BboxParams(coord_format="pascal_voc", bbox_type="obb", label_fields=["labels"])
            for options in (
                {"max_hidden": 0.4}, {"center": "guide", "guide_key": "bboxes"}, {"visibility_key": "labels"}
            ):  # fmt: skip
                with pytest.raises(ValueError, match="do not support OBB"):
                    A.Compose([DustRectangles(**options, boxes="keep", p=1)], bbox_params=params)
            compose = A.Compose([DustRectangles(center="guide", boxes="keep", p=1)], bbox_params=params)
            found = compose(image=grey(30, 40), mask=np.ones((30, 40)), bboxes=[[1, 1, 9, 9, 30]], labels=[1])

            assert len(found["bboxes"]) == 1


class TestReplay:
    """A replay repeats what was drawn from the guide and the objects of the recorded call."""

    def test_a_replay_paints_the_same(self):
        """The guide, which lay in another argument, need not be given again."""
        transform = keyed(dust(center="guide", max_hidden=0.2), guide_key="guide", objects_key="objects", fill_mask=9)
        spec, terms = guided.CASES["both"]
        given = {"image": photos()[0], "mask": np.zeros((guided.HEIGHT, guided.WIDTH), np.uint8)}
        recorded = A.ReplayCompose([transform])(
            **given, guide=terms["guide"][0], objects=terms["objects"][0], **call_at(0)
        )
        again = A.ReplayCompose.replay(recorded["replay"], **given)

        assert transform.spec == spec
        assert (recorded["image"] == guided.expected("both")[0]).all()
        assert (again["image"] == recorded["image"]).all()
        assert (again["mask"] == recorded["mask"]).all()
        assert (again["mask"] == 9).any()
