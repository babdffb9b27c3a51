"""The Albumentations transform takes many arrays and arguments, changes none unasked, and refuses the others."""

import doctest
import tracemalloc

import albumentations as A
import numpy as np
import pytest
import torch

import dustaug.albumentations
from albumentations_helpers import X, always, expected, grey, seeded
from dustaug import Spec, cutout, dust
from dustaug.albumentations import DustRectangles
from many_sizes import SIZES, entries_of_caches
from strategies import range_of


class TestInputs:
    """Arrays of every dtype and memory are taken, and are changed only on request."""

    @pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3), (20, 30, 20)])
    @pytest.mark.parametrize("dtype", [np.dtype(code) for code in "?BHIQbhiqefd"])
    def test_every_dtype_and_any_channels(self, dtype, shape):
        """The transform takes all arrays that add_dust() takes, alone and inside a Compose."""
        image = np.zeros(shape, dtype)
        layout = "HW" if len(shape) == 2 else "HWC"
        value_range = range_of(dtype)
        for transform in (seeded(value_range=value_range), A.Compose([seeded(value_range=value_range)])):
            result = transform(image=image, index=5, epoch=0)["image"]

            assert (result.dtype, result.shape) == (image.dtype, shape)
            assert (expected(image, index=5, layout=layout, value_range=value_range) == result).all()
            assert result.any()

    def test_floats_are_white_at_one_unless_told(self):
        """White is 1 in floats, or the upper end of a given value range."""
        image = np.zeros((64, 64, 3), np.float32)

        assert 0.8 < seeded()(image=image, index=5, epoch=0)["image"].max() <= 1
        assert 200 < seeded(value_range=(0, 255))(image=image, index=5, epoch=0)["image"].max() <= 255
        with pytest.warns(UserWarning, match="taken to lie in"):
            seeded()(image=image + 255, index=5, epoch=0)

    def test_other_objects_are_refused(self):
        """The errors have the words of add_dust()."""
        with pytest.raises(TypeError, match="images must hold numbers, got an array of object"):
            seeded()(image=np.full((4, 4), None), index=0, epoch=0)

    @pytest.mark.parametrize("kind", ["image", "images", "volume", "volumes"])
    @pytest.mark.parametrize("look", ["plain", "strided", "flipped", "read-only"])
    def test_no_input_is_changed(self, kind, look):
        """The result is right and shares no memory with the input, whatever its strides are."""
        shape = {"image": (), "images": (2,), "volume": (4,), "volumes": (2, 4)}[kind]
        for compose in (seeded(), A.Compose([seeded()])):
            base = grey(*shape, 30, 80, 3)
            array = {"strided": base[..., ::2, :], "flipped": base[..., :40, ::-1]}.get(look, base[..., :40, :].copy())
            array.flags.writeable = look != "read-only"
            result = compose(**{kind: array}, index=5, epoch=0)[kind]

            assert (result == expected(grey(30, 40, 3), index=5)).all()
            assert (base == 100).all()
            assert (array == 100).all()
            assert not np.shares_memory(result, array)

    @pytest.mark.parametrize("kind", ["image", "images", "volume", "volumes", "mask", "mask3d", "masks3d"])
    def test_inplace_changes_the_array_itself(self, kind):
        """With inplace=True, images and masks are painted in the caller's memory."""
        shape = {"image": (), "mask": (), "images": (2,), "volume": (4,), "mask3d": (4,)}.get(kind, (2, 4))
        array = grey(*shape, 30, 40, 1)
        data = {kind: array, **({} if "mask" not in kind else {"image": grey(30, 40, 1)})}
        result = seeded(inplace=True, fill_mask=1)(**data, index=5, epoch=0)[kind]

        assert np.shares_memory(result, array)
        assert (array != 100).any()

    def test_inplace_reaches_through_strides(self):
        """A crop of a larger array is painted where it lies."""
        base = grey(60, 80, 3)
        seeded(inplace=True)(image=base[10:40, 20:60], index=5, epoch=0)

        assert (expected(grey(30, 40, 3), index=5) == base[10:40, 20:60]).all()
        assert (base[:10] == 100).all()

    @pytest.mark.parametrize("part", [np.s_[10:40, 20:60], np.s_[::2], np.s_[:, ::-1]], ids=["crop", "steps", "flip"])
    def test_inplace_in_a_pipeline_of_views(self, part):
        """AlbumentationsX copies what is not contiguous before the transform sees it; 2.0.8 does not."""
        base = grey(60, 80, 3)
        dusty = expected(base[part], index=5)
        result = A.Compose([seeded(inplace=True)])(image=base[part], index=5, epoch=0)["image"]

        assert (dusty == result).all()
        assert (base[part] == (100 if X else dusty)).all()

    def test_inplace_refuses_what_must_not_be_written(self):
        """Read-only memory, such as a memory map or an array of Ray's, is refused and stays as it is."""
        image, mask, frames = grey(30, 40, 3), grey(30, 40), grey(2, 30, 40)
        for name, array in (("image", image), ("mask", mask), ("images", frames)):
            array.flags.writeable = False
            data = {name: array, **({"image": grey(30, 40)} if name == "mask" else {})}
            with pytest.raises(ValueError, match="writable with inplace=True, got a read-only one: leave inplace out"):
                seeded(inplace=True, fill_mask=1)(**data, index=5, epoch=0)
            assert (array == 100).all()

    def test_there_is_one_copy_and_no_second_one(self):
        """A call allocates memory for one image, and not for a second one."""
        image, compose = grey(1000, 1000, 3), A.Compose([always()])
        compose(image=image)
        tracemalloc.start()
        compose(image=image)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 1.1 * image.nbytes

    def test_tensors_come_back_as_tensors(self):
        """AlbumentationsX takes CHW tensors; 2.0.8 takes none."""
        if X:
            result = A.Compose([seeded()])(image=torch.full((3, 30, 40), 100, dtype=torch.uint8), index=5, epoch=0)

            assert (expected(grey(30, 40, 3), index=5) == result["image"].numpy().transpose(1, 2, 0)).all()
        else:
            with pytest.raises(TypeError, match="image must be numpy array type"):
                A.Compose([seeded()])(image=torch.zeros(3, 30, 40), index=5, epoch=0)


