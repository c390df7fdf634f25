"""Which entries move along an edge, when, and how they are moved."""
