"""Which wrong answers the checks let pass, and which they have no name for: python -m tools.mutants."""
