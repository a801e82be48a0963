"""The course's new version, with the learner's answers in it: python -m tools.update."""
