"""What every request to a route of OpenAI's carries."""

from edge_proxy.providers.registry import PROVIDERS


def test_the_account_is_named_where_the_route_says_whose_it_is() -> None:
    headers = dict(PROVIDERS["openai"].headers("sk", {"organization": "org-1", "project": "proj_1"}))
    assert headers["authorization"] == "Bearer sk"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj_1")


def test_without_a_credential_or_settings_nothing_of_them_is_sent() -> None:
    headers = dict(PROVIDERS["openai"].headers(None, {}))
    assert set(headers) == {"content-type", "accept-encoding"}
