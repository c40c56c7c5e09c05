"""The unit file for any folder, and settings in the form systemd reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from altmonitor.ops.deploy.releases import environment_text, unit_text

TEMPLATE = (Path(__file__).parents[3] / "systemd/altmonitor.service").read_text("utf-8")


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name))


def test_the_unit_in_the_repository_is_the_one_for_the_usual_folder() -> None:
    assert unit_text(TEMPLATE, PurePosixPath("/opt/altmonitor/current")) == TEMPLATE


def test_a_path_with_everything_in_it_is_quoted_as_systemd_wants() -> None:
    text = unit_text(TEMPLATE, PurePosixPath('/srv/it\'s a "shop" $HOME 50%'))

    assert line_of(text, "EnvironmentFile=") == 'EnvironmentFile=/srv/it\'s a "shop" $HOME 50%%/service.env'
    assert line_of(text, "ExecStart=").endswith(
        '"/srv/it\'s a \\"shop\\" $$HOME 50%%/.venv/bin/python" -m altmonitor run --env-file /dev/null'
    )


def test_below_home_the_rest_of_home_stays_hidden() -> None:
    text = unit_text(TEMPLATE, PurePosixPath("/home/ann/my monitor"))

    assert 'ProtectHome=tmpfs\nBindReadOnlyPaths="/home/ann/my monitor"\n' in text
    assert "ProtectHome=yes" not in text


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "WatchdogSec=120",
        "Restart=always",
        "RestartPreventExitStatus=2",
        "StateDirectory=altmonitor",
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "After=network-online.target time-sync.target",
        "WantedBy=multi-user.target",
    ],
)
def test_the_unit_says(line: str) -> None:
    assert line in TEMPLATE.splitlines()


def test_values_are_quoted_so_that_systemd_and_dotenv_agree() -> None:
    text = environment_text({"A": "1", "HTTPS_PROXY": 'http://u:p"a\\s$s`#x@h:1', "EMPTY": ""})

    assert text == 'A="1"\nHTTPS_PROXY="http://u:p\\"a\\\\s\\$s\\`#x@h:1"\nEMPTY=""\n'


def test_a_value_over_two_lines_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="ALERT_TZ holds a line break"):
        environment_text({"ALERT_TZ": "UTC\nX=1"})
