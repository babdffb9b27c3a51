"""occlusion_map() shows what is known of toy models."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dustaug
from toy_models import HEIGHT, WIDTH, brightness, map_of, pictures


class TestOcclusionMap:
    """occlusion_map() shows where a model looks."""

    @pytest.mark.parametrize("layout", ["HWC", "CHW", "HW"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32])
    def test_it_lights_up_where_the_model_looks(self, layout, dtype):
        """A model that reads one pixel has heat on the patches over it, and nowhere else."""
        white = 255 if dtype == np.uint8 else 1
        image = np.full({"HWC": (9, 12, 3), "CHW": (3, 9, 12), "HW": (9, 12)}[layout], white, dtype)
        place = {"HWC": (slice(None), 4, 7, 0), "CHW": (slice(None), 0, 4, 7), "HW": (slice(None), 4, 7)}[layout]

        def predict(batch):
            return np.stack([batch[place] / white, np.full(len(batch), -1.0)], axis=1)

        found = map_of(image, predict, patch=3, stride=3, fill_value=0, layout=layout)
        expected = np.zeros((9, 12))
        expected[3:6, 6:9] = 1

        assert (found.heat == expected).all()
        assert (found.target, found.score) == (0, 1)

    @pytest.mark.parametrize(("patch", "stride"), [(1, 1), (4, 3), (5, 2), (12, 12), (3, 1)])
    def test_it_equals_a_plain_loop(self, patch, stride):
        """A plain loop over patches gives the same heat."""
        image = pictures(HEIGHT, WIDTH, 3)
        falls, n = np.zeros((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))
        tops = sorted({*range(0, HEIGHT - patch, stride), HEIGHT - patch})
        lefts = sorted({*range(0, WIDTH - patch, stride), WIDTH - patch})
        clean = brightness(image[None])[0, 2]
        for top in tops:
            for left in lefts:
                occluded = image.copy()
                occluded[top : top + patch, left : left + patch] = 51
                falls[top : top + patch, left : left + patch] += clean - brightness(occluded[None])[0, 2]
                n[top : top + patch, left : left + patch] += 1

        found = map_of(image, target=2, patch=patch, stride=stride, fill_value=51)

        assert (n > 0).all()
        assert (found.heat == falls / n).all()

    @settings(max_examples=10)
    @given(st.integers(1, 99))
    def test_the_batch_size_changes_nothing(self, batch_size):
        """The heat is the same however the patches are split into batches."""
        assert (map_of(patch=4).heat == map_of(patch=4, batch_size=batch_size).heat).all()

    def test_no_batch_is_larger_than_asked(self):
        """The model never gets more images at once than batch_size."""
        sizes = []

        def predict(batch):
            sizes.append(len(batch))
            return brightness(batch)

        map_of(predict=predict, patch=4, stride=4, batch_size=8)

        assert sizes == [1, 8, 7]

    def test_defaults(self):
        """The patch is an eighth of the shorter side, the stride is half of it, the target is the predicted class."""
        image = pictures(40, 56, 3)

        found = map_of(image)

        assert (found.patch, found.stride) == (5, 2)
        assert found.target == brightness(image[None]).argmax()
        assert map_of(pictures(7, 9)).patch == 1

    def test_its_guide_lays_dust_where_the_score_falls(self):
        """The hottest pixel has the weight 255, others their share of it, and where the score rises the weight is 0."""
        found = map_of(pictures(40, 56, 3))
        assert found.heat.min() < 0 < found.heat.max()

        guide = found.guide()

        assert guide.dtype == np.uint8
        assert (guide == np.floor(found.heat.clip(0) / found.heat.max() * 255 + 0.5)).all()
        dusted = dustaug.add_dust(
            np.zeros((40, 56), np.uint8),
            dustaug.dust(center="guide", count_range=(31, 31), side_range=(1, 1), fill="constant", fill_value=255),
            seed=7,
            index=0,
            guide=guide,
        )
        assert (dusted > 0).sum() > 20
        assert guide[dusted > 0].min() > 0

    def test_a_map_without_falls_guides_no_dust(self):
        """Where the score never falls, all weights are 0."""
        found = dataclasses.replace(map_of(), heat=np.array([[0.0, -1.0]]))

        assert not found.guide().any()

    def test_a_target_may_be_chosen(self):
        """Two scores of this model are opposite, and so are their maps."""
        assert map_of(target=0).heat == pytest.approx(-map_of(target=2).heat)
        with pytest.warns(UserWarning, match="^the score of class 1 stays at 0.5 wherever the patch lies"):
            assert map_of(target=np.int64(1)).heat.max() == 0

    def test_a_fill_may_have_one_number_per_channel(self):
        """The patch is painted in that colour, in the image's own range."""
        seen = []

        def predict(batch):
            seen.append(batch.copy())
            return brightness(batch)

        map_of(
            pictures(6, 6, 3, dtype=np.float64) * 100,
            predict,
            patch=6,
            fill_value=(0, 51, 255),
            value_range=(0, 100),
        )

        assert [0, 20, 100] == seen[1][0, 3, 3].tolist()

    def test_the_image_stays_as_it_is(self):
        """A read-only image can be mapped, and a careless model changes nothing."""
        image = pictures(HEIGHT, WIDTH, 3)
        before, expected = image.copy(), map_of(image).heat
        image.flags.writeable = False

        def predict(batch):
            scores = brightness(batch)
            batch[:] = 0
            return scores

        assert (map_of(image, predict).heat == expected).all()
        assert (image == before).all()

    @pytest.mark.parametrize(
        ("shape", "layout", "expected"),
        [
            ((6, 7), None, (6, 7)),
            ((6, 7, 1), None, (6, 7)),
            ((6, 7, 2), None, (6, 7)),
            ((6, 7, 3), None, (6, 7, 3)),
            ((6, 7, 4), None, (6, 7, 3)),
            ((3, 6, 7), "CHW", (6, 7, 3)),
            ((9, 6, 7), "CHW", (6, 7)),
        ],
    )
    def test_the_picture_can_be_drawn(self, shape, layout, expected):
        """The picture is grey or RGB, with values from 0 to 1, whatever the channels are."""
        image = pictures(*shape)
        found = map_of(image, layout=layout)

        assert found.picture.shape == expected
        assert 0 <= found.picture.min() <= found.picture.max() <= 1
        if shape == expected:
            assert (found.picture == image / 255).all()
