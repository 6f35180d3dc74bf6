"""Targets satisfy a constraint by what they descend from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spack.target import satisfying_targets, target_ancestors, target_family


@pytest.mark.parametrize(
    ("name", "family"),
    [
        pytest.param("haswell", "x86_64", id="intel"),
        pytest.param("zen3", "x86_64", id="amd"),
        pytest.param("neoverse_v1", "aarch64", id="arm"),
        pytest.param("power9le", "ppc64le", id="power"),
        pytest.param("x86_64", "x86_64", id="a family"),
        pytest.param("unheard_of", "unheard_of", id="unknown"),
    ],
)
def test_a_target_has_a_family(name: str, family: str) -> None:
    assert target_family(name) == family


def test_ancestors_stand_nearest_first() -> None:
    assert target_ancestors("x86_64_v3") == ("x86_64_v2", "x86_64")


def test_an_unknown_target_has_no_ancestors() -> None:
    assert target_ancestors("unheard_of") == ()


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        pytest.param("haswell", "haswell", "broadwell x86_64_v3", id="name"),
        pytest.param("x86_64_v3:", "x86_64_v3 haswell zen2 icelake", "x86_64_v2 m1", id="at least"),
        pytest.param(":haswell", "haswell x86_64 x86_64_v3", "zen2 skylake i686", id="at most"),
        pytest.param("nehalem:skylake", "haswell skylake", "x86_64_v3 core2 zen", id="between"),
        pytest.param("skylake:nehalem", "", "haswell skylake nehalem", id="backwards"),
        pytest.param("x86_64:", "x86_64 zen5 sapphirerapids", "aarch64 ppc64le x86", id="family"),
        pytest.param("aarch64:", "aarch64 neoverse_n1 a64fx", "x86_64", id="other family"),
        pytest.param("zen3:, power9le", "zen3 zen4 power9le", "zen2 power10le", id="list"),
        pytest.param("unheard_of,zen", "unheard_of zen", "zen2", id="unknown name"),
        pytest.param("unheard_of:", "unheard_of", "x86_64", id="unknown beginning"),
        pytest.param(":unheard_of", "unheard_of", "x86_64", id="unknown end"),
        pytest.param("x86_64:unheard_of", "", "x86_64 unheard_of", id="unknown and known"),
        pytest.param("zen,,", "zen", "", id="empty items"),
    ],
)
def test_a_constraint_names_its_targets(constraint: str, inside: str, outside: str) -> None:
    names = satisfying_targets(constraint)
    assert names is not None
    assert set(inside.split()) <= set(names)
    assert not set(outside.split()) & set(names)
    assert list(names) == sorted(set(names))


@pytest.mark.parametrize("constraint", [":", "zen,:"])
def test_any_target_satisfies_an_open_range(constraint: str) -> None:
    assert satisfying_targets(constraint) is None


known = st.sampled_from(satisfying_targets("x86_64:,aarch64:,ppc64le:") or ("",))


@given(known, known)
def test_a_range_is_what_both_of_its_halves_hold(first: str, last: str) -> None:
    above, below = satisfying_targets(f"{first}:"), satisfying_targets(f":{last}")
    assert above is not None
    assert below is not None
    assert satisfying_targets(f"{first}:{last}") == tuple(sorted(set(above) & set(below)))


@given(known)
def test_below_a_target_are_its_ancestors(name: str) -> None:
    assert satisfying_targets(f":{name}") == tuple(sorted({name, *target_ancestors(name)}))
