"""A development OIDC issuer: real discovery, real keys, real signatures, and it believes everybody."""
