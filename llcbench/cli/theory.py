"""Commands on exact coefficients alone; they import neither torch nor the samplers."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from llcbench.cli.options import command, group, json_option
from llcbench.foreign import reading
from theory.certificate import rational


@group()
def theory() -> None:
    """Exact learning coefficients: families with a theorem, and a solver with proofs."""


@theory.command("family", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("parameters", nargs=-1, type=click.UNPROCESSED, metavar="--PARAM VALUE ...")
def family(name: str, parameters: tuple[str, ...]) -> None:
    """Print the coefficient of a family: ``deep_linear_global --widths 3,3,3 --rank 1``.

    Lists are written 3,3,3, rank arrays 0-1:3,1-2:1,0-2:1. ``--json`` gives the proof as data.
    """
    from theory.families import lookup

    words = list(parameters)
    as_json = "--json" in words
    if as_json:
        words.remove("--json")
    coefficient = lookup(name, **_pairs(words))
    click.echo(
        json.dumps(coefficient.to_json(), indent=2) if as_json else _page(coefficient.to_json())
    )


@theory.command("rlct")
@click.argument("expression", metavar="K")
@click.option("--at", metavar="x=0,y=1/2", help="The point; variables left out are 0.")
@click.option("--prior", metavar="x=1", help="Exponents of a monomial density at the point.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Effort, in seconds.")
@click.option("--absolute", is_flag=True, help="Take |K| where K changes sign.")
@click.option("--proof", is_flag=True, help="Print the proof.")
@json_option
def rlct(
    expression: str,
    at: str | None,
    prior: str | None,
    timeout: float,
    absolute: bool,
    proof: bool,
    as_json: bool,
) -> None:
    """Compute the real log canonical threshold of a polynomial K, or certified bounds."""
    import theory as exact
    from theory.meter import ticking

    place, density = _assignments(at, "--at"), _assignments(prior, "--prior")
    with ticking():
        coefficient = exact.rlct(
            expression, at=place, prior=density, timeout=timeout, absolute=absolute
        )
    plain = coefficient.to_json()
    if as_json:
        click.echo(json.dumps(plain, indent=2))
        return
    click.echo(_page(plain, proof=False))
    if proof and coefficient.certificate is not None:
        from theory.certificate import render

        click.echo(render(coefficient.certificate))


@theory.command("strata")
@click.argument("expression", metavar="K")
@click.option("--box", metavar="-2,2", help="Range of every variable; default: no limit.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Effort, in seconds.")
@click.option("--absolute", is_flag=True, help="Take |K| where K is negative.")
@click.option("--plot", metavar="FILE.svg", help="Draw the map of two variables (.svg or .png).")
@json_option
def strata(
    expression: str,
    box: str | None,
    timeout: float,
    absolute: bool,
    plot: str | None,
    as_json: bool,
) -> None:
    """Compute the distinct local coefficients along the zero set of K, deepest first."""
    import theory as exact
    from theory.meter import ticking

    if plot is not None and Path(plot).suffix not in (".svg", ".png"):
        raise ValueError(f"--plot {plot!r}: the name must end in .svg or .png")
    sides = _range(box)
    with ticking():
        stratification = exact.strata(expression, box=sides, timeout=timeout, absolute=absolute)
    drawing = None
    if plot is not None:
        from llcbench.report.strata_plot import strata_figure

        ends = None if sides is None else (float(sides[0]), float(sides[1]))
        drawing = strata_figure(stratification, None if ends is None else (ends, ends))
    click.echo(json.dumps(stratification.to_json(), indent=2) if as_json else str(stratification))
    if plot is not None and drawing is not None:
        from llcbench.report.style import save

        Path(plot).parent.mkdir(parents=True, exist_ok=True)
        click.echo(f"plot written to {save(drawing, Path(plot))}", err=as_json)


@theory.command("verify")
@click.argument("path", metavar="FILE.json")
def verify(path: str) -> None:
    """Check the proofs that ``theory rlct`` or ``theory strata`` wrote with ``--json`` again."""
    from theory.checker.base import CertificateError

    plain = reading.json_of(Path(path))
    if not isinstance(plain, dict):
        raise ValueError(f"{path!r} is no certificate: it is no object with a proof")
    try:
        click.echo(_verified(plain))
    except CertificateError as error:
        raise ValueError(f"{path!r}: {error}") from error


@theory.command("catalogue")
@click.option("--out", metavar="DIR", help="Write families.md and families.json there instead.")
def catalogue(out: str | None) -> None:
    """Print the table of all families, one example each, as Markdown."""
    from theory.families.catalogue import markdown, write

    if out is None:
        click.echo(markdown(), nl=False)
        return
    for path in write(out):
        click.echo(f"wrote {path}")


@command("cite")
@click.argument("identifier", metavar="ID")
def cite(identifier: str) -> None:
    """Print the BibTeX of exactly what the coefficients of a problem or a family rest on."""
    from theory.families import FAMILIES
    from theory.families.citations import bibliography, keys
    from theory.families.citations import cite as cite_family

    if identifier in FAMILIES:
        click.echo(cite_family(identifier), nl=False)
        return
    from llcbench import registry

    truth = registry.problem(identifier).truth
    wanted = keys(truth.local) | keys(truth.global_)
    click.echo("\n\n".join(entry for key, entry in bibliography().items() if key in wanted))


def parameter(text: str) -> Any:
    """Read a whole number, a fraction, a list, a rank array or a word.

    Raises:
        ValueError: If a rank array is malformed.
    """
    if ":" in text:
        return dict(_rank(part) for part in text.strip("{}").split(","))
    if "," in text or text.startswith(("[", "(")):
        return [parameter(part) for part in text.strip("[]()").split(",") if part.strip()]
    text = text.strip()
    words: dict[str, Any] = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        number = rational(text)
    except ValueError:
        number = None
    if number is None:
        return text
    return int(number) if number.denominator == 1 and "/" not in text else number


def _rank(part: str) -> tuple[tuple[int, int], int]:
    key, _, value = part.partition(":")
    ends = key.strip().split("-")
    if len(ends) != 2 or not all(end.isdigit() for end in [*ends, value.strip()]):
        raise ValueError(f"{part.strip()!r} is not part of a rank array such as 0-1:3,1-2:1,0-2:1")
    low, high, rank = (int(rational(text)) for text in (*ends, value))
    return (low, high), rank


def _pairs(words: list[str]) -> dict[str, Any]:
    """Turn ``--name value`` pairs into parameters."""
    pairs: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise ValueError(f"expected --parameter, got {word!r}")
        name, equals, value = word[2:].partition("=")
        if not equals:
            if not words:
                raise ValueError(f"--{name} needs a value")
            value = words.pop(0)
        pairs[name.replace("-", "_")] = parameter(value)
    return pairs


def _verified(plain: dict[str, Any]) -> str:
    """Check a proof, or those of all strata, and return what was checked.

    Raises:
        CertificateError: At the first rule that fails.
    """
    from theory.checker.verify import check
    from theory.stratification import check_strata

    if "strata" in plain:
        return f"all proofs are right: {check_strata(plain)}, one at each sample point"
    check(plain)
    return "the proof is right"


def _assignments(text: str | None, option: str) -> dict[str, Any] | None:
    """Read ``x=1,y=2/3``."""
    if text is None:
        return None
    assignments = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ValueError(f"{option}: cannot read {part!r}; write x=0,y=1/2")
        if name.strip() in assignments:
            raise ValueError(f"{option}: {name.strip()} is given twice")
        assignments[name.strip()] = value.strip()
    return assignments


def _range(text: str | None) -> tuple[Fraction, Fraction] | None:
    """Read ``-2,2``."""
    if text is None:
        return None
    try:
        lo, hi = (rational(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--box: cannot read {text!r}; write two rationals: -2,5/2") from None
    return lo, hi


def _page(plain: dict[str, Any], proof: bool = True) -> str:
    """Return a coefficient as text."""
    from llcbench.cli.show import truth_lines

    return "\n".join(line.removeprefix("  ") for line in truth_lines(plain["scope"], plain, proof))
