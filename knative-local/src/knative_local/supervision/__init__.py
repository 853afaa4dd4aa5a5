"""``knative-local run``: everything together, in order, and down again."""
