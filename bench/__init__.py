"""Speed, as ratios against a limit or a peer taken in the same interleaved run: `python -m bench --quick`."""
