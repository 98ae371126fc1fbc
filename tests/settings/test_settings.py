"""Settings come from the environment that is handed over, and a wrong one is named."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cloudsealed.settings import InvalidSettingError, Settings, Window, parse_budget


def test_without_an_environment_every_setting_has_its_default() -> None:
    assert Settings.from_environment({"PATH": "/bin", "CLOUDSEALED_UNKNOWN": "x"}) == Settings()


def test_every_setting_is_read_from_its_name_and_documented() -> None:
    names = [item.metadata["name"] for item in fields(Settings)]
    assert names == [f"CLOUDSEALED_{item.name.upper()}" for item in fields(Settings)]
    assert all(item.metadata["doc"] for item in fields(Settings))


def test_values_are_read_as_what_they_are() -> None:
    found = Settings.from_environment(
        {
            "CLOUDSEALED_DATA_DIR": "/data",
            "CLOUDSEALED_RETENTION_DAYS": "30",
            "CLOUDSEALED_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "CLOUDSEALED_OWNER_TAGS": "Squad, owner",
            "CLOUDSEALED_CORS_ORIGINS": "https://a.example, https://b.example",
            "CLOUDSEALED_LIMIT_REPORTS": "3/second,5/hour",
        }
    )
    assert found.data_dir == Path("/data")
    assert found.retention_days == 30
    assert found.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert found.owner_tags == ("Squad", "owner")
    assert found.cors_origins == ("https://a.example", "https://b.example")
    assert found.limit_reports == (Window(3, 1), Window(5, 3600))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "-1"),
        ("RETENTION_DAYS", "many"),
        ("COLLECT_WORKERS", ""),
        ("LIMIT_CORE", "0/minute"),
        ("LIMIT_CORE", "5/day"),
        ("LIMIT_CORE", ""),
        ("LIMIT_CORE", "5/minute,"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy"),
        ("REPORT_COLOUR", "red"),
        ("REPORT_COLOUR", "#1f4e8"),
        ("REPORT_COLOUR", "#777777"),
        ("REPORT_LANGUAGE", "tlh"),
    ],
)
def test_a_value_that_cannot_be_taken_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSettingError, match=f"CLOUDSEALED_{name}="):
        Settings.from_environment({f"CLOUDSEALED_{name}": value})


def test_a_colour_on_which_white_text_cannot_be_read_is_refused_with_its_contrast() -> None:
    assert Settings.from_environment({"CLOUDSEALED_REPORT_COLOUR": "#767676"})
    with pytest.raises(InvalidSettingError, match=r"contrast of 1\.1:1, and must have 4\.5:1"):
        Settings.from_environment({"CLOUDSEALED_REPORT_COLOUR": "#FFFF00"})


def test_a_budget_is_read_window_by_window() -> None:
    assert parse_budget("10/minute, 100/hour") == (Window(10, 60), Window(100, 3600))


def test_files_rest_in_the_data_folder_unless_they_have_a_place_of_their_own() -> None:
    plain = Settings(data_dir=Path("/data"))
    assert plain.key_path == Path("/data/keys.json")
    assert plain.blob_dir == Path("/data/blobs")
    assert plain.sqlite_path == Path("/data/cloudsealed.db")
    placed = Settings(data_dir=Path("/data"), key_file="/k/keys.json", blob_url="file:/b")
    assert (placed.key_path, placed.blob_dir) == (Path("/k/keys.json"), Path("/b"))
