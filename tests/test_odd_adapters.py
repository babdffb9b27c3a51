"""Adapters of torch, torchvision, Albumentations and MONAI answer odd arguments with a value or one sentence."""

# ruff: noqa: ARG005

import inspect
import itertools
import warnings

import albumentations as A
import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision import tv_tensors
from torchvision.transforms import v2

import dustaug.albumentations
import dustaug.monai
import dustaug.torch
import dustaug.torchvision
from test_odd_arguments import ODD, OURS, answer

# What their users may give by mistake, besides.
ODD_TENSORS = {
    "tensor": torch.tensor([0.5, 0.5]),
    "tensor of no axis": torch.tensor(3),
    "empty tensor": torch.zeros(0),
    "sparse": torch.eye(4).to_sparse(),
    "meta": torch.zeros(2, 3, 4, 4, device="meta"),
    "nested": [torch.zeros(2), torch.zeros(3)],
    "grey batch": torch.zeros(8, 28, 28),
    "clip": torch.zeros(3, 16, 8, 8),
    "five axes": torch.zeros(1, 1, 3, 8, 8),
}
EVERYTHING = {**ODD, **ODD_TENSORS}


GUIDED = dustaug.dust(center="guide", max_hidden=0.5)


def images():
    return torch.full((2, 3, 16, 16), 7, dtype=torch.uint8)


def picture():
    return np.full((16, 16, 3), 7, np.uint8)


def arguments_of(function):
    """Return the names of the arguments that a function takes, but self and those that go on to a spec."""
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    return [name for name, each in inspect.signature(function).parameters.items() if each.kind not in kinds]


def in_data_set(x, options, key=0):
    return dustaug.torch.DustDataset(TensorDataset(x), **{"seed": 0, **options})[key]


def in_torchvision(x, options):
    return v2.Compose([dustaug.torchvision.DustRectangles(**options)])(tv_tensors.Image(x))


def in_a_sample(x, options, **changes):
    """Dust the first image in a sample with all that the options could name, some of it odd."""
    boxes = tv_tensors.BoundingBoxes([[2, 2, 12, 12]], format="XYXY", canvas_size=(16, 16))
    mask = tv_tensors.Mask(torch.ones(16, 16, dtype=torch.bool))
    sample = {"image": tv_tensors.Image(x[0]), "mask": mask, "boxes": boxes, **changes}
    return dustaug.torchvision.DustRectangles(**{"spec": GUIDED, "inplace": True, **options})(sample)


def with_terms(x, **changes):
    terms = {"guide": torch.ones(2, 4, 4, dtype=torch.bool), "objects": [[[2, 2, 12, 12]], []], **changes}
    return dustaug.torch.add_dust(x, GUIDED, seed=0, index=0, **terms)


def in_albumentations(x, options, **given):
    transform = dustaug.albumentations.DustRectangles(**{"p": 1, **options})
    return A.Compose([transform])(**{"image": picture(), **given})


def in_monai(x, options, **given):
    return dustaug.monai.DustRectanglesd(**{"keys": "image", **options})({"image": x[0], **given})


