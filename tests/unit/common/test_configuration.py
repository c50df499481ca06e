"""Settings from the environment, from files of secrets and from one YAML file; what is wrong is told with its place."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given as given_examples
from hypothesis import settings
from hypothesis.strategies import text as texts
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings

from common.configuration.check import find_problems, rows
from common.configuration.document import DocumentError, parse_document
from common.configuration.given import UnusableError
from common.configuration.keys import Key
from common.settings import BusSettings, DatabaseSettings, ProcessSettings, from_environment, given
from edge_proxy.settings import EdgeSettings

SECRET = "nats://user:canary-word@host"


class Both(ProcessSettings, DatabaseSettings, BusSettings):
    pass


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NATS_URL", "DATABASE_URL", "REDIS_URL", "OMG_CONFIG_FILE", "OMG_LISTEN_PORT", "OMG_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def config(tmp_path: Path, environment: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes the file that OMG_CONFIG_FILE names; its path."""

    def write(text: str) -> str:
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        environment.setenv("OMG_CONFIG_FILE", str(path))
        return str(path)

    return write


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(
    environment: pytest.MonkeyPatch, config: Callable[[str], str]
) -> None:
    path = config("server:\n  listen_port: 9001\nobservability: {log_level: debug}\ndatabase:\n  pool_size: 7\n")
    environment.setenv("NATS_URL", "nats://a")
    environment.setenv("DATABASE_URL", "postgresql://b")
    environment.setenv("OMG_LISTEN_PORT", "9002")

    read = from_environment(Both)

    assert (read.listen_port, read.log_level, read.database_pool_size, read.nats_replicas) == (9002, "debug", 7, 1)
    origins = {name: each.where for name, each in given(Both, {"OMG_CONFIG_FILE": path, "NATS_URL": "x"}).items()}
    assert origins == {
        "listen_port": f"{path}:2",
        "log_level": f"{path}:3",
        "database_pool_size": f"{path}:5",
        "nats_url": "NATS_URL",
    }


