"""Ratios to baselines measured in the same run: these machines are noisy, the ratio is not."""