CALLS = {
    "add_dust(images)": lambda x, odd: dustaug.torch.add_dust(odd, seed=0, index=0),
    **{
        f"add_dust({name})": lambda x, odd, name=name: dustaug.torch.add_dust(x, **{"seed": 0, "index": 0, name: odd})
        for name in (*arguments_of(dustaug.torch.add_dust)[1:], "p", "gamma")
    },
    "add_dust()(guide)": lambda x, odd: with_terms(x, guide=odd),
    "add_dust()(objects)": lambda x, odd: with_terms(x, objects=odd),
    "add_dust()(object)": lambda x, odd: with_terms(x, objects=[odd, []]),
    "add_dust()(donors)": lambda x, odd: dustaug.torch.add_dust(x, dustaug.cutmix(), seed=0, index=0, donors=odd),
    "DustDataset(dataset)": lambda x, odd: dustaug.torch.DustDataset(odd, seed=0),
    **{
        f"DustDataset({name})": lambda x, odd, name=name: in_data_set(x, {name: odd})
        for name in (*arguments_of(dustaug.torch.DustDataset)[1:], "count_range")
    },
    "DustDataset[index]": lambda x, odd: in_data_set(x, {}, odd),
    "DustDataset.set_epoch": lambda x, odd: dustaug.torch.DustDataset(TensorDataset(x), seed=0).set_epoch(odd),
    **{
        f"EpochSampler({name})": lambda x, odd, name=name: list(
            itertools.islice(dustaug.torch.EpochSampler(**{"sampler": range(3), name: odd}), 2)
        )
        for name in arguments_of(dustaug.torch.EpochSampler)
    },
    "EpochSampler.set_epoch": lambda x, odd: dustaug.torch.EpochSampler(range(3)).set_epoch(odd),
    **{
        f"torchvision.DustRectangles({name})": lambda x, odd, name=name: in_torchvision(x, {name: odd})
        for name in (*arguments_of(dustaug.torchvision.DustRectangles), "count_range", "fill", "colour")
    },
    **{
        f"torchvision.DustRectangles(guided, {name})": lambda x, odd, name=name: in_a_sample(x, {name: odd})
        for name in ("guide", "guide_key", "objects_key", "visibility_key", "flags_key")
    },
    **{
        f"torchvision.DustCutMix({name})": lambda x, odd, name=name: dustaug.torchvision.DustCutMix(
            **{"num_classes": 3, name: odd}
        )(x, torch.tensor([0, 2]))
        for name in ("spec", "num_classes", "alpha")
    },
    "torchvision.DustCutMix(labels_getter)": lambda x, odd: dustaug.torchvision.DustCutMix(labels_getter=odd),
    "torchvision.DustCutMix()(images)": lambda x, odd: dustaug.torchvision.DustCutMix()(odd, torch.eye(2)),
    "torchvision.DustRectangles()(guide)": lambda x, odd: in_a_sample(x, {"guide_key": "odd"}, odd=odd),
    "torchvision.DustRectangles()(weights)": lambda x, odd: in_a_sample(
        x, {"guide_key": "odd", "guide": "weights"}, odd=odd
    ),
    "torchvision.DustRectangles()(objects)": lambda x, odd: in_a_sample(x, {"objects_key": "odd"}, odd=odd),
    "torchvision.DustRectangles()(flags)": lambda x, odd: in_a_sample(x, {"flags_key": "odd"}, odd=odd),
    **{
        f"albumentations.DustRectangles({name})": lambda x, odd, name=name: in_albumentations(x, {name: odd})
        for name in (*arguments_of(dustaug.albumentations.DustRectangles), "count_range", "fill", "num_holes_range")
    },
    **{
        f"albumentations.DustRectangles(center='guide', {name})": lambda x, odd, name=name: in_albumentations(
            x, {"center": "guide", name: odd}, mask=np.ones((16, 16))
        )
        for name in ("guide_key", "guide_classes", "protected_classes")
    },
    "albumentations.DustRectangles()(index)": lambda x, odd: in_albumentations(
        x, {"seed": 0, "index_key": "index"}, index=odd
    ),
    **{
        f"albumentations.DustRectangles()({key})": lambda x, odd, key=key: in_albumentations(
            x,
            {"center": "guide", "guide_key": key, "max_hidden": 0.5, "objects_key": "objects"},
            **{"objects": [[0, 0, 4, 4]], "guide": np.ones((4, 4), bool), key: odd},
        )
        for key in ("guide", "objects")
    },
    **{
        f"monai.DustRectanglesd({name})": lambda x, odd, name=name: in_monai(x, {name: odd})
        for name in (*arguments_of(dustaug.monai.DustRectanglesd), "count_range", "prob")
    },
    "monai.DustRectanglesd()(sample)": lambda x, odd: dustaug.monai.DustRectanglesd("image")(odd),
    "monai.DustRectanglesd()(image)": lambda x, odd: in_monai(x, {}, image=odd),
    "monai.DustRectangles()(volume)": lambda x, odd: dustaug.monai.DustRectangles(depth_range=(1, 3))(odd),
    "albumentations.DustRectangles()(image)": lambda x, odd: dustaug.albumentations.DustRectangles(p=1)(image=odd),
}


@pytest.mark.parametrize("odd", EVERYTHING)
@pytest.mark.parametrize("call", CALLS)
def test_the_answer_is_a_value_or_one_sentence(call, odd):
    """An error says what must hold and what was given, in at most 600 characters, and the images stay as they were."""
    given = images()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = answer(CALLS[call], given, EVERYTHING[odd])

    if said is not None:
        assert OURS.search(said), said
        assert len(said) <= 600, said
        assert "\n" not in said
        assert (given == 7).all()
