"""A generalized swap-tier demotion framework."""
__version__ = "0.1.0"
