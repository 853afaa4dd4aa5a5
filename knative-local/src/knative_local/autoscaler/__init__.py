"""Knative's pod autoscaler (KPA): pure calculation, the time is always an argument."""
