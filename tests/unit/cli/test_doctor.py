"""``quickstudy doctor``."""

from pathlib import Path

from quickstudy.cli import doctor


def test_the_cache_that_cannot_be_written_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "below"))
    assert doctor.main([]) == 0
    assert f"cache       {tmp_path / 'below'}\n" in capsys.readouterr().out
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: Path(path) != tmp_path)
    assert doctor.main([]) == 0
    assert f"{tmp_path / 'below'} (cannot be written: set" in capsys.readouterr().out


def test_a_package_that_is_missing_is_told(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    assert doctor.main([]) == 0
    assert "no-such-packagenot installed" in capsys.readouterr().out.replace(" ", "", 0)


def test_the_faults_of_a_data_folder_are_told(tmp_path, capsys):
    assert doctor.main(["--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("problem     ")
