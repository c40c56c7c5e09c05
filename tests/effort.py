"""How many examples a property tries: its own number in a plain run, half of it in `make test`."""

from hypothesis import settings

HYPOTHESIS_EXAMPLES = 100  # its own default, which a property without a number of its own tries


def examples(usual: int) -> int:
    """`usual` in proportion to the profile in force; `--hypothesis-profile` chooses it before tests are imported."""
    return max(1, usual * settings.default.max_examples // HYPOTHESIS_EXAMPLES)
