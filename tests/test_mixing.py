"""Partners are a keyed permutation, labels are mixed by shares, and shares are those of the pixels that are hidden."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from dustaug import (
    Rectangles,
    add_dust,
    cutmix,
    cutout,
    dust,
    grid_mask,
    mix_labels,
    partner_of,
    patch_drop,
    random_erasing,
    sample_rectangles,
)

KEYS = [(0, 0), (7, 1), (2**64 - 1, 2**32 - 1)]


class TestPartners:
    """Which image is the donor of which."""

    @pytest.mark.parametrize(("seed", "epoch"), KEYS)
    @pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 64, 65, 1000])
    def test_partners_are_a_permutation_and_that_of_the_contract(self, n, seed, epoch):
        """Each number is the partner of one number, and a plain computation finds the same."""
        partners = partner_of(seed, epoch, np.arange(n), n)

        assert partners.dtype == np.int64
        assert sorted(partners.tolist()) == list(range(n))
        assert partners[:70].tolist() == [reference.partner(seed, epoch, n, i) for i in range(min(n, 70))]

    @pytest.mark.parametrize("n", [2**24, 2**24 + 1, 2**32, 2**40, 2**62 + 1, 2**63])
    def test_partners_among_many_are_distinct_and_those_of_the_contract(self, n):
        """Among 2**24 and more, a sample has partners in range, all different, and those of the plain computation."""
        index = np.array([*range(20), n // 3, n - 2, n - 1], np.uint64)
        partners = partner_of(9, 2, index, n)

        assert partners.tolist() == [reference.partner(9, 2, n, i) for i in index.tolist()]
        assert 0 <= partners.min() <= partners.max() < n

    def test_those_of_many_numbers_are_distinct(self):
        """More numbers than are computed at once have different partners among 2**40, also where they lie close."""
        partners = partner_of(1, 0, np.arange(150_000), 2**40)

        assert len(np.unique(partners)) == 150_000
        assert 0 <= partners.min() <= partners.max() < 2**40

    def test_a_whole_data_set_is_permuted(self):
        """The partners of 100,003 images are all of them."""
        assert (np.sort(partner_of(3, 4, np.arange(100_003), 100_003)) == np.arange(100_003)).all()

    def test_the_form_of_the_index_is_kept(self):
        """A number gives an int, and an array of any shape and dtype one of its shape."""
        alone = partner_of(7, 0, 4, 10)

        assert type(alone) is int
        assert alone == partner_of(7, 0, np.uint8(4), 10) == partner_of(7, 0, np.array(4), 10)
        assert partner_of(7, 0, [[4, 1]], 10).shape == (1, 2)
        assert partner_of(7, 0, [[4, 1]], 10)[0, 0] == alone
        assert partner_of(7, 0, [], 10).shape == (0,)

    def test_every_key_gives_another_permutation(self):
        """Seeds that differ in one word, epochs and numbers of images give other partners."""
        index = np.arange(100)
        found = {
            partner_of(seed, epoch, index, n).tobytes()
            for seed, epoch, n in [(0, 0, 100), (1, 0, 100), (2**32, 0, 100), (0, 1, 100), (0, 0, 101)]
        }

        assert len(found) == 5

    def test_partners_are_spread_evenly(self):
        """Over 1,500 epochs each of six images is the partner of each as often as chance allows, within six sigma."""
        counts = np.zeros((6, 6))
        for epoch in range(1500):
            counts[np.arange(6), partner_of(5, epoch, np.arange(6), 6)] += 1

        assert abs(counts - 1500 / 6).max() < 6 * np.sqrt(1500 * 5 / 36)

    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"seed": -1}, ValueError, "seed must be from 0 to 18446744073709551615, got -1"),
            ({"epoch": 2**32}, ValueError, "epoch must be from 0 to 4294967295, got 4294967296"),
            ({"n": 0}, ValueError, "n must be from 1 to 9223372036854775808, got 0"),
            ({"n": 5.0}, TypeError, "n must be a whole number, got 5.0"),
            ({"index": 10}, ValueError, "index must be from 0 to 9, got 10"),
            ({"index": [3, 10]}, ValueError, "index must be from 0 to 9, got 10"),
            ({"index": [-1, 3]}, ValueError, "index must be from 0 to 9, got -1"),
            ({"index": [0.5]}, TypeError, r"index must be a whole number or an array of them, got \[0.5\]"),
            ({"index": "a"}, TypeError, "index must be a whole number or an array of them, got 'a'"),
        ],
    )
    def test_odd_arguments_are_refused(self, changed, error, message):
        """The error tells which argument is wrong, and its limits."""
        with pytest.raises(error, match=f"^{message}"):
            partner_of(**{"seed": 0, "epoch": 0, "index": 0, "n": 10, **changed})


class TestLabels:
    """Soft labels of two images."""

    def test_labels_are_mixed_by_the_share(self):
        """The share goes to the donor's class, and the rest stays with the own one; equal classes keep 1."""
        mixed = mix_labels([0, 2, 1], [1, 2, 0], [0.25, 0.7, 0.0], n_classes=3)

        assert mixed.dtype == np.float32
        assert mixed.tolist() == [[0.75, 0.25, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]

    @given(st.data())
    def test_classes_and_one_hot_labels_give_the_same(self, data):
        """Whole numbers and one-hot labels give the same, and all rows sum to one."""
        n, k = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 4))
        rows = st.lists(st.integers(0, k - 1), min_size=n, max_size=n)
        own, other = np.array(data.draw(rows), np.int64), np.array(data.draw(rows), np.int64)
        share = np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)), np.float64)
        hot = np.eye(k)
        mixed = mix_labels(own, other, share, k)

        assert mixed.shape == (n, k)
        assert (mixed == mix_labels(hot[own], hot[other].astype(np.float32), share)).all()
        assert (mixed == mix_labels(own, hot[other].astype(bool), share, k)).all()
        assert (abs(mixed.sum(axis=1) - 1) < 1e-6).all()
        expected = ((1 - share)[:, None] * hot[own] + share[:, None] * hot[other]).astype(np.float32)
        assert (mixed == expected).all()

    @pytest.mark.parametrize(
        ("changed", "error", "message"),
        [
            ({"n_classes": None}, TypeError, "n_classes must be given if labels are classes, got none: type n_classes"),
            ({"n_classes": 2}, ValueError, "labels must be from 0 to 1, got 2"),
            ({"donor_labels": [0, -1]}, ValueError, "donor_labels must be from 0 to 2, got -1"),
            ({"donor_labels": [0.0, 1.0]}, TypeError, "donor_labels must be whole numbers if they are classes, got fl"),
            ({"donor_labels": [0]}, ValueError, r"donor_labels must have shape \(2,\) or \(2, n_classes\), as share"),
            ({"labels": np.eye(2)}, ValueError, r"labels must have shape \(2, 3\), got \(2, 2\): leave n_classes out"),
            ({"share": [0.5, 1.5]}, ValueError, r"share must have shape \(n,\) and lie in \[0, 1\], got \[0.5, 1.5\]"),
            ({"share": [0.5, np.nan]}, ValueError, r"share must have shape \(n,\) and lie in \[0, 1\], got"),
            ({"share": 0.5}, ValueError, r"share must have shape \(n,\) and lie in \[0, 1\], got 0.5: type rectangles"),
            ({"share": ["a", "b"]}, TypeError, "share must be an array of real numbers, got"),
            (
                {"labels": np.eye(2), "donor_labels": np.ones((2, 3)), "n_classes": None},
                ValueError,
                r"donor_labels must have the shape \(2, 2\) of labels, got \(2, 3\)",
            ),
        ],
    )
    def test_odd_arguments_are_refused(self, changed, error, message):
        """The error tells which argument is wrong, and what to type."""
        with pytest.raises(error, match=f"^{message}"):
            mix_labels(**{"labels": [0, 2], "donor_labels": [1, 2], "share": [0.5, 0.5], "n_classes": 3, **changed})


