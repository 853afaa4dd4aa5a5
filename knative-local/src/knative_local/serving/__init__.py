"""Knative Services as processes: activator, instances, scaling."""
