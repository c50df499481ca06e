"""admin-api gets the variables that the YAML file refers to, and no others."""

from pathlib import Path

from devstack.referred import referred_variables


def test_only_what_the_file_refers_to_is_passed_on(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        "model_catalog: [{routes: [{credential_env: KEY}]}]\nbootstrap: {admin_users: [{password_env: PW}]}\n"
    )
    environment = {"OMG_CONFIG_FILE": str(file), "KEY": "k", "OTHER": "o"}
    assert referred_variables(environment) == {"KEY": "k"}
    assert referred_variables({"KEY": "k"}) == {}
    file.write_text("[")
    assert referred_variables(environment) == {}
