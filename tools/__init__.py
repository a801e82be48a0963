"""What maintainers and instructors run: building the notebooks, progress, benchmarks."""