class TestArguments:
    """The constructor takes a spec and options, and refuses wrong ones."""

    def test_a_spec_or_its_fields(self):
        """The constructor takes a spec or its fields, as in every adapter."""
        assert DustRectangles(cutout(9)).spec == cutout(9)
        assert DustRectangles(count_range=(0, 63)).spec == Spec(count_range=(0, 63))
        assert DustRectangles().spec == dust()

    @pytest.mark.parametrize(
        ("error", "message", "arguments"),
        [
            (TypeError, "fields of Spec must be known, got num_holes_range", {"num_holes_range": (1, 3)}),
            (TypeError, "spec must be given alone, got count_range too", {"spec": dust(), "count_range": (1, 3)}),
            (TypeError, "spec must be a dustaug.Spec, got int", {"spec": 3}),
            (ValueError, "count_range must not be reversed", {"count_range": (3, 1)}),
            (ValueError, "p must be a number from 0 to 1, got 1.5", {"p": 1.5}),
            (ValueError, "p must be a number from 0 to 1, got nan", {"p": float("nan")}),
            (TypeError, "p must be a number, got 'often'", {"p": "often"}),
            (ValueError, "boxes must be 'clip' or 'keep', got 'drop'", {"boxes": "drop"}),
            (TypeError, "inplace must be True or False, got 1", {"inplace": 1}),
            (TypeError, "same_on_batch must be True or False, got 'no'", {"same_on_batch": "no"}),
            (TypeError, "fill_mask must be a number or a tuple of numbers, .* got 'random'", {"fill_mask": "random"}),
            (TypeError, "fill_mask must be a number or a tuple of numbers, .* got True", {"fill_mask": True}),
            (TypeError, "fill_mask must be a number or a tuple of numbers, .* got \\(\\)", {"fill_mask": ()}),
            (ValueError, "value_range must be two finite numbers, the smaller first", {"value_range": (1, 0)}),
            (TypeError, "value_range must be a tuple of two numbers, got 255", {"value_range": 255}),
            (TypeError, 'index_key must be given with a seed.*index_key="index".*leave seed out', {"seed": 3}),
            (TypeError, "seed must be given with index_key, got none", {"index_key": "index"}),
            (TypeError, "seed must be given with epoch_key, got none", {"epoch_key": "epoch"}),
            (TypeError, "index_key must be the name of an argument of the call", {"seed": 3, "index_key": 3}),
            (ValueError, "seed must be from 0 to 18446744073709551615, got -1", {"seed": -1, "index_key": "index"}),
            (TypeError, "seed must be a whole number, got 'x'", {"seed": "x", "index_key": "index"}),
        ],
    )  # fmt: skip
    def test_errors_say_what_must_hold(self, error, message, arguments):
        """Wrong arguments raise at construction, and never only warn."""
        with pytest.raises(error, match=message):
            DustRectangles(**arguments)

    def test_arguments_have_names(self):
        """Only the spec may be given by position."""
        with pytest.raises(TypeError, match="positional"):
            DustRectangles(dust(), 255)

    def test_calls_name_their_targets(self):
        """A call with an unnamed image is refused, as everywhere in Albumentations."""
        with pytest.raises(KeyError, match="named arguments"):
            always()(grey(4, 4))

    def test_the_examples_of_the_docstring_run(self):
        """All examples run, though those of Albumentations' base class call functions that do not exist."""
        assert doctest.testmod(dustaug.albumentations) == (0, 6)

    def test_sizes_share_a_launch(self):
        """After 1,000 sizes the engine keeps no more than after one (AlbumentationsX describes 4,096 inputs itself)."""
        transform = DustRectangles(p=1)
        transform(image=grey(7, 7))
        entries = entries_of_caches()
        for height, width in SIZES[:1000]:
            transform(image=grey(height, width))

        assert entries_of_caches() == entries
