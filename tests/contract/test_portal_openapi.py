"""The portal's types are generated from portal/openapi.json: it has to be what admin-api says of itself today."""

import json
from pathlib import Path

from admin_api.app import describe_api

_EXPORTED = Path(__file__).parents[2] / "portal" / "openapi.json"


def test_the_portal_knows_the_admin_api_of_today() -> None:
    assert json.loads(_EXPORTED.read_text()) == describe_api(), (
        "write it anew: `python -m admin_api openapi > portal/openapi.json`, then `npm run generate` in portal/"
    )
