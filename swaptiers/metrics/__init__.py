"""What Prometheus gets to see: families of metrics out of the counters, a collector, and a server for a run's."""
