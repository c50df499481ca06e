"""The reference of settings and the schema of the YAML file say what the processes read."""

import pytest
from tests.architecture.configuration import PROCESSES, REFERENCE, SCHEMA, classes, reference, schema_text, users

from common.configuration.keys import Key, settings_in


def test_the_reference_of_settings_is_up_to_date() -> None:
    assert reference() == REFERENCE.read_text(), "run: python -m tests.architecture.configuration"


def test_the_schema_of_the_file_is_up_to_date() -> None:
    assert schema_text() == SCHEMA.read_text(), "run: python -m tests.architecture.configuration"


@pytest.mark.parametrize("process", PROCESSES)
def test_every_setting_has_a_key_and_is_explained(process: str) -> None:
    for setting in settings_in(classes()[process]):
        assert any(isinstance(each, Key) for each in setting.field.metadata), f"{setting.name} has no Key"
        assert setting.about, f"{setting.name} is not explained"


def test_a_key_is_one_thing_in_every_process() -> None:
    for path, used in users().items():
        assert len({(setting.variable, setting.about, setting.secret) for _, _, setting in used}) == 1, path
    variables = [used[0][2].variable for used in users().values()]
    assert len(variables) == len(set(variables))