def hidden_in_mask(rectangles, *size):
    """Return shares, counted in the mask."""
    mask = rectangles.mask(*size)
    return mask.mean(axis=tuple(range(1, mask.ndim))) if mask.size else np.zeros(len(mask))


class TestShares:
    """How much of each image or volume is hidden."""

    @pytest.mark.parametrize(
        "spec",
        [
            dust(),
            dust(count_range=(60, 99)),
            dust(p=0.5, count_range=(0, 2)),
            cutout(17),
            random_erasing(),
            cutmix(),
            patch_drop(0.75),
            grid_mask(period_range=(9, 20)),
            dust(keep=True, count_range=(2, 9)),
            dust(count_range=(2, 2), height_fraction_range=(1, 1), spare_last=False),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("n", [0, 1, 70])
    def test_shares_are_those_of_the_mask(self, spec, n):
        """One rectangle, many that overlap, and none hide exactly what the mask counts."""
        drawn = sample_rectangles(spec, height=50, width=61, seed=3, index=np.arange(n))
        shares = drawn.share()

        assert shares.dtype == np.float64
        assert (shares == hidden_in_mask(drawn, 50, 61)).all()
        assert (shares == drawn.share(50, 61)).all()
        assert (drawn.mask() == drawn.mask(50, 61)).all()

    @given(st.data())
    def test_shares_of_any_rectangles_are_those_of_the_mask(self, data):
        """Rectangles and cuboids in any order, on few or many images, hide exactly what the mask counts."""
        n, r, axes = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 30)), data.draw(st.sampled_from([2, 3]))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        sides = rng.integers(1, 12, 3)
        ends = np.sort(rng.integers(0, sides + 1, (r, 2, 3)), axis=1).astype(np.int32)
        mine = Rectangles(image=rng.integers(0, n, r), boxes=ends[..., :2].reshape(r, 4), fill=np.zeros(r), n_images=n)
        size = [int(side) for side in sides[:2]]
        if axes == 3:
            mine = dataclasses.replace(mine, depth=int(sides[2]), slices=ends[..., 2])

        assert (mine.share(*size) == hidden_in_mask(mine, *size)).all()

    def test_cells_of_a_grid_are_counted_exactly(self):
        """Of 14 by 14 cells of 16 pixels, the 147 that are hidden are three quarters, in each of 40 images."""
        corners = 16 * np.stack(np.meshgrid(np.arange(14), np.arange(14), indexing="ij"), axis=-1).reshape(-1, 2)
        rng = np.random.default_rng(0)
        hidden = np.concatenate([rng.permutation(196)[:147] for _ in range(40)])
        boxes = np.concatenate([corners, corners + 16], axis=1)[hidden]
        cells = Rectangles(image=np.repeat(np.arange(40), 147), boxes=boxes, fill=np.zeros(len(boxes)), n_images=40)

        assert cells.share(224, 224).tolist() == [0.75] * 40

    def test_large_sides_are_exact(self):
        """On sides of 65,535 pixels and slices the count is exact, and only then divided."""
        side = 65_535
        whole = {"boxes": np.array([[0, 0, side, side], [1, 1, side, side]]), "image": np.array([0, 0])}
        mine = Rectangles(**whole, fill=np.zeros(2), n_images=1, depth=side, slices=np.array([[0, 1], [0, 2]]))

        assert mine.share(side, side)[0] == (side**2 + (side - 1) ** 2) / side**3

    def test_tubes_have_the_share_of_an_image(self):
        """Without slices a rectangle reaches through all of them, and the mask has their axis."""
        plain = sample_rectangles(height=20, width=30, seed=1, index=np.arange(3))
        tubes = dataclasses.replace(plain, depth=4)

        assert (tubes.share() == plain.share()).all()
        assert tubes.mask().shape == (3, 4, 20, 30)
        assert (tubes.mask() == plain.mask()[:, None]).all()

    def test_shares_of_sampled_volumes_are_those_of_the_mask(self):
        """Cuboids hide what the mask counts, and tubes the share of a slice."""
        for spec in (dust(depth_range=(2, 5)), dust()):
            drawn = sample_rectangles(spec, height=20, width=30, depth=9, seed=1, index=np.arange(5))

            assert drawn.mask().shape == (5, 9, 20, 30)
            assert (drawn.share() == hidden_in_mask(drawn)).all()
            assert (drawn.share() > 0).any()

    def test_images_without_pixels_have_no_share(self):
        """An image or a volume of no pixel hides none."""
        none = Rectangles(
            image=np.zeros(0, int), boxes=np.zeros((0, 4), int), fill=np.zeros(0), n_images=2, height=0, width=9
        )

        assert none.share().tolist() == [0, 0]
        assert dataclasses.replace(none, depth=0).share(9, 9).tolist() == [0, 0]

    def test_mixed_labels_follow_the_boxes(self):
        """With cutmix(), a label is mixed by the number of pixels that its image takes from the donor."""
        drawn = sample_rectangles(cutmix(), height=32, width=32, seed=3, index=np.arange(8))
        partners = partner_of(3, 0, np.arange(8), 8)
        labels = np.arange(8) % 3
        mixed = mix_labels(labels, labels[partners], drawn.share(), n_classes=3)

        images = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None], (8, 32, 32)).copy()
        add_dust(images, cutmix(), seed=3, index=0, layout="NHW", donors=images[partners])
        counted = np.zeros((8, 3))
        for i, image in enumerate(images):
            np.add.at(counted[i], labels[image], 1)
        assert (mixed == (counted / 32**2).astype(np.float32)).all()
        assert len(set(mixed.max(axis=1).tolist())) > 3

    @pytest.mark.parametrize(
        ("changed", "call", "error", "message"),
        [
            (
                {},
                "share",
                TypeError,
                "height must be given where the rectangles do not carry it, got none: type",
            ),
            ({"height": 9}, "mask", TypeError, "width must be given where the rectangles do not carry it, got none"),
            ({"height": 9, "width": -1}, "share", ValueError, "width must be from 0 to 65535, got -1"),
            ({"height": 9, "width": 5}, "share", ValueError, "rectangles must lie inside the 9 by 5 pixels"),
            ({"height": 9, "width": 9, "slices": [[0, 1]]}, "share", TypeError, "depth must be given with slices, got"),
            (
                {"height": 9, "width": 9, "slices": [[0, 3]], "depth": 2},
                "mask",
                ValueError,
                r"slices must lie inside the 2 slices of a volume and not be reversed, got \[0, 3\]",
            ),
            (
                {"height": 9, "width": 9, "slices": [[2, 1]], "depth": 2},
                "share",
                ValueError,
                r"slices must lie inside the 2 slices of a volume and not be reversed, got \[2, 1\]",
            ),
            ({"height": 9, "width": 9, "slices": [0, 3], "depth": 2}, "share", ValueError, r"slices must have shape"),
            ({"slices": [[0, 1]]}, "hidden", TypeError, r"rectangles must have no slices for hidden\(\), got those of"),
            ({"slices": [[0, 1]]}, "covers", TypeError, r"rectangles must have no slices for covers\(\), got those of"),
        ],
    )
    def test_what_is_missing_or_wrong_is_told(self, changed, call, error, message):
        """A missing size, and slices where there is no place for them, are errors that say what to type."""
        one = Rectangles(image=np.array([0]), boxes=np.array([[1, 2, 5, 6]]), fill=np.array([9]), n_images=1, **changed)
        with pytest.raises(error, match=f"^{message}"):
            getattr(one, call)(*[[[[0, 0, 2, 2]]]] * (call == "hidden"), *[[[[0, 0]]]] * (call == "covers"))
