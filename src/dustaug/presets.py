"""Specs by name: the dust of the 2017 post, and what the literature occludes images with, with the papers' numbers."""

from __future__ import annotations

import math
from typing import Any

from ._errors import shown
from .spec import DEFAULT_ASPECT, MAX_SIDE, SIZE_FIELDS, Fill, Spec, check_number, check_range

__all__ = ["cutmix", "cutout", "dust", "grid_mask", "hide_and_seek", "patch_drop", "random_erasing", "sprinkles"]

# Brightness of ImageNet's mean, which is black after normalising, in the order red, green, blue.
_IMAGENET_MEAN = (123.675, 116.28, 103.53)
# Twice the half sizes of the post, as fractions of the side of its images.
_RELATIVE_SIZE = {"height_fraction_range": (2 / 224, 14 / 224), "width_fraction_range": (2 / 224, 14 / 224)}


def dust(*, relative: bool = False, **changes: Any) -> Spec:
    """Return the dust of the 2017 post: 0–31 small grey rectangles, denser near the middle.

    For an image of height h and width w: the count is uniform on 0…31; the centre is
    ``floor(clip(N(0.5, 0.25), 0, 1) * h)``, and likewise with w; half height and half width are uniform
    on 1…7 pixels, independent; the brightness is uniform on 0…255, the same in all channels. Painted are the rows from
    ``clip(y - half, 0, h - 1)`` up to, not including, ``clip(y + half, 0, h - 1)``, and the columns likewise: the last
    row and the last column stay as they are, as in the post (``spare_last=False`` lifts that).

    The post's images had 224 by 224 pixels. On larger ones, sizes in pixels hide less: on a photo of 6000 by 4000
    pixels less than 0.01 %. With `relative`, the sizes are the same fractions of the sides as in the post: heights are
    uniform on 2/224…14/224 of the image's height, widths on as much of its width.

    Parameters
    ----------
    relative : bool, default False
        Whether the sizes grow with the image.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`; or `relative` is no bool, or a size is given besides.

    Examples
    --------
    >>> dust() == Spec()
    True
    >>> dust(count_range=(0, 63))
    Spec(count_range=(0, 63))
    >>> dust(relative=True).height_fraction_range == (2 / 224, 14 / 224)
    True
    """
    _check_flag("relative", relative)
    if not relative:
        return Spec.from_dict(changes)
    sizes = [name for group in SIZE_FIELDS for name in group if changes.get(name) is not None]
    if sizes:
        raise ValueError(f"relative=True must be given without a size, got {', '.join(sizes)}: leave one of them out")
    return Spec.from_dict({**changes, **_RELATIVE_SIZE})


def cutout(size: int, *, inside: bool = False, **changes: Any) -> Spec:
    """Return Cutout (DeVries and Taylor, 2017, arXiv:1708.04552): one black square.

    The centre is uniform over the pixels, and the square is clipped at the border, so that what is hidden
    is smaller there. A square of odd size is exact: ``size // 2`` pixels above and left of its centre. The official
    code loses a pixel there, and paints 0 after normalising, which is the mean of the data set, not black.

    Parameters
    ----------
    size : int
        Side of the square in pixels. The paper has 16 for CIFAR-10, 8 for CIFAR-100 and 20 for SVHN.
    inside : bool, default False
        Whether the square lies fully inside the image, on every second image (``p=0.5``). The paper found that this
        does as well as squares that the border may clip: what matters is that some images show most of the object.
    **changes
        Fields of :class:`Spec` that are to differ, for instance ``fill_value=127.5``.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`, or `size` is not a whole number of pixels, or `inside` is no bool.

    Examples
    --------
    >>> cutout(16).side_range
    (16, 16)
    >>> cutout(16, inside=True).p
    0.5
    """
    _check_flag("inside", inside)
    size = check_number("size", size, int, 0, MAX_SIDE)
    fields: dict[str, Any] = {
        "count_range": (1, 1),
        "p": 0.5 if inside else 1.0,
        "center": "inside" if inside else "uniform",
        "side_range": (size, size),
        "spare_last": False,
        "fill": "constant",
        "fill_value": 0,
    }
    return Spec(**fields).replace(**changes)


