"""Feedback controllers: from what happened in the last interval to what should be moved now. Arithmetic only."""
