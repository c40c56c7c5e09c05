"""How much a property tries, that every run ends, and where its files are. For all tests."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import run_folder

pytest_plugins = ["tests.run_limits"]

# No deadline and no check of the speed of a single example: a busy machine is no fault of what is tested.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# `make test`: half of the examples (`tests.effort`), the same in every run, so that a change is judged by what it
# changed; `make explore` tries new ones. What fails is shown as found: making a failing example smaller runs it
# hundreds of times, which a property that hangs would never end.
settings.register_profile(
    "ci", settings.get_profile("default"), max_examples=50, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("default")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Modules and tests stay to the end of a process: no search for garbage looks through them, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _files_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with run_folder.within(tmp_path_factory.getbasetemp()):
        yield
