"""`swaptiers torture`: random systems, random work and every fault of the model, from a seed, with each page compared.

An episode is a world (a system as it is set up), a list of operations, and what a model outside says must come of them.
`drawing` makes both from a seed, `play` carries them out, `shrink` makes a failing list short, `script` writes it down.
"""
