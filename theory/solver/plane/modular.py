"""Quick proofs modulo a prime that a plane curve is squarefree or that two are coprime.

If ``f(a, y)`` keeps its degree modulo p and is squarefree there, the discriminant of f in y is not
zero, so f has no repeated factor that contains y; the same with x and y exchanged covers all
factors. A failed test proves nothing: the caller then computes over the rationals.
"""

from collections.abc import Mapping

_PRIME = 2**31 - 1
_POINT = 1_234_567
_Modular = list[int]


def clearly_squarefree(curve: Mapping[tuple[int, int], int]) -> bool:
    """Return whether the quick test proves that the curve has no repeated factor."""
    for axis in (0, 1):
        line = _restrict(curve, axis)
        if line is None or len(_gcd(line, _derivative(line))) > 1:
            return False
    return True


def clearly_coprime(
    left: Mapping[tuple[int, int], int], right: Mapping[tuple[int, int], int]
) -> bool:
    """Return whether the quick test proves that two curves have no common factor."""
    for axis in (0, 1):
        one, two = _restrict(left, axis), _restrict(right, axis)
        if one is None or two is None or len(_gcd(one, two)) > 1:
            return False
    return True


def _restrict(curve: Mapping[tuple[int, int], int], axis: int) -> _Modular | None:
    """Return the curve on a line, in the variable of the axis; None if the degree drops."""
    degree = max(e[axis] for e in curve)
    line = [0] * (degree + 1)
    for exponent, coefficient in curve.items():
        term = coefficient * pow(_POINT, exponent[1 - axis], _PRIME)
        line[exponent[axis]] = (line[exponent[axis]] + term) % _PRIME
    return line if line[-1] else None


def _derivative(line: _Modular) -> _Modular:
    return _trim([i * c % _PRIME for i, c in enumerate(line)][1:])


def _gcd(left: _Modular, right: _Modular) -> _Modular:
    while right:
        scale = pow(right[-1], -1, _PRIME)
        rest = list(left)
        while len(rest) >= len(right):
            ratio = rest[-1] * scale % _PRIME
            shift = len(rest) - len(right)
            for i, c in enumerate(right):
                rest[shift + i] = (rest[shift + i] - ratio * c) % _PRIME
            rest = _trim(rest[:-1])
        left, right = right, rest
    return left


def _trim(line: _Modular) -> _Modular:
    while line and not line[-1]:
        line.pop()
    return line
