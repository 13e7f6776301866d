"""Complex invariants by Singular: ``python tests/theory/solver/singular.py GERMS.toml OUT.csv``.

For ``K = |f|^c``, and ``K = (sum g_i^2)^(c/2)`` with an ideal, the complex log canonical threshold
over c is a lower bound of lambda. Singular gives it as minus the largest root of the Bernstein-Sato
polynomial and, for a squarefree f, again as the least nu / N over the divisors of an embedded
resolution. Both are global over the affine space.
"""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import sympy

from theory.polynomials.expression import parse, write
from theory.volume.germs import ListedGerm, load

VARIABLE = "LLCBENCH_SINGULAR"
SECONDS = 60

# f, with K = f^2: definite forms, where the real value is larger, and classical singularities.
MORE = (
    "x^2 + y^2 + z^4", "x^2 + 2*y^2 + z^6", "x^2 + y^2 + z^2 + w^2", "x^2 + y^2 + z^2 + w^4",
    "x^2*z + y^3 + x*z^2", "x*y*z + x^4 + y^4 + z^4", "x^4 - y^5", "x^3 - y^7", "x^2*y^3 - x^4",
    "x^5 + x^2*y^2 + y^5", "x^4 + y^4 + x^2*y^3", "(x^2 + y^2)*(x^2 + y^2 + z^2)",
)  # fmt: skip

_ROOTS = """LIB "bfun.lib"; ring R=0,({names}),dp; poly f={f};
list B=bfct(f); "BEGIN"; int k; for(k=1;k<=ncols(B[1]);k++){{ string(B[1][k])+" 0"; }} "END";"""
# The library shifts the roots of an ideal by its codimension less one.
_IDEAL_ROOTS = """LIB "dmodvar.lib"; ring R=0,({names}),dp; ideal F={f};
list B=bfctVarAnn(F,1); int c=nvars(R)-dim(std(F))-1;
"BEGIN"; int k; for(k=1;k<=ncols(B[1]);k++){{ string(B[1][k])+" "+string(c); }} "END";"""
_DIVISORS = """LIB "resolve.lib"; LIB "reszeta.lib"; ring R=0,({names}),dp; ideal I={f};
list re=resolve(I); list iden=prepEmbDiv(re);
intvec N=computeN(re,iden); intvec V=computeV(re,iden);
"BEGIN"; int k; for(k=1;k<=size(N);k++){{ string(V[k])+" "+string(N[k]); }} "END";"""


@dataclass(frozen=True)
class Complex:
    """What Singular says about f or an ideal; a part that it did not finish is empty.

    Attributes:
        roots: Minus the roots of the Bernstein-Sato polynomial.
        ratios: nu / N of all divisors, components of the zero set included.
    """

    roots: tuple[Fraction, ...]
    ratios: tuple[Fraction, ...]

    @property
    def lct(self) -> Fraction | None:
        return min(self.roots + self.ratios, default=None)


def binary() -> str | None:
    """Return the program: named by the environment, or found on the path."""
    return shutil.which(os.environ.get(VARIABLE) or "Singular")


def roots(
    generators: Sequence[str], names: Sequence[str], seconds: float = SECONDS
) -> tuple[Fraction, ...]:
    script = _ROOTS if len(generators) == 1 else _IDEAL_ROOTS
    pairs = _pairs(script.format(f=",".join(generators), names=",".join(names)), seconds)
    return tuple(sorted(shift - root for root, shift in pairs))


def ratios(
    generators: Sequence[str], names: Sequence[str], seconds: float = SECONDS
) -> tuple[Fraction, ...]:
    """Return nothing for ideals and for f with a square factor, which is resolved without it."""
    if len(generators) > 1 or not _squarefree(generators[0]):
        return ()
    pairs = _pairs(_DIVISORS.format(f=generators[0], names=",".join(names)), seconds)
    return tuple(sorted(nu / n for nu, n in pairs))


def ask(generators: Sequence[str], names: Sequence[str]) -> Complex:
    return Complex(roots(generators, names), ratios(generators, names))


def version() -> str:
    text = _run('"VERSION"; system("version");', SECONDS) or ""
    return text.split()[-1]


def ideal(germ: ListedGerm) -> tuple[list[str], int] | None:
    """Return generators, centred at the point, and c; None for products of ideals and densities."""
    factors = germ.potential().factors
    powers = [power for _, power in germ.factors]
    least = min(powers)
    if germ.prior or any(power % least for power in powers):
        return None
    if len(factors) == 1:
        return [write(g) for g in factors[0][0]], least
    if any(len(generators) > 1 for generators, _ in factors):
        return None
    f = parse("1", germ.variables)
    for (generators, _), power in zip(factors, powers, strict=True):
        f = f * generators[0] ** (power // least)
    return [write(f)], least


def germs(path: Path) -> list[tuple[ListedGerm, list[str], int]]:
    """Return all germs to be compared, with generators and c."""
    listed = [*load(path), *(ListedGerm((((f,), 2),), "x", {}, {}) for f in MORE)]
    return [(germ, *found) for germ in listed if (found := ideal(germ))]


def row(germ: ListedGerm, generators: list[str], c: int, said: Complex) -> dict[str, str]:
    """Return a line of the table."""
    return {
        "germ": germ.text,
        "at": " ".join(f"{name}={value}" for name, value in germ.at.items()),
        "generators": ", ".join(generators),
        "c": str(c),
        "value": str(germ.claim().value),
        "lct": "" if said.lct is None else str(said.lct),
        "roots": " ".join(map(str, said.roots)),
        "ratios": " ".join(map(str, said.ratios)),
    }


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2 or not binary():
        print(f"usage: {VARIABLE}=PROGRAM singular.py GERMS.toml OUT.csv", file=sys.stderr)
        return 2
    print("Singular", version())
    rows = []
    for germ, generators, c in germs(Path(arguments[0])):
        rows.append(row(germ, generators, c, ask(generators, germ.variables)))
        print(" | ".join(rows[-1].values()), flush=True)
    with Path(arguments[1]).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 0


def _squarefree(f: str) -> bool:
    return all(power == 1 for _, power in sympy.factor_list(sympy.sympify(f))[1])


def _pairs(script: str, seconds: float) -> list[tuple[Fraction, Fraction]]:
    text = _run(script, seconds)
    if text is None:
        return []
    lines = text.partition("BEGIN\n")[2].partition("END")[0].splitlines()
    return [(Fraction(a), Fraction(b)) for a, b in (line.split() for line in lines)]


def _run(script: str, seconds: float) -> str | None:
    """Return what the program printed, None if it took too long or failed."""
    program = binary()
    if program is None:
        raise FileNotFoundError(f"Singular not found; name the program in {VARIABLE}")
    try:
        done = subprocess.run(
            [program, "-q", "--no-rc"], input=script + "\nquit;\n",
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if "   ? " not in done.stdout else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