def test_a_secret_is_read_from_the_file_that_its_variable_names(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "nats"
    file.write_text(SECRET + "\n")
    environment.setenv("NATS_URL_FILE", str(file))

    assert BusSettings().nats_url == SecretStr(SECRET)

    environment.setenv("NATS_URL", "nats://a")
    with pytest.raises(SystemExit):
        from_environment(BusSettings)
    assert "NATS_URL: NATS_URL_FILE is set as well; set one of them" in capsys.readouterr().err
    environment.delenv("NATS_URL")
    environment.setenv("NATS_URL_FILE", str(tmp_path / "absent"))
    with pytest.raises(SystemExit):
        from_environment(BusSettings)
    assert "absent cannot be read: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"nats:\n  url: {SECRET}\n", "gateway.yaml:2: nats.url: a secret is not read from this file; set NATS_URL, or"),
        ("redis: {url: 'redis://:canary-word@x'}\n", "gateway.yaml:1: redis.url: a secret is not read from this file"),
        ("server:\n  listen_prot: 1\n", "gateway.yaml:2: server.listen_prot: there is no such key; is it server.listen_port?"),
        ("upstream:\n  max_streams: 1\n", "upstream.max_streams: there is no such key; is it server.max_streams?"),
        ("zzz: 1\n", "gateway.yaml:1: zzz: there is no such key\n"),
        ("server: 5\n", "gateway.yaml:1: server: this is a section: its keys belong below it, indented"),
        ("server:\n  listen_port: many\n", "gateway.yaml:2: server.listen_port: Input should be a valid integer"),
        ("server:\n  listen_port: 1\n  listen_port: 2\n", "gateway.yaml:3: listen_port is given twice"),
        ("server: [\n", "this is no YAML"),
        ("- a\n", "gateway.yaml:1: a document consists of sections, each with its keys"),
        ("a: &a {x: 1}\nserver: {<<: *a}\n", "merge keys (<<) are not read"),
        ("server: !!python/object:os.system x\n", "this is no YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_told_with_its_line(
    environment: pytest.MonkeyPatch,
    config: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
    text: str,
    told: str,
) -> None:
    config(text)
    environment.setenv("NATS_URL", "nats://a")
    environment.setenv("DATABASE_URL", "postgresql://b")

    with pytest.raises(SystemExit) as ended:
        from_environment(Both)

    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert "canary-word" not in error


def test_keys_of_other_processes_are_no_mistakes(environment: pytest.MonkeyPatch, config: Callable[[str], str]) -> None:
    config("upstream: {max_tries: 2}\nadmin: {session: {lifetime: 3600}}\nbootstrap: {tenants: [{name: A}]}\nserver:\n")
    environment.setenv("NATS_URL", "nats://a")
    assert BusSettings().nats_replicas == 1


def test_scalars_are_what_they_look_like() -> None:
    text = "a: no\nb: true\nc: 0.10\nd: 2026-01-01\ne: 012\nf: 1:30\ng: 42\nh: ~\ni: '5'\nj: -3\nk: 1e3\n"
    assert dict(parse_document(text, name="x").values) == {
        "a": "no", "b": True, "c": "0.10", "d": "2026-01-01", "e": "012", "f": "1:30", "g": 42, "h": None, "i": "5",
        "j": -3, "k": "1e3",
    }  # fmt: skip
    with pytest.raises(DocumentError):
        parse_document("[" * 5000, name="x")


@pytest.mark.parametrize(
    "text",
    [
        "a: !!timestamp 2026-01-01",
        "a: !!int x",
        "a: !!python/name:os.system",
        f"a: {'9' * 5000}",
        "a: &x [*x]",
        "a: !!bool maybe",
        "? [a]\n: b",
        "\x00",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefgh")),
    ],
)
def test_what_no_setting_can_be_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        parse_document(text, name="x")


@given_examples(texts(alphabet="ab:-[]{}!&*#|>'\"\n 01~<?,\t\u00e9", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_document_or_refused(text: str) -> None:
    with suppress(DocumentError):
        assert isinstance(parse_document(text, name="x").values, dict)


@pytest.mark.parametrize("given_as", ["10.0.0.0/8, 192.168.1.1", '["10.0.0.0/8", "192.168.1.1/32"]'])
def test_lists_in_the_environment_are_json_or_separated_by_commas(given_as: str) -> None:
    found = given(EdgeSettings, {"OMG_TRUSTED_PROXIES": given_as})["trusted_proxies"].value
    assert [str(ip_network(each)) for each in found] == ["10.0.0.0/8", "192.168.1.1/32"]


def test_a_list_that_is_no_json_is_told() -> None:
    with pytest.raises(UnusableError, match="OMG_TRUSTED_PROXIES: this is no list in JSON"):
        given(EdgeSettings, {"OMG_TRUSTED_PROXIES": "[10.0.0.0/8"})


class Provider(BaseModel):
    name: str
    client_secret: SecretStr


class Several(ProcessSettings):
    """As a service would have it whose YAML key is in the schema; `bootstrap` stands for one here."""

    providers: Annotated[list[Provider], Key("bootstrap", "Several.")] = Field(default_factory=list)


def test_secrets_inside_a_list_are_referred_to(environment: pytest.MonkeyPatch, config: Callable[[str], str]) -> None:
    path = config("bootstrap:\n  - {name: a, client_secret_env: A_SECRET}\n")
    environment.setenv("A_SECRET", "canary-word")
    assert Several().providers[0].client_secret == SecretStr("canary-word")
    document = parse_document(Path(path).read_text(), name="x")
    assert find_problems({"serve": Several}, {}, document, file_only=True) == []
    (absent,) = find_problems({"serve": Several}, {}, document, file_only=False)
    assert str(absent) == "x:2: bootstrap.0.client_secret_env: the variable A_SECRET is not set"
    shown = rows({"serve": Several}, {"A_SECRET": "canary-word"}, document)["bootstrap"]
    assert shown == {"value": [{"name": "a", "client_secret": "***"}], "source": "x:1"}
    config("bootstrap:\n  - {name: a, client_secret: canary-word}\n")
    with pytest.raises(UnusableError) as refused:
        Several()
    told = f"{path}:2: bootstrap.0.client_secret: a secret is not written here: give client_secret_env or client_secret_file"
    assert str(refused.value) == told
    environment.setenv("OMG_PROVIDERS", '[{"name": "b", "client_secret": "x"}]')
    assert Several().providers[0].name == "b"


def problems(environment: dict[str, str], text: str, *, file_only: bool = False) -> list[str]:
    classes: dict[str, type[BaseSettings]] = {"serve": Both, "migrate": DatabaseSettings}
    document = parse_document(text, name="gateway.yaml")
    return [str(each) for each in find_problems(classes, environment, document, file_only=file_only)]


def test_the_check_tells_everything_at_once() -> None:
    found = problems({"OMG_LISTN_PORT": "1", "NATS_URL": "nats://a"}, "server: {listen_port: 70000}\nsevrer: {}\n")
    assert sorted(found) == [
        "DATABASE_URL: Field required",
        "OMG_LISTN_PORT: no process reads this variable; is it OMG_LISTEN_PORT?",
        "gateway.yaml:1: server.listen_port: Input should be less than or equal to 65535",
        "gateway.yaml:2: sevrer: there is no such key; is it server?",
    ]
    assert problems({}, "server: {listen_port: 7000}\n", file_only=True) == []


def test_the_command_checks_and_shows_without_telling_secrets(config: Callable[[str], str]) -> None:
    path = config("server:\n  listen_port: 9001\n")

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"OMG_CONFIG_FILE": path, "NATS_URL": SECRET, "DATABASE_URL": "postgresql://b"} | more
        command = [sys.executable, "-m", "batch_runner", "config", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    checked, shown, refused = run("check"), run("show", "--json"), run("check", OMG_DATABASE_POOL_SIZE="0")

    assert (checked.returncode, checked.stdout) == (0, "the configuration is usable\n")
    rows = json.loads(shown.stdout)
    assert rows["server.listen_port"] == {"value": 9001, "source": f"{path}:2"}
    assert rows["nats.url"] == {"value": "***", "source": "NATS_URL"}
    assert rows["nats.replicas"] == {"value": 1, "source": "default"}
    assert refused.returncode == 1
    assert refused.stderr == "OMG_DATABASE_POOL_SIZE: Input should be greater than or equal to 1\n"
    assert "canary-word" not in checked.stdout + shown.stdout + refused.stderr


def test_omg_asks_all_services_and_tells_each_problem_once(config: Callable[[str], str]) -> None:
    def omg(action: str, path: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "devstack.cli", "config", action, path]
        return subprocess.run(command, env={}, capture_output=True, text=True, timeout=100, check=False)

    wrong = omg("check", path := config("server: {listen_port: -1}\nupstream: {max_tries: 99}\nabc: 1\n"))
    assert wrong.returncode == 1
    assert sorted(wrong.stderr.splitlines()) == [
        f"{path}:1: server.listen_port: Input should be greater than or equal to 0",
        f"{path}:2: upstream.max_tries: Input should be less than or equal to 10",
        f"{path}:3: abc: there is no such key",
    ]
    right = omg("check", path := config("server: {listen_port: 1}\n"))
    assert (right.returncode, right.stderr) == (0, "")
    shown = [line.split() for line in omg("show", path).stdout.splitlines()]
    assert ["server.listen_port", "1", f"({path}:1)"] in shown
    assert ["server.max_streams", "10000", "(default)"] in shown


def test_without_a_file_nothing_of_yaml_is_loaded() -> None:
    program = (
        "import sys, edge_proxy.__main__; from common.settings import from_environment, ProcessSettings;"
        "from_environment(ProcessSettings); sys.exit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
