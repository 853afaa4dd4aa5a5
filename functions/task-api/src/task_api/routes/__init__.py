"""HTTP in, HTTP out: routes translate, the service decides."""
