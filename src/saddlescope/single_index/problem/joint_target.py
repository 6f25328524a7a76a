"""Functions of several hidden coordinates at once, by their Hermite coefficients in all of them."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss, poly2herme

from saddlescope.arguments import ArgumentError, count, finite, numbers_of, shortened

_MOST_DIRECTIONS, _MOST_DEGREE = 8, 20
_SEEN = 16  # degrees of a callable that are told apart
_NODES, _FEWER = 64, 48  # of quadrature in each coordinate
_MOST_POINTS = 2**21
_SMALL = 1e-12  # of the norm: a coefficient that is rounding

Terms = dict[tuple[int, ...], float]


def terms_of(target: Any, directions: int | None) -> tuple[Terms, float, float]:
    """Return the Hermite coefficients of a target, its E g^2, and how far these may be off.

    Args:
        target: a polynomial as text, coefficients by exponents, or a callable.
        directions: number of coordinates, where the target does not say.

    Raises:
        ArgumentError: if it is no such thing, or depends on no coordinate.
    """
    if isinstance(target, str):
        terms, error = _in_hermite(_polynomial(target, directions)), 0.0
        norm = sum(c * c for c in terms.values())
    elif isinstance(target, Mapping):
        terms, error = _given(target, directions), 0.0
        norm = sum(c * c for c in terms.values())
    elif callable(target):
        terms, norm, error = _by_quadrature(target, directions)
    else:
        raise ArgumentError("target", "be a polynomial as text, coefficients by exponents, or a callable", target)
    terms = {alpha: c for alpha, c in terms.items() if abs(c) > _SMALL * math.sqrt(norm)}
    if not any(any(alpha) for alpha in terms):
        raise ArgumentError("target", "depend on a coordinate", shortened(str(target)))
    return terms, norm, error


def _given(target: Mapping[Any, Any], directions: int | None) -> Terms:
    results: Terms = {}
    for key, value in target.items():
        alpha = (key,) if isinstance(key, int) else key
        if not isinstance(alpha, tuple) or not all(isinstance(n, int) and 0 <= n <= _MOST_DEGREE for n in alpha):
            raise ArgumentError("target", f"have tuples of exponents from 0 to {_MOST_DEGREE} as keys", key)
        results[alpha] = finite("target", value)
    sizes = {len(alpha) for alpha in results}
    if len(sizes) != 1 or (directions is not None and sizes != {directions}):
        raise ArgumentError("target", "have one exponent for each direction in every key", sorted(results))
    count("directions", sizes.pop(), 1, _MOST_DIRECTIONS)
    return results


def _polynomial(text: str, directions: int | None) -> Terms:
    """Monomials of a text such as "z1 + z1*z2 + z1*z2*z3"."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ArgumentError("target", "be a polynomial in z1, z2, ..., such as z1 + z1*z2", text) from None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    known = {f"z{j}": j for j in range(1, _MOST_DIRECTIONS + 1)}
    wrong = sorted(names - set(known))
    if wrong:
        raise ArgumentError("target", f"be a polynomial in z1 .. z{_MOST_DIRECTIONS}", wrong[0])
    k = max((known[name] for name in names), default=1)
    if directions is not None:
        if k > count("directions", directions, 1, _MOST_DIRECTIONS):
            raise ArgumentError("directions", f"be at least {k}, as the target has z{k}", directions)
        k = directions
    try:
        return _expanded(tree, k, text)
    except RecursionError:
        raise ArgumentError("target", "be a polynomial of fewer terms", text) from None


def _expanded(node: ast.AST, k: int, text: str) -> Terms:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return {(0,) * k: finite("target", value)}
        case ast.Name(id=name):
            return {tuple(int(j == int(name[1:]) - 1) for j in range(k)): 1.0}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            factor = -1.0 if isinstance(sign, ast.USub) else 1.0
            return {alpha: factor * c for alpha, c in _expanded(inner, k, text).items()}
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            total = dict(_expanded(left, k, text))
            factor = -1.0 if isinstance(sign, ast.Sub) else 1.0
            for alpha, c in _expanded(right, k, text).items():
                total[alpha] = total.get(alpha, 0.0) + factor * c
            return total
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _times(_expanded(left, k, text), _expanded(right, k, text))
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=int() | float() as value)) if value:
            return {alpha: c / value for alpha, c in _expanded(left, k, text).items()}
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as power)) if 0 <= power <= _MOST_DEGREE:
            result: Terms = {(0,) * k: 1.0}
            for _ in range(power):
                result = _times(result, _expanded(left, k, text))
            return result
    raise ArgumentError("target", "be a polynomial: sums, products, whole powers and numbers", text)


def _times(left: Terms, right: Terms) -> Terms:
    result: Terms = {}
    for (alpha, a), (beta, b) in product(left.items(), right.items()):
        both = tuple(x + y for x, y in zip(alpha, beta, strict=True))
        result[both] = result.get(both, 0.0) + a * b
        if sum(both) > _MOST_DEGREE:
            raise ArgumentError("target", f"be of degree {_MOST_DEGREE} or less", sum(both))
    return result


