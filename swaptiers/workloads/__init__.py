"""Who touches which page when (patterns, traces), and what the pages contain."""
