"""What a person reads in a browser."""

from __future__ import annotations

import re

from .api_process import ApiProcess


def test_the_documentation_loads_from_nowhere_else(api: ApiProcess) -> None:
    with api.anonymous() as client:
        page = client.get("/docs").text
        links = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(links) == 3
        assert "://" not in page
        for link in links:
            assert client.get(link).status_code == 200, link
    assert "/openapi.json" in page
