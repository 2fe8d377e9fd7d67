"""Benchmarks are chosen by their names; nothing is measured for a wrong one, or for help."""

import pytest

from benchmarks.__main__ import main, modules


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["mapping", "mappings"], 2), (["--jsn"], 2)])
def test_help_and_wrong_names(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == code
    assert arguments == ["--jsn"] or all(name in out + err for name in modules())
    assert ("example:" in out) == (code == 0)
