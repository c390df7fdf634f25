"""Sweeps: an experiment over a grid of settings and seeds, on many processes or machines, into one data set that grows."""
