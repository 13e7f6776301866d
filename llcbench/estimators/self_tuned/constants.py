"""All constants of the self-tuning estimate, fixed on one half of the catalogue.

`results/self_tuning.md` says which half, and reports the other one.
"""

# --- what is chosen where it is not given
# Full batches win at equal samples while the data are at most this many minibatches.
FULL_BATCHES = 10.0
BATCH_SIZE = 256
GAMMAS = (1.0, 10.0, 100.0, 1000.0)
# Localisation where the budget has no room for pilots.
GAMMA = 10.0
MAX_GRADS = 2000
# The same where a standard error is asked for: then it is a bound.
MOST_GRADS = 20_000
CHAINS, FEW_CHAINS = 16, 4
# Numbers of all chains together above which there are few chains.
MANY_NUMBERS = 2**21
# Floating point operations of a default run on a network, a minute or two of two cores. Where
# more would be needed there are few chains, then smaller minibatches, then fewer gradients, none
# of them below what an estimate needs.
FLOPS = 2e12
LEAST_BATCH = 16
FEWEST_GRADS = 500
# Parameters up to which a run is in double precision.
DOUBLE = 10_000

# --- the choice of gamma
PILOT_SHARE = 0.08
# Gradients of a pilot below which it says nothing.
PILOT_LEAST = 120
# On the plateau the estimate changes by less than this share when gamma doubles, and so does the
# error of the change.
PLATEAU = 0.05
# Excess of the virial up to which a pilot counts as equilibrated, if it is more than its errors.
EQUILIBRATED = 0.05

# --- full batches: generalised Hamiltonian Monte Carlo
BURNIN = 300
# Largest share of the gradients that the burn-in may take.
BURNIN_SHARE = 0.3
# First eps.
FIRST_STEP = 1e-5

# --- minibatches: Leimkuhler-Matthews
# D that the step is adapted to, discretisation and noise together.
SHARE = 0.06
# Largest share of the gradients that one over all data may take, for the control variate.
WHOLE_SHARE = 0.25
# Largest eps h / 4 in the stiffest direction; 1 is unstable.
STIFFEST = 0.25
# Iterations for the stiffest direction: each costs a gradient a chain.
ITERATIONS = 12
# Adaptation with D this many times as large; then as many steps again, as a share of it.
ADAPTED_STEPS, ADAPTED_SHARE = 300, 0.25
WARM = 3.0
COOLING = 0.2
# Steps that are remembered while the step is adapted, and the largest moves of log eps.
MEMORY, RISE, FALL = 20.0, 0.1, -0.3
RECORD_EVERY = 8

# --- where the kept draws begin
# Shares of the draws after the burn-in that may be dropped.
DROPPED = (0.0, 0.25, 0.5)
# Largest |z| of the virial of a chain that counts as stationary.
ZMAX = 2.5

# --- restarts and stopping
SMALLER = 1 / 4
RESTARTS = 6
# Gradients of a chain below which there is nothing to run.
LEAST_GRADS = 24
# Steps on minibatches below which there is no estimate.
LEAST_STEPS = 40
# Kept steps before a standard error may end the run.
FEWEST_KEPT = 200
