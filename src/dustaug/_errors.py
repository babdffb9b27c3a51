"""What errors say: how they show what was given, and what to type instead of the words of other libraries."""

from __future__ import annotations

from typing import Any

# What other libraries call something that a spec has, in words that follow "type". docs/migrating.md shows this table.
FIELD_HINTS = {
    "alpha": 'area_beta=1.0, count_range=(1, 1), center="uniform", fill="donors", or dustaug.cutmix(alpha=1.0)',
    "always_apply": "p=1.0",
    "beta": 'area_beta=1.0, count_range=(1, 1), center="uniform", fill="donors", or dustaug.cutmix(alpha=1.0)',
    "center_range": "center_mean=(0.5, 0.5), center_std=(0.25, 0.25)",
    "color": 'fill="color"',
    "colour": 'fill="color"',
    "cutmix_alpha": 'area_beta=1.0, count_range=(1, 1), center="uniform", fill="donors", or dustaug.cutmix(alpha=1.0)',
    "d1": 'kind="lattice", period_range=(96, 223)',
    "d2": 'kind="lattice", period_range=(96, 223)',
    "dropout_holes": "keep=True, count_range=(1, 8)",
    "factor": "p=0.5",
    "fill_color": 'fill="constant", fill_value=0',
    "fill_ratio": "area_range=(0.02, 0.4)",
    "grid_size": 'kind="grid", grid_shape=(14, 14), cell_p=0.5',
    "hole_depth_range": "depth_fraction_range=(0.1, 0.2), or depth_range=(4, 12) in slices",
    "hole_height_range": "height_fraction_range=(0.1, 0.2), or half_height_range=(4, 8) in pixels",
    "hole_width_range": "width_fraction_range=(0.1, 0.2), or half_width_range=(4, 8) in pixels",
    "holes": "count_range=(1, 8)",
    "holes_number_x": 'kind="lattice", period_range=(96, 223)',
    "holes_number_xy": 'kind="lattice", period_range=(96, 223)',
    "holes_number_y": 'kind="lattice", period_range=(96, 223)',
    "length": "side_range=(16, 16)",
    "line_width_range": 'kind="lattice", period_range=(32, 74), lattice_hides="lines", kept_share=0.65',
    "mask_ratio": 'kind="grid", grid_shape=(14, 14), count_range=(147, 147), or dustaug.patch_drop(0.75)',
    "mask_size": "side_range=(16, 16)",
    "max_area": "area_range=(0.02, 0.4)",
    "max_aspect": "area_range=(0.02, 0.4), aspect_range=(0.3, 3.3)",
    "max_count": "count_range=(1, 8)",
    "max_h_size": "half_height_range=(1, 7)",
    "max_height": "half_height_range=(1, 7)",
    "max_holes": "count_range=(1, 8)",
    "max_spatial_size": "side_range=(4, 12), depth_range=(4, 12)",
    "max_w_size": "half_width_range=(1, 7)",
    "max_width": "half_width_range=(1, 7)",
    "mean": "normalize_mean=(0.485, 0.456, 0.406), normalize_std=(0.229, 0.224, 0.225)",
    "min_area": "area_range=(0.02, 0.4)",
    "min_aspect": "area_range=(0.02, 0.4), aspect_range=(0.3, 3.3)",
    "min_count": "count_range=(1, 8)",
    "min_height": "half_height_range=(1, 7)",
    "min_holes": "count_range=(1, 8)",
    "min_width": "half_width_range=(1, 7)",
    "mode": 'fill="noise", "color", or "constant" with fill_value=0',
    "n_holes": "count_range=(1, 8)",
    "num_grid_range": 'kind="lattice", period_range=(32, 74), lattice_hides="lines", kept_share=0.65',
    "num_holes": "count_range=(1, 8)",
    "num_holes_range": "count_range=(1, 8)",
    "pad_size": "half_height_range=(8, 8), half_width_range=(8, 8)",
    "patch_size": 'kind="grid", cell_sides=(16,), cell_p=0.5',
    "prob": "p=0.5",
    "probability": "p=0.5",
    "ratio": "area_range=(0.02, 0.4), aspect_range=(0.3, 3.3), or dustaug.random_erasing(ratio=(0.3, 3.3))",
    "scale": "area_range=(0.02, 0.4), or dustaug.random_erasing(scale=(0.02, 0.4))",
    "size": "side_range=(16, 16), or dustaug.cutout(16)",
    "spatial_size": "side_range=(4, 12), depth_range=(4, 12)",
    "std": "normalize_mean=(0.485, 0.456, 0.406), normalize_std=(0.229, 0.224, 0.225)",
    "unit_size_max": 'kind="lattice", period_range=(96, 223)',
    "unit_size_min": 'kind="lattice", period_range=(96, 223)',
    "unit_size_range": 'kind="lattice", period_range=(96, 223)',
    "value": 'fill="constant", fill_value=0, or fill="noise"',
}

# What other libraries call a fill.
FILL_HINTS = {
    "black": 'fill="constant", fill_value=0',
    "colour": 'fill="color"',
    "const": 'fill="constant", fill_value=0',
    "gaussian": 'fill="noise"',
    "gray": 'fill="grey"',
    "inpaint_ns": 'fill="mean"',
    "inpaint_telea": 'fill="mean"',
    "pixel": 'fill="noise"',
    "rand": 'fill="color"',
    "random": 'fill="noise"',
    "random_uniform": 'fill="color"',
    "white": 'fill="constant", fill_value=255',
}

# What other libraries call a placement.
CENTER_HINTS = {
    "gaussian": 'center="normal"',
    "random": 'center="uniform"',
}

_MOST = 100


def shown(value: Any) -> str:
    """Return how an error shows what was given: short, and whatever it is."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  A whole number of 5,000 digits has none, and other classes may raise anything.
        text = f"a value of {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def hint_for(name: str, value: Any) -> str:
    """Return what to type instead of a value that a field does not take, after a colon, or nothing."""
    numbers = value if isinstance(value, (tuple, list)) else [value]
    if numbers and all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers):
        given = shown(value if numbers[0] is value else tuple(value))
        instead = {"fill": f'fill="constant", fill_value={given}', "center": f"center_mean={given}"}
        return f": type {instead[name]}" if name in instead else ""
    hints = {"fill": FILL_HINTS, "center": CENTER_HINTS}.get(name, {})
    known = hints.get(value.lower()) if isinstance(value, str) else None
    return f": type {known}" if known else ""


def unexpected_error(function: str, given: dict[str, Any], fields: tuple[str, ...]) -> TypeError:
    """Error for arguments that a function does not take: fields of a spec, or words of another library."""
    first = next(iter(given))
    value, name = shown(given[first]), function.removesuffix("()")
    if first in fields:
        hint = f"type {name}(…, dustaug.dust({first}={value}))"
    elif first in FIELD_HINTS:
        hint = f"type {name}(…, dustaug.dust({FIELD_HINTS[first]}))"
    else:
        hint = f"see help(dustaug.{name})"
    return TypeError(f"{function} must be given arguments that it knows, got {first}={value}: {hint}")
