"""Commands with hostile words: ids, numbers, settings, expressions, paths and texts."""

import random
from typing import Any

IDS = (
    "poly/x2y2", "regular/d2", "rrr/2-2-2/r1", "dln/100000-100000/r1", "dln/1000000000-3-3/r3-1",
    "rrr/1-30000-1/r1", "regular/d3000000000", "regular/d-1", "regular/d1e9", "poly/x^1000000000",
    "poly/x2/padded-1000000000", "poly/x2/n99999999999", "poly/x2/n1", "dln/100m/s0/rotated-1",
    "alg/minors-60-60-30", "alg/tensor-2-2-2-999999999", "alg/monomials-x9y9z9",
    "model/tanh-1000000", "model/lda-99-99-99-99", "poly/x2/scaled-0",
    "dln/1k/s99999999999999999999",
    "dln/" + "-".join("1" * 5000) + "/r1", "../../etc/passwd", "/etc/passwd", "poly/../x", "", "/",
    "poly/\u202e", "dln/\u0663-3/r1", "<script>", "poly/*", "*", "[", "%s%n{0}", "\x1b[31m", "-",
    "--",
)  # fmt: skip
NUMBERS = (
    "0", "-1", "1", "2", "1e300", "-1e300", "nan", "inf", "-inf", "1000000000",
    "10000000000000000000000",
    "9" * 5000, "1e-320", "", "x", "1/0", "0x10", "1_000", "\u0663", "1.5", "-0",
)  # fmt: skip
SAMPLERS = (
    "sgld", "mala", "sgld[step_size=1e308]", "sgld[step_size=-1]", "sgld[step_size=nan]", "sgld[",
    "sgld[step_size]", "../../x", "", "sgld[x=1]", "exact", "mala[adapt=1e300]", "nuts", "gibbs",
    "sgld[estimator=regression,regression.rungs=1000000000]", "sgld[estimator=x]", "\x00", "SGLD",
    "mala[step_size=" + "9" * 5000 + "]", "devinterp_sgld", "hmc[num_steps=1000000000000]",
)  # fmt: skip
SETTINGS = (
    "num_draws=1000000000000000", "num_chains=1000000000000", "num_burnin=10000000000000",
    "nbeta=nan",
    "nbeta=-1", "gamma=-1", "gamma=1e300", "gamma=0", "nbeta=1e300", "batch_size=1000000000000",
    "x=1",
    "num_draws", "=", "", "dtype=float16", "device=tpu", "device=cuda:99", "num_draws=1.5",
    "num_draws=" + "9" * 5000, "start=prior", "gradient=control_variate", "num_draws=1",
    "num_chains=1",
)  # fmt: skip
EXPRESSIONS = (
    "x^999999999999", "x^2*y^2", "x^(10^10)", "(" * 100_000, "x" * 100_000, "", "1/0", "x^-1",
    "x**2**3**4",
    "__import__('os')", "x^2+\x00", "\u221ax", "x=1", "(x+y+z+u+v+w)^400", "10^999999*x", "x/y",
    "sin(x)",
    "9" * 5000 + "*x", "+".join(f"x{i}^2" for i in range(2000)), "-" * 5000 + "x",
)  # fmt: skip
TEXTS = (
    "", " ", "..", "../../victim/index", "\x1b[2J", "\u202etxt", "a" * 5000, "%s", "{0}", "$(id)",
    "'", '"',
    "<script>alert(1)</script>", "sgld", "mala@tuned", "bias", "smoke", "smoke.toml", "x=1",
    "1,2", "1e99,2",
    "0-1:3,1-2:1,0-2:1", "0-1:", "nan", "1e999999999,1", "-5,5", "x=1e999999999", "\ud800",
)  # fmt: skip
INPUTS = (
    "store", "good.jsonl", "torn.jsonl.gz", "pipe.jsonl", "folder.jsonl", "missing",
    "missing.jsonl", "",
    ".", "..", "/", "/dev/null", "/dev/zero", "/proc/self/mem", "a" * 5000, "\x00", "pipe",
    "deep.toml",
    "deep.json", "\udcff.jsonl", "x.jsonl/y", "good.jsonl/", "-", "~", "smoke", "two",
)  # fmt: skip
OUTPUTS = (
    "out", "out.csv", "out.jsonl", "out.jsonl.gz", "out.svg", "pipe", "folder.jsonl",
    "good.jsonl/x", "",
    "a" * 5000, "\x00", "sub/../out.svg", ".", "-", "out.exe", "pipe.jsonl", "\udcff.svg",
)  # fmt: skip
SHORT = ("--set", "num_draws=20", "--set", "num_burnin=4", "--set", "num_chains=2")
# Words in capitals stand for one of the texts above; a pair in a list is left out half of the time.
COMMANDS: tuple[list[Any], ...] = (
    ["show", "IDS", ["--nbeta", "NUMBERS"], ["--gamma", "NUMBERS"], ["--plot", "OUTPUTS"],
    ["--json"]],
    ["score", ["--store", "INPUTS"], ["--store", "INPUTS"], ["--csv"], ["--json"]],
    ["leaderboard", ["--store", "INPUTS"], ["--by", "TEXTS"], ["--draws", "NUMBERS"], ["--latex"],
     ["--ladder", "INPUTS"], ["--plots", "OUTPUTS"], ["--readme", "INPUTS"], ["--csv"]],
    ["compare", ["TEXTS"], ["TEXTS"], ["--store", "INPUTS"], ["--against", "INPUTS"],
     ["--metric", "TEXTS"], ["--seed", "NUMBERS"], ["--draws", "100"]],
    ["scaling", ["--store", "INPUTS"], ["--above", "NUMBERS"], ["--out", "OUTPUTS"], ["--classes"]],
    ["report", ["--store", "INPUTS"], ["--store", "INPUTS"], "--out", "OUTPUTS", ["--figures",
    "INPUTS"]],
    ["export", ["--store", "INPUTS"], "--out", "OUTPUTS", ["--readme", "INPUTS"]],
    ["run", "smoke", "-p", "IDS", "-s", "SAMPLERS", "--replicates", "1", "--store", "kept", *SHORT,
     "--time-budget", "5s", ["--set", "SETTINGS"], ["--set", "SETTINGS"]],
    ["run", "SUITES", ["-p", "IDS"], ["--replicates", "NUMBERS"], "--store", "INPUTS", *SHORT,
     "--time-budget", "3s", ["--seed", "NUMBERS"], ["--run-limit", "NUMBERS"], ["--load",
     "INPUTS"]],
    ["plan", "smoke", ["-p", "IDS"], ["--replicates", "NUMBERS"], ["--set", "SETTINGS"],
     ["--workers", "NUMBERS"], ["--threads", "NUMBERS"], "-s", "SAMPLERS", "-p", "poly/x2", *SHORT],
    ["tune", "SAMPLERS", "IDS", ["--set", "SETTINGS"], ["--seed", "NUMBERS"]],
    ["theory", "rlct", "EXPRESSIONS", ["--at", "TEXTS"], ["--prior", "TEXTS"], "--timeout", "2"],
    ["theory", "rlct", "x^2*y", ["--at", "TEXTS"], ["--timeout", "NUMBERS"], ["--absolute"],
    ["--proof"]],
    ["theory", "strata", "EXPRESSIONS", ["--box", "TEXTS"], "--timeout", "2", ["--plot",
    "OUTPUTS"]],
    ["theory", "family", "TEXTS", ["--widths", "TEXTS"], ["--rank", "NUMBERS"]],
    ["theory", "family", "deep_linear_global", "--widths", "TEXTS", "--rank", "NUMBERS"],
    ["theory", "verify", "INPUTS"],
    ["theory", "catalogue", "--out", "OUTPUTS"],
    ["cite", "IDS"],
    ["list", ["TEXTS"], ["--load", "INPUTS"], ["--json"]],
    ["figures", ["TEXTS"], ["--out", "OUTPUTS"], ["--results", "INPUTS"], ["--scripts", "INPUTS"]],
    ["peers", "bench", "--case", "TEXTS", ["--rounds", "NUMBERS"], ["--steps", "NUMBERS"]],
    ["peers", "claim", "--ours", "INPUTS", "--peers", "INPUTS", ["--factor", "NUMBERS"]],
    ["heuristics", "run", "TEXTS", ["--seeds", "NUMBERS"], "--store", "INPUTS"],
    ["heuristics", "effects", ["--store", "INPUTS"], ["--measure", "TEXTS"], ["--suite", "TEXTS"]],
    ["heuristics", "export", "--store", "INPUTS", "--out", "OUTPUTS"],
    ["TEXTS", ["TEXTS"], ["--store", "INPUTS"]],
)  # fmt: skip
POOLS = {
    "IDS": IDS, "NUMBERS": NUMBERS, "SAMPLERS": SAMPLERS, "SETTINGS": SETTINGS, "TEXTS": TEXTS,
    "EXPRESSIONS": EXPRESSIONS, "INPUTS": INPUTS, "OUTPUTS": OUTPUTS,
    "SUITES": ("s.toml", "deep.toml", "missing.toml", "../../x.toml", "", "good.jsonl",
    "pipe.toml"),
}  # fmt: skip


def written(rng: random.Random, pattern: list[Any]) -> list[str]:
    """Return a command of a pattern."""
    words: list[str] = []
    for word in pattern:
        if isinstance(word, list):
            words += written(rng, word) if rng.random() < 0.5 else []
        else:
            words.append(rng.choice(POOLS[word]) if word in POOLS else word)
    return words
