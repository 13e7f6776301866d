"""Finite-temperature targets: what a perfect sampler returns at a given inverse temperature.

For ``K = L - L(w*)`` the target is ``nbeta * E[K(w)]`` under the density proportional to
``exp(-nbeta K(w) - gamma/2 |w - w*|^2)`` on all of ``R^d``.
"""

from theory.tempered.gaussian import direct_sum as direct_sum
from theory.tempered.gaussian import linear_regression as linear_regression
from theory.tempered.gaussian import regular as regular
from theory.tempered.linear import linear_network as linear_network
from theory.tempered.mellin import norm_product as norm_product
from theory.tempered.quadrature import quadrature as quadrature
from theory.tempered.result import Tempered as Tempered
