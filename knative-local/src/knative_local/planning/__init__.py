"""From manifests and profile to what runs: addresses, environments, programs, the broker's contract."""
