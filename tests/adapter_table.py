"""The one table of adapters: the packages that each needs, its tests, and where its documentation needs more.

conftest.py, test_docs.py and test_extras.py read it. test_ci.py checks that .ci/run, alone.py, test_adapters.py, the
docs and pyproject.toml name every adapter, and that .ci/run runs every test.
"""

from typing import NamedTuple


class Adapter(NamedTuple):
    """What one adapter needs; its module, its extra and its page in docs/ have its name."""

    imports: tuple[str, ...]
    """Packages that the module imports; if all are missing, the error names the first."""
    tests: dict[str, tuple[str, ...]]
    """Test files in tests/, without ``test_`` and ``.py``, and the packages that each needs besides."""
    sections: tuple[str, ...]
    """Sections of .ci/run that run all test files which need no other adapter."""
    page: str = ""
    """Page in docs/; by default it has the name of the adapter."""
    page_needs: tuple[str, ...] = ()
    """Packages that the examples of the page need besides."""


ADAPTERS = {
    "albumentations": Adapter(
        imports=("albumentations",),
        tests={
            "albumentations_boxes": (),
            "albumentations_generic": ("torch",),
            "albumentations_guides": (),
            "albumentations_inputs": ("torch",),
            "albumentations_keys": ("torch",),
            "albumentations_peers": (),
            "albumentations_randomness": ("torch",),
            "albumentations_saved": (),
            "albumentations_targets": (),
            "albumentations_volumes": (),
            "saved_albumentations": (),
        },
        sections=("adapters", "albumentationsx"),
    ),
    "torch": Adapter(
        imports=("torch",),
        tests={"torch": (), "loaders": ("PIL", "torchvision"), "robustness_torch": ()},
        sections=("adapters",),
    ),
    "torchvision": Adapter(
        imports=("PIL", "torch", "torchvision"),
        tests={"torchvision": (), "torchvision_boxes": (), "torchvision_guides": (), "torchvision_mixing": ()},
        sections=("adapters",),
    ),
    "tensorflow": Adapter(
        imports=("tensorflow",),
        tests={"tensorflow": (), "scale_tensorflow": (), "saved_tensorflow": ()},
        sections=("tensorflow",),
    ),
    "keras": Adapter(
        imports=("keras",),
        tests={
            "keras": (),
            "keras_checks": (),
            "keras_flow": (),
            "keras_mixing": (),
            "saved_keras": (),
            "robustness_keras": (),
            "keras_data": ("tensorflow",),
            "keras_export": ("tensorflow", "jax"),
        },
        sections=("tensorflow", "keras_jax", "adapters"),
        page_needs=("tensorflow",),
    ),
    "jax": Adapter(imports=("jax",), tests={"jax": ()}, sections=("jax",), page_needs=("grain",)),
    "grain": Adapter(imports=("grain",), tests={"grain": (), "saved_grain": ()}, sections=("jax",), page="jax"),
    "monai": Adapter(imports=("torch", "monai"), tests={"monai": ()}, sections=("adapters",), page="volumes"),
    "ray": Adapter(imports=(), tests={"ray": (), "ray_cluster": ("ray",)}, sections=("ray",)),
}

# Other tests and private modules, and the packages that they need.
OTHERS = {
    "_graph.torch_dtypes": ("torch",),
    "_graph.tensorflow": ("tensorflow",),
    "_graph.torch": ("torch",),
    "_graph.jax": ("jax",),
    "_graph.jax_mean": ("jax",),
    "_tensors.painter": ("torch",),
    "_tensors.agreement": ("torch",),
    "_tensors.devices": ("torch",),
    "_tensors.compiled": ("torch",),
    "_tensors.passes": ("torch",),
    "_tensors.samplers": ("torch",),
    "_tensors.terms": ("torch",),
    "_tensors.triton": ("torch", "triton"),
    "albumentations._hooks": ("albumentations",),
    "albumentations._terms": ("albumentations",),
    "keras._flow": ("keras",),
    "keras._inputs": ("keras",),
    "keras._layer": ("keras",),
    "keras._mixing": ("keras",),
    "fashion_data": ("torch",),
    "fashion_mnist": ("torch",),
    "fashion_models": ("torch",),
    "fashion_occluders": ("torch",),
    "fashion_training": ("torch",),
    "guitar_classifier": ("keras", "tensorflow"),
    "guitar_training": ("keras", "tensorflow"),
    "guitar_photos": ("keras", "tensorflow"),
    "explore_page": ("playwright", "axe_playwright_python"),
    "site": ("mkdocs", "material", "mkdocstrings"),
    "odd_adapters": ("torch", "torchvision", "albumentations", "monai"),
    "scale_torch": ("torch",),
    "rivals": ("albumentations", "torchvision", "timm", "kornia"),
    "rivals_keras": ("keras", "tensorflow"),
    "resuming": ("torch", "torchdata"),
    "pipelines": (
        "torch",
        "lightning",
        "timm",
        "webdataset",
        "datasets",
        "accelerate",
        "transformers",
        "ignite",
        "torchdata",
        "dask",
        "xarray",
    ),
    # For single blocks of docs/gotchas.md.
    "dask": ("dask",),
    "datasets": ("datasets",),
    "xarray": ("xarray",),
    # For a single block of docs/volumes.md, where it is installed: its packages are large.
    "torchio": ("torchio",),
}

# The tests and docs of an adapter need these packages. Without them the files are not collected, never skipped.
# CI names in DUSTAUG_TEST_FRAMEWORKS what must be installed, so that nothing is left out by accident.
FRAMEWORKS = {
    **{name: adapter.imports for name, adapter in ADAPTERS.items()},
    **{test: a.imports + more for a in ADAPTERS.values() for test, more in a.tests.items()},
    **OTHERS,
}
