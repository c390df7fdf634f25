"""The laboratory: clock, resident memory, replay, inversion, results."""
