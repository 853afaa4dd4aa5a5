"""Load on a running system, with replicas, latency and events behind on one time axis."""
