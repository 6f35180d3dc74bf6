"""Small reports in the forms that Spack writes, made for the tests."""

from html import escape

HASH = "abcdefghijklmnopqrstuvwxyz234567"
OTHER = "bcdefghijklmnopqrstuvwxyz234567a"
LOG = (
    "==> p: Executing phase: 'configure'\n"
    f"==> [2026-01-02-03:04:05.5] ./configure --prefix=/opt/p-1.2-{HASH}\n"
    "==> p: Executing phase: 'build'\n"
    "b.c:3:7: error: no x\n"
    "make: *** [a] Error 1\n"
)


def junit(*cases: str, name: str = "p") -> bytes:
    head = f'<testsuite name="{name}" errors="0" tests="1" failures="1" time="1.5"'
    stamp = 'timestamp="Fri, 02 Jan 2026 03:04:05" >'
    properties = '<properties><property name="architecture" value="linux-x-y" /></properties>'
    body = "".join(cases)
    return f"<testsuites>{head} {stamp}{properties}{body}</testsuite></testsuites>".encode()


def case(inside: str = "", package: str = "p", name: str = HASH, log: str = "") -> str:
    out = f"<system-out>\n{escape(log)}            </system-out>" if log else ""
    return f'<testcase classname="{package}" name="{name}" time="0.5">{inside}{out}</testcase>'


FAILURE = '<failure message="ProcessError: bad">\nTraceback\n            </failure>'
SAID = '<failure message="Installation of p failed; see log for details">\nNone\n</failure>'
SKIPPED = "<skipped />"


def cdash(step: str, inside: str, build: str = "p") -> bytes:
    head = (
        f'<Site BuildName="{build}" BuildStamp="20260102-0304-Experimental" Name="h"'
        ' Generator="spack-1.3.0.dev0 (5817ab9613f2)" OSName="Linux" OSRelease="6.1"'
        ' VendorString="icelake">'
    )
    times = (
        f"<Start{step}Time>1767323045</Start{step}Time><End{step}Time>1767323046</End{step}Time>"
    )
    tag = "Testing" if "<Test " in inside else step
    return f"{head}<{tag}>{times}{inside}</{tag}></Site>".encode()


def configure_step(status: int = 0) -> bytes:
    inside = f"<Log>{escape(LOG)}</Log><ConfigureStatus>{status}</ConfigureStatus>"
    return cdash("Configure", inside)


BUILD_ERROR = """<Error><BuildLogLine>21</BuildLogLine><Text>Error: No type at (1)</Text>
<SourceFile></SourceFile><SourceLineNumber></SourceLineNumber>
<PreContext>a/m.F90:6:5:

    6 | x
      | 1</PreContext><PostContext>after
more</PostContext></Error>"""
BUILD_WARNING = """<Warning><BuildLogLine>3</BuildLogLine><Text>b.c:7: warning: y</Text>
<SourceFile>b.c</SourceFile><SourceLineNumber>7</SourceLineNumber>
<PreContext></PreContext><PostContext></PostContext></Warning>"""
TESTS = """<Test Status="passed"><Name>P::test_x</Name><FullCommandLine>x</FullCommandLine><Results>
<NamedMeasurement type="numeric/double" name="Execution Time"><Value>0.5</Value></NamedMeasurement>
<NamedMeasurement type="text/string" name="Completion Status"><Value>Completed</Value>
</NamedMeasurement></Results></Test><Test Status="failed"><Name>P::test_y</Name></Test>"""
UPDATE = b"""<Update><Site>h</Site><BuildName>p</BuildName>
<BuildStamp>20260102-0304-Experimental</BuildStamp><StartTime>1767323045</StartTime>
<UpdateCommand></UpdateCommand><UpdateType>GIT</UpdateType><Revision>5817ab9613f2</Revision>
<EndTime>1767323046</EndTime></Update>"""
