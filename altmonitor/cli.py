"""Sub-commands: argv → config → app; nothing else."""


def main() -> None:
    """Entry point."""
