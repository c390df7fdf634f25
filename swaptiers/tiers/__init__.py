"""Where entries live: a compressed pool in memory, plain pages in memory, slots in a file."""
