"""Pipelines of Albumentations that are saved, loaded or replayed paint the same."""

import io
import pickle

import albumentations as A
import numpy as np
import pytest

from albumentations_helpers import DENSE, FORMAT, X, always, drawn, expected, grey, seeded
from dustaug import Schedule, Spec, cutout, dust, random_erasing
from dustaug.albumentations import DustRectangles


class TestSerialisation:
    """A transform survives dictionaries, JSON, YAML and pickles, and its repr is its call."""

    TRANSFORMS = [  # noqa: RUF012
        {},
        {"count_range": (3, 9), "side_range": (4, 8), "fill": "constant", "fill_value": (1, 2, 3), "p": 0.7},
        {"spec": random_erasing(), "fill_mask": 255, "boxes": "keep", "same_on_batch": False, "inplace": True},
        {"spec": cutout(9), "seed": 2**64 - 1, "index_key": "index", "epoch_key": "epoch", "fill_mask": (1, 2.5)},
        {"spec": dust(normalize_mean=(0.5,), normalize_std=(0.2,)), "value_range": (0, 255)},
        {"spec": dust(max_hidden=0.4), "objects_key": "things", "visibility_key": "visibility"},
        {
            "center": "guide",
            "guide_key": "heat",
            "guide_classes": (1, 7),
            "max_hidden": 0.5,
            "object_classes": ("bird",),
        },
        {
            "spec": Schedule(dust(), p=Schedule.linear(0, 1, epochs=9)),
            "seed": 7,
            "index_key": "index",
            "epoch_key": "epoch",
        },
        {"spec": dust(center="guide"), "protected_classes": ("face", 3), "protected_margin": 9},
    ]

    @pytest.mark.parametrize("arguments", TRANSFORMS)
    @pytest.mark.parametrize("composed", [False, True])
    def test_round_trips_give_an_equal_transform(self, arguments, composed, tmp_path):
        """A dictionary, JSON, YAML and a pickle give back an equal transform."""
        transform = A.Compose([DustRectangles(**arguments)]) if composed else DustRectangles(**arguments)
        fields = A.to_dict(transform)
        for kind in ("json", "yaml"):
            A.save(transform, tmp_path / kind, data_format=kind)
        copies = [
            A.from_dict(fields),
            A.load(tmp_path / "json", data_format="json"),
            A.load(tmp_path / "yaml", data_format="yaml"),
            pickle.loads(pickle.dumps(transform)),
        ]
        for copy in copies:
            assert type(copy) is type(transform)
            assert fields == A.to_dict(copy)
            leaf, original = (each[0] if composed else each for each in (copy, transform))
            assert (leaf.spec, leaf.value_range, leaf.fill_mask) == (
                original.spec, original.value_range, original.fill_mask
            )  # fmt: skip
            assert repr(leaf) == repr(original)

    def test_the_copies_paint_the_same(self):
        """A copy from a dictionary paints the same pixels."""
        copy = A.from_dict(A.to_dict(A.Compose([seeded()])))

        assert (expected(grey(30, 40, 3), index=5) == copy(image=grey(30, 40, 3), index=5, epoch=0)["image"]).all()

    def test_only_plain_values_are_written(self):
        """The dictionary holds only values that JSON and YAML can store."""

        def check(value):
            if isinstance(value, dict):
                assert all(isinstance(name, str) for name in value)
                value = list(value.values())
            if isinstance(value, list):
                for item in value:
                    check(item)
            else:
                assert value is None or type(value) in (bool, int, float, str)

        for arguments in self.TRANSFORMS:
            check(A.to_dict(DustRectangles(**arguments)))

    @pytest.mark.parametrize("arguments", TRANSFORMS)
    def test_repr_is_the_call(self, arguments):
        """The repr of a transform is the call that makes it."""
        transform = DustRectangles(**arguments)

        assert repr(transform) == repr(eval(repr(transform)))  # noqa: S307
        assert repr(DustRectangles(cutout(3), p=1)).startswith("DustRectangles(p=1.0, spec=Spec(count_range=(1, 1), ")
        assert "DustRectangles(p=" in repr(A.Compose([transform]))

    def test_a_buffer_will_do(self):
        """A transform can be saved to a buffer and loaded from it."""
        buffer = io.StringIO()
        A.save(seeded(), buffer, data_format="json")
        buffer.seek(0)

        assert A.to_dict(A.load(buffer, data_format="json")) == A.to_dict(seeded())


