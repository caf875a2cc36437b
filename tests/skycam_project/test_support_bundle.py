"""`skycam support-bundle`: what is in it, and that no secret is."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from core.events.service import raise_alert, record_event
from core.secrets import encrypt_secrets
from monitoring.models import Sensor
from skycam_project.cli.support import bundle
from skycam_project.cli.support.known_secrets import Redactor
from tests.harness.rows.cameras import add_camera
from tests.harness.rows.offsite import destination
from tests.harness.rows.webhooks import added
from tests.harness.stations.command_line import answer, run, skycam

CAMERA = "Sesame&17/öffne"
WEBHOOK = "T0ken-of-the-receiver-8812"
SENSOR = "Key-of-the-weather:5511"
DESTINATION = "S3cret+of=the/bucket"
SECRETS = (CAMERA, WEBHOOK, SENSOR, DESTINATION)
S3 = {"endpoint": "https://s3.example.org", "region": "eu", "bucket": "night", "access_key": "AKIDX"}


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name.removeprefix("skycam-support/"): archive.read(name).decode() for name in archive.namelist()}


def written(secret: str) -> list[str]:
    """As programs write a secret."""
    basic = base64.b64encode(f"admin:{secret}".encode()).decode()
    plain = base64.b64encode(secret.encode()).decode()
    return [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], plain, basic, f"https://u:{quote(secret)}@h/"]


def leaks(texts: dict[str, str], secret: str) -> list[tuple[str, str]]:
    """File and form of each place where the secret, or its core in base64, can be read."""
    cores = [form.strip("=")[4:-2] if form[:4] != secret[:4] else form for form in written(secret)[3:5]]
    forms = [*written(secret)[:3], *cores]
    return [(name, form) for name, text in texts.items() for form in forms if form in text]


@pytest.fixture
def log_of_secrets() -> list[str]:
    """Lines of a log that have secrets, known ones and ones that only their place shows."""
    file = settings.STATION.logging.file
    file.parent.mkdir(parents=True, exist_ok=True)
    known = [line for secret in SECRETS for line in written(secret)]
    unknown = [
        "GET /api/ Authorization: Token unknown-secret-1",
        "Cookie: theme=dark; sessionid=unknown-secret-2",
        'sent {"password": "unknown-secret-3", "count": 4}',
        "curl -H 'Authorization: Bearer unknown-secret-4' https://h/?sig=unknown-secret-5",
        "rtsp://root:unknown-secret-6@10.0.0.9/live",
        "SMTP_PASSWORD=unknown-secret-7 api_key: unknown-secret-8",
    ]
    file.write_text("\n".join(["worker | it began", *known, *unknown, "worker | it ended"]))
    return known


@pytest.mark.django_db
def test_no_secret_of_the_database_is_in_it(tmp_path: Path, log_of_secrets: list[str]) -> None:
    add_camera(slug="yard", kind="network", address=f"rtsp://viewer:{quote(CAMERA, safe='')}@10.0.0.9/live")
    key = added(f"https://hooks.example.org/{WEBHOOK}?a=b").secret
    destination("s3", S3, {"secret_key": DESTINATION})
    roof = Sensor(name="roof", kind="http", host="main")
    headers = {"headers": json.dumps({"X-Key": SENSOR})}
    roof.secrets_encrypted = encrypt_secrets(roof, "secrets_encrypted", headers)
    roof.save()
    [record_event("camera.state", f"It said {line}.", data={"answer": line}, camera=None) for line in log_of_secrets]
    raise_alert("camera.unreachable:yard", f"It refuses {CAMERA}.", data={"password": "unknown-secret-9"}, camera=None)
    body = answer("support-bundle", str(tmp_path / "b.zip"))
    texts = contents(tmp_path / "b.zip")
    assert {secret: leaks(texts, secret) for secret in (*SECRETS, key) if leaks(texts, secret)} == {}
    assert [name for name, text in texts.items() if "unknown-secret" in text] == []
    assert not any(name.startswith("secrets of") for name in body["missing"])
    assert "it began" in texts["logs/skycam.log"]
    assert "it ended" in texts["logs/skycam.log"]
    assert len(json.loads(texts["events.json"])) >= len(log_of_secrets)


@pytest.mark.django_db
def test_it_can_be_read_by_its_owner_only_and_replaces_no_file(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    assert skycam("support-bundle", str(path)).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = skycam("support-bundle", str(path))
    assert again.exit_code == 2
    assert "exists" in again.stderr


@pytest.mark.django_db
def test_it_does_not_write_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "b.zip").symlink_to(tmp_path / "target")
    assert skycam("support-bundle", str(tmp_path / "b.zip")).exit_code == 2
    assert not (tmp_path / "target").exists()


@pytest.mark.django_db
def test_what_cannot_be_read_is_listed(tmp_path: Path) -> None:
    body = answer("support-bundle", str(tmp_path / "b.zip"))
    assert body["missing"]["parts.json"].startswith("LaunchError: No station runs")
    assert json.loads(contents(tmp_path / "b.zip")["missing.json"]) == body["missing"]


def test_it_is_made_with_a_broken_configuration(tmp_path: Path) -> None:
    (tmp_path / "data" / "logs").mkdir(parents=True, mode=0o700)
    (tmp_path / "data" / "logs" / "skycam.log").write_text("worker | password=planted-secret\n")
    (tmp_path / "data" / "address-secret").write_text("planted-" * 5)
    (tmp_path / ".env").write_text("WEB_PORT=none\nSKYCAM_ADMIN_PASSWORD='planted-pass'\n")
    found = run(tmp_path / "data", "--output", "json", "support-bundle", "b.zip")
    assert found.status == 0, found.stderr
    texts = contents(tmp_path / "b.zip")
    assert "configuration.json" not in texts
    assert json.loads(texts["missing.json"])["jobs.json"] == "The configuration is not valid; doctor.json says why."
    assert "WEB_PORT" in texts["doctor.json"]
    assert [name for name, text in texts.items() if "planted" in text] == []


def test_only_the_end_of_a_long_log_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LOG_BYTES", 30)
    (tmp_path / "log").write_text("password=abc the first line\nthe second line\nthe third\n")
    assert bundle.read_end(tmp_path / "log") == "the second line\nthe third\n"


def test_what_hangs_is_missing() -> None:
    gate = threading.Event()
    # It returns although no one opens the gate.
    found = bundle.collect_file("parts.json", lambda: str(gate.wait()), until=time.monotonic())
    gate.set()
    assert found.missing.startswith("It has not ended within")


printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=8, max_size=40)


@given(secret=printable, before=printable, after=printable)
def test_no_form_of_a_known_secret_stays_in_a_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    texts = {form: redactor.redact_text(f"{before} {form} {after}") for form in written(secret)[:3]}
    assert [form for form, text in texts.items() if form in text] == []
    whole = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    assert redactor.redact_text(whole) != whole


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
def test_every_value_of_json_is_redacted_to_one_of_json(value: Any) -> None:
    json.dumps(Redactor(["secret-of-all"]).redact_value(value))


def test_everything_below_a_sensitive_name_is_replaced() -> None:
    found = Redactor([]).redact_value({"secret": {"id": "a", "parts": ["b", 5]}, "has_secret": True, "key": "disk"})
    assert found == {"secret": {"id": "********", "parts": ["********"] * 2}, "has_secret": True, "key": "disk"}


def test_the_folder_of_the_shell_is_no_secret(tmp_path: Path) -> None:
    found = run(tmp_path / "none", "support-bundle", "b.zip", PWD=str(tmp_path), OLDPWD=os.sep)
    assert found.status == 0
    assert str(tmp_path) in contents(tmp_path / "b.zip")["doctor.json"]
