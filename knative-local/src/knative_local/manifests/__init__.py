"""Rendered Knative manifests as strict types: every field is enforced, without effect, or refused."""
