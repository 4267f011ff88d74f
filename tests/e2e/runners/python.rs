//! pytest, with and without repeated attempts.

use crate::{Story, play};

fn story<'a>(name: &'a str, files: &'a [(&'a str, &'a str)], verdict: &'a str, says: &'a [&'a str]) -> Story<'a> {
    Story { name, files, verdict, says }
}

#[test]
fn pytest() {
    let teardown = "import pytest\n@pytest.fixture\ndef shop():\n    yield 1\n    raise OSError('gone')\n\
                    def test_pays(shop): pass\n";
    let skipped_teardown = "import pytest\n@pytest.fixture\ndef shop():\n    yield 1\n    raise OSError('gone')\n\
                            def test_pays(shop): pytest.skip('later')\ndef test_ok(): pass\n";
    let setup = "import pytest\n@pytest.fixture\ndef shop(): raise OSError('no database')\ndef test_pays(shop): pass\n";
    let marks = "import pytest\ndef test_ok(): pass\n@pytest.mark.xfail\ndef test_known(): assert 0\n\
                 @pytest.mark.skip\ndef test_later(): pass\n";
    let strict = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_known(): pass\ndef test_ok(): pass\n";
    let params = "import pytest\n@pytest.mark.parametrize('n', [1, 2, 'ü', '<b>'])\ndef test_pays(n): assert n != 2\n";
    let subtests = "import unittest\ndef test_carts(subtests):\n    for n in range(3):\n        with subtests.test(n=n): pass\n\
                    class T(unittest.TestCase):\n    def test_pays(self):\n        with self.subTest(n=1): pass\n";
    let failing_subtest =
        "def test_carts(subtests):\n    for n in range(3):\n        with subtests.test(n=n): assert n != 1\n";
    let colours = "def test_pays(): assert 0, 'boom \\x1b[31mred\\x1b[0m & \\x00 end'\n";
    play(
        "pytest",
        "\"$RUNNERS/venv/bin/pytest\" -q --junit-xml=r.xml",
        "r.xml",
        &[
            story("passes", &[("test_a.py", "def test_a(): pass\ndef test_b(): pass\n")], "passed", &["tests: 2 ran"]),
            story("fails", &[("test_a.py", "def test_a(): assert 500 == 200\n")], "blocked", &["assert 500 == 200"]),
            story("teardown fails", &[("test_a.py", teardown)], "blocked", &["gone"]),
            story("skipped, and its teardown fails", &[("test_a.py", skipped_teardown)], "blocked", &["gone"]),
            story("setup fails", &[("test_a.py", setup)], "blocked", &["no database"]),
            story("marks", &[("test_a.py", marks)], "passed", &["tests: 1 ran, none failed, 2 skipped"]),
            story("strict", &[("test_a.py", strict)], "blocked", &["XPASS(strict)"]),
            story("parameters", &[("test_a.py", params)], "blocked", &["tests: 1 of 4 failed", "test_pays[2]"]),
            story("colours", &[("test_a.py", colours)], "blocked", &["boom red & "]),
            story("subtests", &[("test_a.py", subtests)], "passed", &["tests: 2 ran, none failed"]),
            story("a subtest fails", &[("test_a.py", failing_subtest)], "blocked", &["assert 1 != 1"]),
            story("broken", &[("test_a.py", "def test_a(: pass\n")], "blocked", &["exit code 2"]),
            story("no tests", &[("test_a.py", "")], "blocked", &["exit code 5"]),
        ],
    );
}

#[test]
fn pytest_with_repeated_attempts() {
    let flaky = "n = {'c': 0}\ndef test_pays():\n    n['c'] += 1\n    assert n['c'] > 1\ndef test_ok(): pass\n";
    play(
        "pytest --reruns",
        "\"$RUNNERS/venv/bin/pytest\" -q --reruns 2 --junit-xml=r.xml",
        "r.xml",
        &[
            story(
                "flaky",
                &[("test_a.py", flaky)],
                "passed",
                &["tests: 2 ran", "1 failed, then passed: test_a › test_pays"],
            ),
            story(
                "always fails",
                &[("test_a.py", "def test_pays(): assert 0\n")],
                "blocked",
                &["tests: 1 of 1 failed"],
            ),
            story("passes", &[("test_a.py", "def test_a(): pass\n")], "passed", &["tests: 1 ran, none failed"]),
        ],
    );
}
