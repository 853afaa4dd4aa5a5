"""The laptop's Knative Broker: ingress, durable log, Triggers, sinks and ping sources in one process."""