def _in_hermite(monomials: Terms) -> Terms:
    """Coefficients in normalised Hermite polynomials of all coordinates."""
    results: Terms = {}
    for alpha, c in monomials.items():
        parts = [poly2herme([0.0] * n + [1.0]) for n in alpha]
        for beta in product(*(range(len(part)) for part in parts)):
            factor = math.prod(
                float(part[n]) * math.sqrt(math.factorial(n)) for part, n in zip(parts, beta, strict=True)
            )
            if factor:
                results[beta] = results.get(beta, 0.0) + c * factor
    return results


def _by_quadrature(target: Callable[..., Any], directions: int | None) -> tuple[Terms, float, float]:
    if directions is None:
        raise ArgumentError("directions", "be given with a callable", None)
    k = count("directions", directions, 1, _MOST_DIRECTIONS)
    if _NODES**k > _MOST_POINTS:
        raise ArgumentError("directions", "be 3 or less for a callable, which is integrated on a grid", k)
    fine, norm = _on_grid(target, k, _NODES)
    coarse, _ = _on_grid(target, k, _FEWER)
    return fine, norm, max((abs(fine[alpha] - coarse[alpha]) for alpha in fine), default=0.0)


def _on_grid(target: Callable[..., Any], k: int, nodes: int) -> tuple[Terms, float]:
    x, w = hermegauss(nodes)
    w = w / math.sqrt(2 * math.pi)
    grid = np.stack(np.meshgrid(*[x] * k, indexing="ij"), axis=-1)
    values = numbers_of("target", target(grid))
    if values.shape != grid.shape[:-1] or not np.all(np.isfinite(values)):
        raise ArgumentError("target", "take points (..., k) to finite values (...)", values.shape)
    table = np.empty((_SEEN + 1, nodes))  # normalised polynomials at the nodes
    table[0], table[1] = 1.0, x
    for n in range(1, _SEEN):
        table[n + 1] = (x * table[n] - math.sqrt(n) * table[n - 1]) / math.sqrt(n + 1)
    weighted, norm = table * w, float(_contracted(values**2, np.array([w]), k).ravel()[0])
    coefficients = _contracted(values, weighted, k)
    kept = {alpha: float(coefficients[alpha]) for alpha in np.ndindex(coefficients.shape) if sum(alpha) <= _SEEN}
    return kept, norm


def _contracted(values: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """Integrate over each of the k axes against each row of the weights."""
    for _ in range(k):
        values = np.tensordot(values, weights, axes=(0, 1))  # of the first axis that is left; the new one is the last
    return values


def of_degree(k: int, n: int) -> list[tuple[int, ...]]:
    """Return the exponents of all products of n out of k coordinates.

    >>> of_degree(2, 2)
    [(2, 0), (1, 1), (0, 2)]
    """
    if k == 1:
        return [(n,)]
    return [(first, *rest) for first in range(n, -1, -1) for rest in of_degree(k - 1, n - first)]


def term_name(alpha: tuple[int, ...]) -> str:
    """Return the name of a term: a product of normalised Hermite polynomials h_n, h_1(z) = z.

    >>> term_name((1, 0, 2)), term_name((0, 0))
    ('z1 h2(z3)', '1')
    """
    parts = [f"z{j + 1}" if n == 1 else f"h{n}(z{j + 1})" for j, n in enumerate(alpha) if n]
    return " ".join(parts) or "1"


def named(directions: list[int]) -> str:
    """Return the name of directions in a sentence.

    >>> named([2]), named([1, 2, 3])
    ('direction 2', 'directions 1, 2 and 3')
    """
    *others, last = map(str, directions)
    return f"directions {', '.join(others)} and {last}" if others else f"direction {last}"


def leaps(terms: Terms) -> list[tuple[tuple[int, ...], int]]:
    """Return in which order directions are found, each group with its leap, in the directions as they are given.

    A term is found through the exponents of the directions that are not known yet: their sum is its leap. The cheapest
    is found first, and what is known then makes others cheaper.

    Args:
        terms: coefficients that an activation can see, by exponents.

    Returns:
        ((directions, counted from 1), leap) in order; directions that no term holds are missing.

    Source: Abbe, Boix-Adsera, Misiakiewicz, arXiv 2302.11055 (leap complexity).

    >>> leaps({(1, 0, 0): 1.0, (1, 1, 0): 1.0, (1, 1, 1): 1.0}), leaps({(1, 1, 1): 1.0})
    ([((1,), 1), ((2,), 1), ((3,), 1)], [((1, 2, 3), 3)])
    """
    known: set[int] = set()
    order: list[tuple[tuple[int, ...], int]] = []
    while True:
        costs = {alpha: sum(n for j, n in enumerate(alpha) if j not in known) for alpha in terms}
        left = {alpha: cost for alpha, cost in costs.items() if cost}
        if not left:
            return order
        least = min(left.values())
        new = {j for alpha, cost in left.items() if cost == least for j, n in enumerate(alpha) if n and j not in known}
        order.append((tuple(sorted(j + 1 for j in new)), least))
        known |= new
