"""The kernel's control files over a system."""
