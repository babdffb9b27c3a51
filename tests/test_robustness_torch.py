"""The tools of robustness measure models of PyTorch."""

import numpy as np
import pytest
import torch

from dustaug import cutout
from dustaug.robustness import occlusion_curve, occlusion_map, patch_drops

N, HEIGHT, WIDTH = 12, 9, 10
LEVELS = {3: cutout(3), 6: cutout(6, fill_value=(255, 0, 0))}


def photos():
    return np.random.default_rng(2).integers(0, 256, (N, HEIGHT, WIDTH, 3), dtype=np.uint8)


class Model(torch.nn.Module):
    """The scores are the sums of each channel.

    The weights want a gradient, and dropout adds noise unless the model is in eval().
    """

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, images):
        """Return scores (n, 3)."""
        return self.dropout(images).sum((2, 3)) * self.weight


def by_hand(images):
    """Return the scores of Model, computed in NumPy; sums of whole numbers are exact."""
    return images.sum(axis=(1, 2), dtype=np.float64)


def convert(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize(
    "finish",
    [lambda scores: scores, lambda scores: scores.detach(), lambda scores: scores.bfloat16(), lambda s: s.tolist()],
    ids=["with gradient", "without", "bfloat16", "list"],
)
def test_scores_may_be_tensors(finish):
    """Scores may be tensors with a gradient, and of dtypes that NumPy lacks."""
    model, labels = Model().eval(), np.arange(N) % 3
    images = photos() // 255 * 255  # These have so few bits that bfloat16 holds their sums.

    curve = occlusion_curve(lambda x: finish(model(convert(x))), images, labels, LEVELS, progress=False)

    assert curve == occlusion_curve(by_hand, images, labels, LEVELS, progress=False)


def test_a_model_as_the_docs_say():
    """With eval() and no_grad() the curve and the map are those of the same arithmetic in NumPy."""
    model, labels = Model(), np.arange(N) % 3
    model.eval()

    @torch.no_grad()
    def predict(images):
        return model(torch.from_numpy(images).permute(0, 3, 1, 2).float())

    images = photos()
    curve = occlusion_curve(predict, images, labels, LEVELS, progress=False)
    found = occlusion_map(predict, images[3], patch=3, progress=False)

    assert curve == occlusion_curve(by_hand, images, labels, LEVELS, progress=False)
    assert (found.heat == occlusion_map(by_hand, images[3], patch=3, progress=False).heat).all()


def test_images_may_be_nchw():
    """With layout="NCHW" the model needs no permute."""
    labels, images = np.arange(N) % 3, photos()
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    model = torch.no_grad()(lambda x: Model().eval()(torch.from_numpy(x).float()))

    curve = occlusion_curve(model, planes, labels, LEVELS, layout="NCHW", progress=False)
    found = occlusion_map(model, planes[3], layout="CHW", progress=False)

    assert curve == occlusion_curve(by_hand, images, labels, LEVELS, progress=False)
    assert (found.heat == occlusion_map(by_hand, images[3], progress=False).heat).all()


def test_labels_may_be_a_tensor():
    """Labels may be a tensor, which NumPy reads."""
    images = photos()

    curve = occlusion_curve(by_hand, images, torch.arange(N) % 3, LEVELS, progress=False)

    assert curve == occlusion_curve(by_hand, images, np.arange(N) % 3, LEVELS, progress=False)


def test_saliency_may_be_a_tensor():
    """Attention may have a gradient and a dtype that NumPy lacks."""
    attention = torch.rand((N, 4, 5), generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    as_array = patch_drops("salient", attention.detach().float().numpy(), grid=3)

    for ratio, drop in patch_drops("salient", attention, grid=3).items():
        assert (drop.order == as_array[ratio].order).all()


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        (torch.zeros(28, 28), "image.numpy(force=True)"),
        (torch.zeros(28, 28, requires_grad=True), "image.numpy(force=True)"),
        (torch.zeros(28, 28, dtype=torch.bfloat16), "image.float().numpy(force=True)"),
    ],
)
def test_a_tensor_is_told_how_to_become_an_array(image, hint):
    """The hint names what makes an array of a tensor, and it works."""
    with pytest.raises(TypeError) as caught:
        occlusion_map(by_hand, image)
    array = eval(hint)  # noqa: S307  What the message says to type.

    assert str(caught.value) == f"image must be a NumPy array, got Tensor: type {hint}"
    assert isinstance(array, np.ndarray)
    with pytest.raises(TypeError, match=r"^images must be a NumPy array, got Tensor: type images\."):
        occlusion_curve(by_hand, image[None], [0])


def test_a_module_is_told_to_become_a_function():
    """A module gets arrays that it cannot read, so the message shows the function around it."""
    with pytest.raises(TypeError) as caught:
        occlusion_map(Model(), photos()[0])

    assert str(caught.value) == (
        "predict must be a function of a batch of NumPy images, got the module Model: type model.eval(), and "
        "predict=torch.no_grad()(lambda images: model(torch.from_numpy(images)))"
    )


def test_labels_may_be_tensors():
    """Labels of a data loader are read as they are, and uneven ones are refused."""
    labels = torch.arange(N) % 3
    model = Model().eval()

    def predict(images):
        return model(convert(images))

    curve = occlusion_curve(predict, photos(), labels, LEVELS, progress=False)

    assert curve == occlusion_curve(predict, photos(), labels.numpy(), LEVELS, progress=False)
