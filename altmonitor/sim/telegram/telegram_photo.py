"""Uploaded files, and what Telegram takes for a photo.

Source: https://core.telegram.org/bots/api#sendphoto (read 2026-11-21); the texts of refusals are those bots report.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from altmonitor.sim.telegram.values import bad_request

PHOTO_BYTES_MAX = 10 * 1024 * 1024
SIDES_MAX = 10_000
"""Width and height together, pixels."""
RATIO_MAX = 20


class Upload(bytes):
    """A file as it came; name and content_type as the sender gave them."""

    name: str
    content_type: str

    def __new__(cls, content: bytes, *, name: str, content_type: str) -> Upload:
        made = super().__new__(cls, content)
        made.name = name
        made.content_type = content_type
        return made


def check_photo(photo: bytes) -> None:
    """Raises Refusal (400) for what is no picture, too large or of an impossible shape."""
    if len(photo) > PHOTO_BYTES_MAX:
        raise bad_request(
            f"file of size {len(photo)} bytes is too big for a photo; the maximum size is {PHOTO_BYTES_MAX} bytes"
        )
    try:
        with Image.open(BytesIO(photo)) as image:
            width, height = image.size
            image.verify()
    except Image.DecompressionBombError:
        raise bad_request("PHOTO_INVALID_DIMENSIONS") from None
    except (OSError, SyntaxError, ValueError):  # the decoders' ways to say that the file is broken
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    if width + height > SIDES_MAX or max(width, height) > RATIO_MAX * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")


def photo_sizes(photo: bytes) -> list[dict[str, object]]:
    """The `photo` field of a message, for bytes that were checked."""
    with Image.open(BytesIO(photo)) as image:
        width, height = image.size
    return [
        {
            "file_id": "sim",
            "file_unique_id": "sim",
            "width": width,
            "height": height,
            "file_size": len(photo),
        }
    ]
