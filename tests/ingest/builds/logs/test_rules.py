"""Each tool's form of an error or warning is known, and nothing else is."""

import pytest

from ingest.builds.logs.rules import Finding, find, place_after_message, place_before_message

Place = tuple[str | None, int | None, int | None]
NOWHERE: Place = (None, None, None)


def seen(text: str) -> tuple[str, str, Place]:
    finding = find(text)
    assert finding is not None, text
    return finding.severity, finding.kind, (finding.file, finding.line, finding.column)


@pytest.mark.parametrize(
    ("text", "severity", "place"),
    [
        pytest.param("a/b.c:3:7: error: no x", "error", ("a/b.c", 3, 7), id="GNU"),
        pytest.param("b.c:3:7: warning: no x [-Wx]", "warning", ("b.c", 3, 7), id="GNU warning"),
        pytest.param("b.c:3: error: no x", "error", ("b.c", 3, None), id="GNU without column"),
        pytest.param("b.c:3:7: fatal error: x.h: none", "error", ("b.c", 3, 7), id="GNU fatal"),
        pytest.param(
            "b.c:3:7: internal compiler error: in f", "error", ("b.c", 3, 7), id="GNU internal"
        ),
        pytest.param("my dir/b.c:3:7: error: x", "error", ("my dir/b.c", 3, 7), id="blank"),
        pytest.param("C:\\b.c:3:7: error: x", "error", ("C:\\b.c", 3, 7), id="drive"),
        pytest.param("x.s:9: Error: no instruction", "error", ("x.s", 9, None), id="assembler"),
        pytest.param("g++: error: unrecognized option", "error", NOWHERE, id="GNU driver"),
        pytest.param("cc1: warning: bad option", "warning", NOWHERE, id="GNU part"),
        pytest.param("f951: Fatal Error: cannot read", "error", NOWHERE, id="gfortran part"),
        pytest.param("x.f90:3:5: error: No type for 'n'", "error", ("x.f90", 3, 5), id="flang"),
        pytest.param("clang-15: error: bad option", "error", NOWHERE, id="Clang driver"),
        pytest.param("m.f90(12): error #6404: no type", "error", ("m.f90", 12, None), id="ifort"),
        pytest.param(
            "m.f90(12): warning #7319: x", "warning", ("m.f90", 12, None), id="ifort warning"
        ),
        pytest.param("m.f90(12,4): error #6404: x", "error", ("m.f90", 12, 4), id="ifx column"),
        pytest.param("m.c(3): error: no x", "error", ("m.c", 3, None), id="icc"),
        pytest.param("m.c(3): catastrophic error: x", "error", ("m.c", 3, None), id="icc ends"),
        pytest.param("m.c(3) : error C2065: x", "error", ("m.c", 3, None), id="MSVC"),
        pytest.param("ifort: error #10236: File not found", "error", NOWHERE, id="ifort driver"),
        pytest.param(
            "ifx: command line warning #10006: ignoring", "warning", NOWHERE, id="ifx command line"
        ),
        pytest.param("icpx: error: unable to execute", "error", NOWHERE, id="icpx driver"),
        pytest.param(
            "NVFORTRAN-S-0034-Syntax (a/b.F90: 12)", "error", ("a/b.F90", 12, None), id="NV"
        ),
        pytest.param(
            "NVFORTRAN-W-0093-Conversion (b.F90: 12)", "warning", ("b.F90", 12, None), id="NV warns"
        ),
        pytest.param("NVC++-F-0000-Internal (b.cc: 2)", "error", ("b.cc", 2, None), id="NV C++"),
        pytest.param("PGF90-S-0038-No type (b.f90)", "error", ("b.f90", None, None), id="PGI"),
        pytest.param("nvfortran-Error-Unknown switch: -q", "error", NOWHERE, id="NV driver"),
        pytest.param("nvc-Warning-No such flag", "warning", NOWHERE, id="NV driver warning"),
        pytest.param('"b.cc", line 3: error: no x', "error", ("b.cc", 3, None), id="EDG"),
        pytest.param('"b.cc", line 3: warning #2-D: x', "warning", ("b.cc", 3, None), id="EDG no"),
        pytest.param('"b.f", line 3.5: 1515-019 (S) x', "error", ("b.f", 3, 5), id="XL"),
        pytest.param('"b.f", line 3.5: 1515-019 (W) x', "warning", ("b.f", 3, 5), id="XL warning"),
        pytest.param(
            "ftn-113 ftn: ERROR MOD, File = a/b.F90, Line = 9, Column = 2",
            "error", ("a/b.F90", 9, 2), id="Cray Fortran",
        ),
        pytest.param(
            "ftn-7212 crayftn: WARNING SUB, File = b.F90, Line = 9",
            "warning", ("b.F90", 9, None), id="Cray Fortran warning",
        ),
        pytest.param(
            "CC-20 craycxx: ERROR File = b.cc, Line = 9", "error", ("b.cc", 9, None), id="Cray C++"
        ),
        pytest.param("ftn-2107 ftn: ERROR in command line", "error", NOWHERE, id="Cray driver"),
        pytest.param("ftn-2260 ftn: CAUTION in command", "warning", NOWHERE, id="Cray caution"),
        pytest.param("k.cu(25): error: no x", "error", ("k.cu", 25, None), id="CUDA"),
        pytest.param("ptxas k.ptx, line 3; error   : bad", "error", ("k.ptx", 3, None), id="ptxas"),
        pytest.param("nvcc warning : old target", "warning", NOWHERE, id="nvcc"),
        pytest.param("nvlink error   : Undefined reference to 'x'", "error", NOWHERE, id="nvlink"),
    ],
)  # fmt: skip
def test_what_a_compiler_says_is_found(text: str, severity: str, place: Place) -> None:
    assert seen(text) == (severity, "compiler", place)


