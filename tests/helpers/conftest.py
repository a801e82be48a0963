"""What tests of both training loops share."""

import pytest


class Interrupted:
    """Batches with a Ctrl-C before number `at`, counted over all passes, and once only."""

    def __init__(self, batches, at):
        self.batches, self.at, self.seen = batches, at, 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for batch in self.batches:
            if self.seen == self.at:
                self.at = None
                raise KeyboardInterrupt
            self.seen += 1
            yield batch


@pytest.fixture
def interrupted():
    return Interrupted
