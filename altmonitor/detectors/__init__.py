"""Detectors: one file each, pure. They look at a book and say a verdict; they store and send nothing."""
