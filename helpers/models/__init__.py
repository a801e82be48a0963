"""Models put together from the layers."""