def random_erasing(
    scale: tuple[float, float] = (0.02, 0.4),
    ratio: tuple[float, float] = DEFAULT_ASPECT,
    fill: Fill = "noise",
    **changes: Any,
) -> Spec:
    """Return Random Erasing (Zhong et al., 2017, arXiv:1708.04896): one rectangle of random area and aspect.

    The area is uniform, the aspect ratio is log-uniform (as in torchvision and timm: a uniform one would favour
    tall rectangles), height and width are rounded to whole pixels, and the rectangle lies fully inside the image,
    at any position alike. Sizes that do not fit are rejected: the distribution is conditioned on the rectangle fitting
    into the image. The defaults are the paper's, p = 0.5 among them.

    A rectangle has ten tries, as in torchvision; an image for which none fits gets no rectangle.

    Parameters
    ----------
    scale : (float, float)
        Range of the share of the image's area.
    ratio : (float, float)
        Range of height / width.
    fill : {"noise", "grey", "color", "constant", "mean"}
        See :class:`Spec`; with ``"constant"`` give `fill_value` too.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`, or `scale` or `ratio` is not a range.

    Examples
    --------
    >>> random_erasing(scale=(0.02, 0.33), fill="constant", fill_value=0).fill_value
    0.0
    """
    fields: dict[str, Any] = {
        "p": 0.5,
        "count_range": (1, 1),
        "center": "inside",
        "area_range": check_range("scale", scale, float, 0, 1, open_low=True),
        "aspect_range": check_range("ratio", ratio, float, 0, math.inf, open_low=True),
        "spare_last": False,
    }
    return Spec(**fields).replace(fill=fill, **changes)


def hide_and_seek(cell_sides: tuple[int, ...] = (0, 16, 32, 44, 56), cell_p: float = 0.5, **changes: Any) -> Spec:
    """Return Hide-and-Seek (Kumar Singh and Lee, 2017, arXiv:1704.04232): each cell of a grid is hidden or not.

    For each image one side is drawn, all alike; every cell is then hidden with probability `cell_p`, on its own. The
    defaults are those of the official code for images of 224 pixels, where 0 leaves the image as it is, and where 44
    does not divide the side: the last row and column of cells are narrower. Hidden cells get ImageNet's mean colour, as
    the paper asks for, so that activations have the same mean with and without them. (The official demo paints black;
    only its training code paints the mean.)

    Parameters
    ----------
    cell_sides : tuple of int
        Sides of the cells in pixels, one of which is drawn for each image.
    cell_p : float
        Probability that a cell is hidden.
    **changes
        Fields of :class:`Spec` that are to differ, for instance ``fill_value=128`` for grey images.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`.

    Examples
    --------
    >>> hide_and_seek((16,)).cell_sides
    (16,)
    """
    fields: dict[str, Any] = {
        "kind": "grid",
        "cell_sides": cell_sides,
        "cell_p": cell_p,
        "spare_last": False,
        "fill": "constant",
        "fill_value": _IMAGENET_MEAN,
    }
    return Spec(**fields).replace(**changes)


def grid_mask(period_range: tuple[int, int] = (96, 223), kept_share: float = 0.6, **changes: Any) -> Spec:
    """Return GridMask (Chen et al., 2020, arXiv:2001.04086), unrotated: squares at a regular distance.

    The period is uniform, and so are both phases. The defaults are those of the official code for images of 224 pixels:
    its upper end, 224, is left out there. On average 16 % of an image are hidden. Hidden squares get ImageNet's mean
    colour; the official code paints 0 after normalising, which is the same.

    The official code also turns the grid by a random angle, which upright rectangles cannot, and raises `p` from 0 to
    0.8 over 240 of 300 epochs: ``Schedule(grid_mask(), p=…)`` does that. Its ``mode=0`` hides the lines instead, of a
    width of ``ratio``: type ``lattice_hides="lines", kept_share=1 - ratio``. Its code for detection has other defaults.

    Parameters
    ----------
    period_range : (int, int)
        Range of the period in pixels, both ends included.
    kept_share : float
        Share of the period that is kept along each side, the ratio r of the paper.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`.

    Examples
    --------
    >>> grid_mask((8, 16), lattice_hides="lines").kept_share
    0.6
    """
    fields: dict[str, Any] = {
        "kind": "lattice",
        "period_range": period_range,
        "kept_share": kept_share,
        "spare_last": False,
        "fill": "constant",
        "fill_value": _IMAGENET_MEAN,
    }
    return Spec(**fields).replace(**changes)


