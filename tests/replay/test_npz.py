"""Reading a numpy archive: the same as numpy reads, and nothing else than numbers."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from altmonitor.replay.npz import NpzArrays

KINDS = ("int8", "int16", "int32", "int64", "float64", "uint8", "bool")
ARRAYS = st.builds(
    lambda kind, values, is_one: np.array(values[0] if is_one else values).astype(kind),
    st.sampled_from(KINDS),
    st.lists(st.integers(0, 100), min_size=1, max_size=20) | st.just([0]),
    st.booleans(),
)


def archive(**arrays: NDArray[np.generic]) -> io.BytesIO:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    content.seek(0)
    return content


@given(arrays=st.dictionaries(st.sampled_from(["open", "high", "about"]), ARRAYS, max_size=3))
def test_every_array_is_what_numpy_reads(arrays: dict[str, NDArray[np.generic]]) -> None:
    content = archive(**arrays)
    with zipfile.ZipFile(content) as packed, np.load(content) as expected:
        found = NpzArrays(packed)
        assert sorted(found) == sorted(expected)
        for name in expected:
            assert (found[name].dtype, found[name].shape) == (expected[name].dtype, expected[name].shape)
            assert found[name].tolist() == expected[name].tolist()
            assert found[name].flags.writeable


def test_what_is_not_there_is_no_key() -> None:
    with zipfile.ZipFile(archive(open=np.zeros(3))) as packed:
        found = NpzArrays(packed)
        assert ("open" in found, "high" in found, len(found)) == (True, False, 1)
        with pytest.raises(KeyError):
            found["high"]


def test_objects_are_not_read_and_neither_is_what_is_no_array() -> None:
    content = io.BytesIO()
    np.savez(content, open=np.array([{}], dtype=object))
    with zipfile.ZipFile(content, "a") as packed:
        packed.writestr("high.npy", b"no array at all")
    with zipfile.ZipFile(content) as packed:
        for name in ("open", "high"):
            with pytest.raises(ValueError, match="array"):
                NpzArrays(packed)[name]
