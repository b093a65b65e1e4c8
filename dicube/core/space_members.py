"""A Space as the JSON object of docs/format.md, section 3."""

from dataclasses import asdict
from typing import Any

import numpy as np
from spacetransformer import Space


def space_members(space: Space) -> dict[str, Any]:
    """The members; the file has (x, y, z), memory has (z, y, x)."""
    reversed_axes = asdict(space.reverse_axis_order())
    # A transformed Space may hold numpy numbers, which JSON cannot.
    return {name: np.asarray(value).tolist() for name, value in reversed_axes.items()}


def parse_space(members: Any) -> Space:
    """The inverse of `space_members`.

    Raises
    ------
    TypeError, ValueError, OverflowError, SpaceTransformerError
        The members are malformed.
    """
    return Space(**members).reverse_axis_order()