@pytest.mark.parametrize(
    ("text", "severity", "kind", "place"),
    [
        pytest.param(
            "b.c:12: undefined reference to `f'", "error", "linker", ("b.c", 12, None), id="line"
        ),
        pytest.param(
            "ld: b.o:b.c:12: undefined reference to `f'",
            "error",
            "linker",
            ("b.c", 12, None),
            id="ld",
        ),
        pytest.param(
            "b.c:(.text+0x5): undefined reference to `f'", "error", "linker", NOWHERE, id="section"
        ),
        pytest.param("/usr/bin/ld: cannot find -lx", "error", "linker", NOWHERE, id="library"),
        pytest.param("collect2: error: ld returned 1", "error", "linker", NOWHERE, id="collect2"),
        pytest.param("ld.lld: error: undefined symbol: f", "error", "linker", NOWHERE, id="lld"),
        pytest.param("ld: warning: old object", "warning", "linker", NOWHERE, id="ld warning"),
        pytest.param(
            "clang: error: linker command failed with 1", "error", "linker", NOWHERE, id="Clang"
        ),
        pytest.param("make: *** [Makefile:3: all] Error 1", "error", "make", NOWHERE, id="make"),
        pytest.param("gmake[2]: *** [a.o] Error 2", "error", "make", NOWHERE, id="gmake"),
        pytest.param("/usr/bin/make[1]: *** [a] Error 2", "error", "make", NOWHERE, id="path"),
        pytest.param("make: *** No rule to make target 'x'.", "error", "make", NOWHERE, id="rule"),
        pytest.param(
            "Makefile:3: *** missing separator.", "error", "make", ("Makefile", 3, None), id="text"
        ),
        pytest.param("*** Error code 1", "error", "make", NOWHERE, id="BSD make"),
        pytest.param("FAILED: a.o", "error", "ninja", NOWHERE, id="ninja"),
        pytest.param("FAILED: [code=1] a.o", "error", "ninja", NOWHERE, id="new ninja"),
        pytest.param("ninja: build stopped: x.", "error", "ninja", NOWHERE, id="ninja stops"),
        pytest.param("==> Error: ProcessError: x", "error", "spack", NOWHERE, id="Spack"),
        pytest.param("==> [2026-01-02-03:04:05.6] Error: x", "error", "spack", NOWHERE, id="stamp"),
        pytest.param("==> Warning: x", "warning", "spack", NOWHERE, id="Spack warning"),
        pytest.param("Command exited with status 2:", "error", "spack", NOWHERE, id="status"),
        pytest.param(
            "ModuleNotFoundError: No module x", "error", "python", NOWHERE, id="exception"
        ),
        pytest.param("a.b.CustomException: x", "error", "python", NOWHERE, id="module"),
        pytest.param(
            "a/b.py:3: DeprecationWarning: x", "warning", "python", ("a/b.py", 3, None), id="old"
        ),
        pytest.param(
            "CMake Error at a/x.cmake:3 (message):",
            "error",
            "cmake",
            ("a/x.cmake", 3, None),
            id="CMake",
        ),
        pytest.param("CMake Error: no generator", "error", "cmake", NOWHERE, id="CMake only"),
        pytest.param("CMake Warning:", "warning", "cmake", NOWHERE, id="CMake warning"),
        pytest.param(
            "CMake Warning (dev) at x:3 (f):", "warning", "cmake", ("x", 3, None), id="CMake dev"
        ),
        pytest.param(
            "CMake Deprecation Warning at x:3 (f):",
            "warning",
            "cmake",
            ("x", 3, None),
            id="CMake old",
        ),
        pytest.param(
            "-- Configuring incomplete, errors occurred!", "error", "cmake", NOWHERE, id="CMake end"
        ),
        pytest.param("configure: error: no x", "error", "configure", NOWHERE, id="configure"),
        pytest.param("configure: WARNING: no x", "warning", "configure", NOWHERE, id="warns"),
        pytest.param(
            "checking for x... configure: error: no",
            "error",
            "configure",
            NOWHERE,
            id="behind text",
        ),
        pytest.param("FAIL: test-x", "error", "test", NOWHERE, id="Automake test"),
        pytest.param("FAILED: Pkg::test_x: why", "error", "test", NOWHERE, id="Spack test"),
        pytest.param("1/2 Test #1: a ....***Failed  0.1 sec", "error", "test", NOWHERE, id="CTest"),
        pytest.param("sh: foo: command not found", "error", "tool", NOWHERE, id="no command"),
        pytest.param("/bin/sh: 1: foo: not found", "error", "tool", NOWHERE, id="dash"),
        pytest.param("cp: x: No such file or directory", "error", "tool", NOWHERE, id="no file"),
        pytest.param(
            "x: 12 Segmentation fault (core dumped) y", "error", "tool", NOWHERE, id="dump"
        ),
        pytest.param("      error: command 'g++' failed", "error", "tool", NOWHERE, id="pip"),
        pytest.param("error[E0425]: no x", "error", "tool", NOWHERE, id="Rust"),
        pytest.param("WARNING: x", "warning", "tool", NOWHERE, id="warning"),
        pytest.param("[ERROR] x", "error", "tool", NOWHERE, id="Maven"),
        pytest.param("fatal: unable to access 'x'", "error", "tool", NOWHERE, id="git"),
        pytest.param("forrtl: severe (174): SIGSEGV", "error", "tool", NOWHERE, id="Fortran run"),
    ],
)
def test_what_another_tool_says_is_found(text: str, severity: str, kind: str, place: Place) -> None:
    assert seen(text) == (severity, kind, place)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gcc -Werror -Wall -c errors.c -o errors.o",
        "gcc -c warnings.c -o warnings.o -MF warnings.d",
        "/opt/error/warning: directory",
        "Installing /opt/x/error.h",
        "0 errors",
        "0 errors, 0 warnings",
        "1 warning generated.",
        "  0 inform,   0 warnings,   2 severes, 0 fatal for f",
        "# ERROR: 0",
        "# FAIL:  0",
        "Errors: 0",
        "Error: 1.5e-03",
        "relative error: 3.0",
        "checking for error_at_line... yes",
        "checking for strerror... yes",
        "checking whether -Werror works... no",
        "-- Performing Test HAVE_WERROR - Failed",
        "-- Looking for fatal - not found",
        "b.c:3:7: note: declared here",
        "m.f90(12): remark #8291: x",
        "ifort: remark #10448: old",
        "In file included from a.h:3:",
        "b.c: In function 'f':",
        "make[1]: Entering directory '/a/error'",
        "make: *** Waiting for unfinished jobs....",
        "make[2]: *** Deleting file 'a.o'",
        "make: [Makefile:3: all] Error 1 (ignored)",
        "make: warning:  Clock skew detected",
        "ld: skipping incompatible libx.so when searching for -lx",
        'echo "configure: x: error: y"',
        '==> [2026-01-02-03:04:05.6] FILTER FILE: x [replacing ": error: y"]',
        "==> sim: Executing phase: 'error'",
        "fatal: not a git repository (or any of the parent directories): .git",
        "1/2 Test #1: error ......   Passed    0.01 sec",
    ],
)
def test_what_is_no_message_is_left_alone(text: str) -> None:
    assert find(text) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("a/b.F90:6:5:", ("a/b.F90", 6, 5), id="gfortran"),
        pytest.param("b.f90:6.5:", ("b.f90", 6, 5), id="old gfortran"),
        pytest.param("b.f90:6:5: error: x", None, id="with message"),
        pytest.param("   from x:6:5:", None, id="indented"),
        pytest.param("x:", None, id="no number"),
    ],
)
def test_a_place_may_stand_alone_before_the_message(text: str, place: Place | None) -> None:
    assert place_before_message(text) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("  (a/b.f90: 75)", ("a/b.f90", 75, None), id="NVHPC"),
        pytest.param("  --> src/b.rs:3:5", ("src/b.rs", 3, 5), id="Rust"),
        pytest.param("(see above)", ("see above", None, None), id="parentheses"),
        pytest.param("b.f90: 75", None, id="no parentheses"),
    ],
)
def test_a_place_may_stand_behind_the_message(text: str, place: Place | None) -> None:
    assert place_after_message(text) == place


def test_the_lines_that_follow_are_told() -> None:
    assert find("==> Error: x") == Finding("error", "spack", follow="indented")
    assert find("NVFORTRAN-S-0026-Unmatched quote") == Finding("error", "compiler", follow="place")