class TestReplay:
    """The rectangles of a call can be read, and painted again."""

    @pytest.mark.parametrize("spec", [DENSE, DENSE.replace(fill="noise"), DENSE.replace(fill="color")])
    def test_a_replay_paints_the_same(self, spec):
        """A replay repeats pixels, masks and boxes."""
        compose = A.ReplayCompose(
            [A.HorizontalFlip(p=0.5), always(spec, fill_mask=1)],
            bbox_params=A.BboxParams(**{FORMAT: "pascal_voc"}, label_fields=[]),
        )
        data = {"image": grey(30, 40, 3), "mask": np.zeros((30, 40)), "bboxes": np.array([[9.0, 9, 30, 25]])}
        result = compose(**data)
        again = A.ReplayCompose.replay(result["replay"], **data)

        assert (result["image"] != 100).any()
        for name in data:
            assert (result[name] == again[name]).all()

    def test_a_replay_of_a_seed_needs_no_index(self):
        """A replay keeps the rectangles, so no index is needed."""
        result = A.ReplayCompose([seeded()])(image=grey(30, 40, 3), index=5, epoch=2)
        again = A.ReplayCompose.replay(result["replay"], image=grey(30, 40, 3))["image"]

        assert (expected(grey(30, 40, 3), index=5, epoch=2) == again).all()

    def test_a_replay_keeps_whether_there_was_dust(self):
        """A replay does not toss the coin of p again."""
        compose = A.ReplayCompose([DustRectangles(DENSE)])
        for _ in range(20):
            result = compose(image=grey(30, 40))
            again = A.ReplayCompose.replay(result["replay"], image=grey(30, 40))

            assert (result["image"] == again["image"]).all()

    def test_a_replay_on_another_size_is_an_error(self):
        """A replay needs images of the size that its rectangles were drawn for."""
        replay = A.ReplayCompose([always()])(image=grey(30, 40))["replay"]
        with pytest.raises(ValueError, match=r"a replay must get images of \(30, 40\) pixels, got \(31, 40\)"):
            A.ReplayCompose.replay(replay, image=grey(31, 40))

    @pytest.mark.parametrize("spec", [DENSE, DENSE.replace(fill="color"), Spec(p=0.5)])
    @pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
    def test_the_applied_parameters_have_the_rectangles(self, spec, shape):
        """The parameters hold all rectangles and their fills, which are enough to paint them."""
        transform = always(spec)
        image = transform(image=np.zeros(shape, np.uint8))["image"]
        params = drawn(transform)
        painted = np.zeros(shape, np.uint8)
        for (left, top, right, bottom), fill in zip(params["holes"], params["fills"], strict=True):
            painted[top:bottom, left:right] = fill

        assert params["holes"].dtype.kind == "i"
        assert params["holes"].shape == (len(params["fills"]), 4)
        assert (params["hole_images"] == 0).all()
        assert (painted == image).all()

    def test_the_rectangles_of_a_batch_say_to_which_image_they_belong(self):
        """Each rectangle of a batch has the position of its image."""
        transform = always(same_on_batch=False)
        images = transform(images=np.zeros((3, 30, 40), np.uint8))["images"]
        params = drawn(transform)
        painted = np.zeros((3, 30, 40), np.uint8)
        for image, (left, top, right, bottom), fill in zip(
            params["hole_images"], params["holes"], params["fills"], strict=True
        ):
            painted[image, top:bottom, left:right] = fill

        assert (painted == images).all()

    if X:

        def test_a_replay_inside_of_a_pipeline_works(self):
            """AlbumentationsX hands the state of the outer call to the replay."""
            result = A.Compose([A.ReplayCompose([always()])])(image=grey(30, 40, 3))
            again = A.ReplayCompose.replay(result["replay"], image=grey(30, 40, 3))

            assert (result["image"] == again["image"]).all()

    def test_nothing_applied_is_nothing_shown(self):
        """If p decides against a call, it has no parameters."""
        transform = DustRectangles(p=0)
        transform(image=grey(30, 40))

        assert {} == transform.get_applied_params()

    def test_compose_saves_them(self):
        """save_applied_params keeps the rectangles, or in AlbumentationsX what rebuilds the pipeline."""
        result = A.Compose([always(), seeded()], save_applied_params=True)(image=grey(30, 40, 3), index=5, epoch=0)
        (name, params), _ = result["applied_transforms"]
        if X:
            copy = A.Compose.from_applied_transforms(result["applied_transforms"])

            assert [A.to_dict(transform) for transform in copy.transforms] == [
                A.to_dict(transform) for transform in (always(), seeded())
            ]
        else:
            assert name == "DustRectangles"
            assert params["holes"].shape[1] == 4
