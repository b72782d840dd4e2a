"""Tests in Python, told to meson in TAP: @test above a function whose name is a sentence, tap.main() at the end."""
import sys
import traceback

tests = []


class Skip(Exception):
    """raise tap.Skip("why") when the test cannot be made here"""


def test(function):
    tests.append(function)
    return function


def equal(got, want):
    if got != want:
        raise AssertionError(f"got  {got!r}\nwant {want!r}")


def main():
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, function in enumerate(tests, 1):
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            print(f"ok {number} - {name} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    sys.exit(1 if failed else 0)
