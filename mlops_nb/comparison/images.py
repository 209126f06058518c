"""Pictures: the same bytes, the same pixels, the same to the eye, or not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from mlops_nb.comparison.values import Level
from mlops_nb.comparison.views import Tolerance

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageResult", "compare_images"]

_PIXEL_LIMIT = 50_000_000
_BLOCK = 4
_MEAN_LIMIT = 0.01
"""Mean difference of all channels, of 1, up to which two pictures may look the same."""
_BLOCK_LIMIT = 0.1
"""Largest difference of a block of 4 x 4 pixels, of 1: edges drawn softer pass, a line that moved does not."""


class ImageResult(NamedTuple):
    """How much two pictures differ: `delta` is the mean difference of all channels, 0 to 1; None if not decoded."""

    level: Level
    delta: float | None
    detail: str


def compare_images(expected: bytes, actual: bytes, tolerance: Tolerance) -> ImageResult:
    """Compare two pictures: bytes, then pixels, then as the eye does, in blocks.

    Pictures of the same pixels are the same whatever their files hold beside them. Pictures are close if no block of
    theirs differs visibly, as when edges are smoothed in another way. A hash of the whole picture would not do: it does
    not see a curve that has moved.

    Parameters
    ----------
    expected, actual : bytes
        PNG, JPEG or whatever else Pillow reads.
    tolerance : Tolerance
        If it is exact, so are pixels.

    Examples
    --------
    >>> compare_images(b"same", b"same", Tolerance()).level.name
    'SAME'
    >>> compare_images(b"no", b"picture", Tolerance()).detail
    'cannot be decoded'
    """
    if expected == actual:
        return ImageResult(Level.SAME, 0.0, "")
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return ImageResult(Level.FAR, None, "Pillow is not installed, so only bytes were compared")
    try:
        one, other = (_decode(Image.open(io.BytesIO(data))) for data in (expected, actual))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return ImageResult(Level.FAR, None, "cannot be decoded")
    if one.size != other.size:
        return ImageResult(Level.FAR, None, f"{_size(one)} became {_size(other)}")
    if one.tobytes() == other.tobytes():
        return ImageResult(Level.SAME, 0.0, "")
    mean, share = _pixel_difference(one, other)
    looks_same = mean <= _MEAN_LIMIT and _block_difference(one, other) <= _BLOCK_LIMIT and tolerance.relative > 0
    return ImageResult(Level.CLOSE if looks_same else Level.FAR, mean, f"{share:.2%} of the pixels differ")


def _decode(image: Image) -> Image:
    if image.width * image.height > _PIXEL_LIMIT:
        raise ValueError("too many pixels")
    return image.convert("RGBA")


def _size(image: Image) -> str:
    return f"{image.width} x {image.height} pixels"


def _pixel_difference(one: Image, other: Image) -> tuple[float, float]:
    """(mean difference of the channels from 0 to 1, share of the pixels that differ)."""
    from PIL import ImageChops

    difference = ImageChops.difference(one, other)
    channels = difference.split()
    total = sum(value * count for channel in channels for value, count in enumerate(channel.histogram()))
    largest = channels[0]
    for channel in channels[1:]:
        largest = ImageChops.lighter(largest, channel)
    pixels = one.width * one.height or 1
    return total / (255 * len(channels) * pixels), 1 - largest.histogram()[0] / pixels


def _block_difference(one: Image, other: Image) -> float:
    """The largest difference of a channel in a block of pixels, 0 to 1."""
    from PIL import ImageChops

    extrema = ImageChops.difference(one.reduce(_BLOCK), other.reduce(_BLOCK)).getextrema()
    return max(float(highest) for _, highest in extrema) / 255  # type: ignore[misc]  # four bands: a pair for each