def patch_drop(ratio: float, grid: int = 14, **changes: Any) -> Spec:
    """Return PatchDrop (Naseer et al., 2021, arXiv:2105.10497): a share of the cells of a grid, for each image its own.

    Of N cells, ``floor(ratio * N)`` are hidden, as in the official code, and they are painted black. Cells hidden for a
    ratio are among those hidden for any larger one. The official code hides the same cells on all images of a batch.
    With a ratio of 0.75 and a grid of 14, this is the mask of masked autoencoders too (He et al., 2021,
    arXiv:2111.06377), 147 of 196 cells, except that theirs are removed and not painted.

    Parameters
    ----------
    ratio : float
        Share of the cells that is hidden, in [0, 1].
    grid : int, default 14
        Rows and columns of cells. The field `grid_shape` takes its place where they differ.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`, or `ratio` is no share.

    Examples
    --------
    >>> patch_drop(0.75).count_range
    (147, 147)
    """
    ratio = check_number("ratio", ratio, float, 0, 1)
    grid = check_number("grid", grid, int, 1, 255)
    fields: dict[str, Any] = {
        "kind": "grid",
        "grid_shape": (grid, grid),
        "count_range": (_share_of(ratio, grid**2),) * 2,
        "spare_last": False,
        "fill": "constant",
        "fill_value": 0,
    }
    spec = Spec(**fields).replace(**changes)
    if spec.grid_shape is None or "count_range" in changes or spec.cell_p is not None:
        return spec
    return spec.replace(count_range=(_share_of(ratio, math.prod(spec.grid_shape)),) * 2)


def _share_of(ratio: float, n_cells: int) -> int:
    """Return how many cells are a share: one such as 0.29 of 100 is 28.999… as a double."""
    return math.floor(ratio * n_cells + 1e-9)


def sprinkles(**changes: Any) -> Spec:
    """Return the progressive sprinkles of YOLOv5's ``cutout``: 31 rectangles of five sizes, on every second image.

    One rectangle is up to half as high and wide as the image, two are up to a quarter, four up to an eighth, and so on.
    Each has a colour of its own, 64 … 191 in each channel. The original clips the left and top edge after it has
    measured the size from the unclipped one, draws sides of whole pixels from 1 on, all alike, and also drops the
    labels of boxes that are covered by more than 60 %: ``max_hidden=0.6`` is the guarantee instead.

    Parameters
    ----------
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`.

    Examples
    --------
    >>> sprinkles(p=1).count_range
    (31, 31)
    """
    fields: dict[str, Any] = {
        "p": 0.5,
        "count_range": (31, 31),
        "center": "uniform",
        "height_fraction_range": (0, 0.5),
        "halve_sizes": True,
        "spare_last": False,
        "fill": "color",
        "fill_range": (64, 191),
    }
    return Spec(**fields).replace(**changes)


def cutmix(alpha: float = 1.0, **changes: Any) -> Spec:
    """Return CutMix (Yun et al., 2019, arXiv:1905.04899): a rectangle of another image.

    The rectangle has the aspect of the image and a share of its area, before it is clipped, from Beta(`alpha`,
    `alpha`); its centre is uniform over the pixels. The other image comes with ``donors=``, and
    :meth:`Rectangles.share` tells how much of each image was hidden, for :func:`mix_labels`. Every image has a
    rectangle of its own, where the official code has one for all images of a batch. Sides are rounded to whole
    pixels; the official code rounds them down, and loses a pixel of odd ones. The paper applies it to every batch of
    ImageNet, and to every second one of CIFAR: ``p=0.5``.

    Parameters
    ----------
    alpha : float
        Parameter of the distribution, in [0.1, 1]; 1, which the paper has, is uniform.
    **changes
        Fields of :class:`Spec` that are to differ.

    Raises
    ------
    TypeError, ValueError
        As in :class:`Spec`.

    Examples
    --------
    >>> cutmix().fill
    'donors'
    """
    fields: dict[str, Any] = {
        "count_range": (1, 1),
        "center": "uniform",
        "area_beta": alpha,
        "spare_last": False,
        "fill": "donors",
    }
    return Spec(**fields).replace(**changes)


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
