"""A link opens what it was signed for, in the form in which it was given out, and nothing else."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from dialora.errors import StageError
from dialora.study.folder import StudyFolder
from dialora.study.serving import links as module
from dialora.study.serving.links import ExpiredError, LinkError, Links
from tests.study.conftest import build_key, build_study


def test_a_link_opens_its_sheet_and_stays_the_same(study: StudyFolder) -> None:
    first, again = Links.open(study), Links.open(study)
    assert [first.read_invitation(again.invite(sheet)) for sheet in (1, 2, 3)] == [1, 2, 3]
    assert first.invite(1) == again.invite(1)
    first.read_owner(again.sign_owner())


def test_the_secret_is_its_owners_alone(study: StudyFolder) -> None:
    Links.open(study)
    assert study.secret.stat().st_mode & 0o777 == 0o600
    assert len(study.secret.read_bytes()) == 32
    assert {path.name for path in study.root.iterdir()} == {"blind", "key", "secret.key"}


@pytest.mark.parametrize("expires", [None, 30])
def test_every_altered_character_is_refused(study: StudyFolder, expires: int | None) -> None:
    links = Links.open(study)
    token = links.invite(2, expires_days=expires)
    alphabet = string.ascii_letters + string.digits + "-_."
    forged = [
        token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in alphabet if other != token[at]
    ]
    forged += [token[:at] for at in range(len(token))] + [token + other for other in alphabet]
    forged += ["", ".", "é" * 20, "\x00", "a" * 100_000, token + "=", " " + token, token.upper()]
    for other in forged:
        with pytest.raises(LinkError):
            links.read_invitation(other)


def test_a_link_is_of_one_kind_and_one_study(study: StudyFolder, tmp_path: Path) -> None:
    other = StudyFolder(tmp_path / "other")
    other.save(build_study(title="Another one"), build_key())
    mine, theirs = Links.open(study), Links.open(other)
    with pytest.raises(LinkError):
        mine.read_invitation(mine.sign_owner())
    with pytest.raises(LinkError):
        mine.read_owner(mine.invite(1))
    with pytest.raises(LinkError):
        theirs.read_invitation(mine.invite(1))
    # Not even where the secret was copied with the folder.
    other.secret.write_bytes(study.secret.read_bytes())
    with pytest.raises(LinkError):
        Links.open(other).read_invitation(mine.invite(1))


def test_an_invitation_runs_out_where_it_is_to(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    links = Links.open(study)
    token = links.invite(1, expires_days=2)
    now = module.time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 1.9 * 86_400)
    assert links.read_invitation(token) == 1
    monkeypatch.setattr(module.time, "time", lambda: now + 2.1 * 86_400)
    with pytest.raises(ExpiredError):
        links.read_invitation(token)


def test_a_damaged_secret_is_refused(study: StudyFolder) -> None:
    study.secret.write_bytes(b"short")
    with pytest.raises(StageError, match=r"secret\.key: is damaged"):
        Links.open(study)
