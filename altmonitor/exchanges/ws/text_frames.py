"""Cut the frames a market feed consists of out of what the socket delivered, without parsing them one by one.

A server's data frames are nearly always the same: unmasked, unfragmented text shorter than 64 KiB. They are recognised
by their first bytes and sliced out; everything else is left to a real WebSocket parser.
"""

from __future__ import annotations

from typing import Final

_FINAL_TEXT: Final = 0x81
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


def take_text_frames(data: bytes, position: int, messages: list[bytes]) -> int:
    """Append the payloads of the plain text frames from `position` on; returns where the first other byte is."""
    total = len(data)
    take = messages.append
    while position + 2 <= total and data[position] == _FINAL_TEXT:
        size = data[position + 1]
        start = position + 2
        if size >= _LENGTH_16:
            if size != _LENGTH_16 or start + 2 > total:
                break
            size = data[start] << 8 | data[start + 1]
            start += 2
        end = start + size
        if end > total:
            break
        take(data[start:end])
        position = end
    return position


def frame_end(data: bytes, position: int, *, max_size: int) -> int | None:
    """Where the frame at `position` ends; None while its header or payload is incomplete.

    A frame that is too large or masked (which a server must not do) is an error that a parser sees in its header: for
    such a frame the end of `data` is returned.
    """
    header = data[position : position + 10]
    if len(header) < 2:
        return None
    size, header_size = header[1], 2
    if size == _LENGTH_16:
        header_size = 4
        size = int.from_bytes(header[2:4], "big")
    elif size >= _LENGTH_64:
        header_size = 10
        size = int.from_bytes(header[2:10], "big")
    if header[1] > _LENGTH_64:
        return len(data)
    if len(header) < header_size:
        return None
    if size > max_size:
        return len(data)
    end = position + header_size + size
    return end if end <= len(data) else None
