"""Damaged and foreign files, hostile commands, and names that want to be paths, code or markup."""

import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import sandbox
from experiment import Experiment, Outcome

from llcbench.foreign.names import safe_name
from llcbench.records import RunRecord
from llcbench.run.exports import write
from llcbench.run.store import RunStore, key_of

SMOKE = Path(__file__).parents[2] / "results" / "reference" / "v1" / "smoke.jsonl"


def plain_record(number: int = 0) -> dict[str, Any]:
    """Return a record of the committed ones as plain data."""
    plain: dict[str, Any] = json.loads(SMOKE.read_bytes().splitlines()[number])
    return plain


def changed(plain: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a record with other values at places such as ``estimate__llc``; its key fits."""
    copy = json.loads(json.dumps(plain))
    for place, value in changes.items():
        *folders, name = place.split("__")
        inner = copy
        for folder in folders:
            inner = inner[folder]
        inner[name] = value
    if "key" not in changes:
        try:
            copy["key"] = key_of(msgspec.convert(copy["spec"], RunRecord.__annotations__["spec"]))
        except (msgspec.ValidationError, ValueError):
            pass
    return copy


# ---- files -----------------------------------------------------------------------------------

DEEP = b"[" * 100_000
Damage = Callable[[dict[str, Any], random.Random], bytes]


def _text(**changes: Any) -> Damage:
    return lambda plain, rng: json.dumps(changed(plain, **changes)).encode()


def _token(place: str, token: str) -> Damage:
    """Put a token that JSON may not have, or that is too large, at a place."""

    def damage(plain: dict[str, Any], rng: random.Random) -> bytes:
        return json.dumps(changed(plain, **{place: "@TOKEN@"})).replace('"@TOKEN@"', token).encode()

    return damage


def _mutated(plain: dict[str, Any], rng: random.Random) -> bytes:
    """Change some bytes, cut a part out or double one."""
    content = bytearray(json.dumps(plain).encode())
    for _ in range(rng.randint(1, 6)):
        start = rng.randrange(len(content))
        stop = min(len(content), start + rng.randint(1, 40))
        match rng.randrange(4):
            case 0:
                content[start] = rng.randrange(256)
            case 1:
                del content[start:stop]
            case 2:
                content[start:start] = content[start:stop]
            case _:
                content[start:start] = rng.choice([b"9" * 30, b'"', b"{", b"null", b"-", b"1e999"])
    return bytes(content) or b"{"


def _shuffled(plain: dict[str, Any], rng: random.Random) -> bytes:
    """Put a hostile value at a random place."""
    values = [
        None,
        True,
        -1,
        2**63,
        10**400,
        1e308,
        -1e-320,
        "",
        "1/0",
        [],
        {},
        "\u202e",
        "a" * 9999,
    ]
    paths: list[list[Any]] = []

    def walk(value: Any, path: list[Any]) -> None:
        paths.append(path)
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, [*path, key])
        elif isinstance(value, list):
            for place, item in enumerate(value):
                walk(item, [*path, place])

    walk(plain, [])
    path = rng.choice([path for path in paths if path])
    copy = json.loads(json.dumps(plain))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = rng.choice(values)
    return json.dumps(changed(copy, key=copy["key"]) if path == ["key"] else copy).encode()


RECORDS: dict[str, Damage] = {
    "empty": lambda plain, rng: b"",
    "no object": lambda plain, rng: b"[1, 2]",
    "deep": lambda plain, rng: DEEP,
    "deep in an unknown field": lambda plain, rng: b'{"spec": {"settings": {"x": ' + DEEP,
    "not utf-8": lambda plain, rng: (
        json.dumps(plain).encode().replace(b"mean_energy", b"mean\xff\xfe")
    ),
    "doubled key": lambda plain, rng: (
        json.dumps(plain).replace('"llc"', '"llc": 1, "llc"').encode()
    ),
    "truth 1/0": _text(truths__local__value="1/0"),
    "truth 1/": _text(truths__local__value="1/"),
    "truth huge": _text(truths__local__value="1" * 100_000 + "/3"),
    "truth exponent": _text(truths__local__value="1e999999999"),
    "truth zero": _text(truths__local__value="0"),
    "tempered zero": _text(truths__tempered__value=0.0),
    "llc 1e308": _text(estimate__llc=1e308),
    "llc -1e308": _text(estimate__llc=-1e308),
    "llc NaN": _token("estimate__llc", "NaN"),
    "llc Infinity": _token("estimate__llc", "-Infinity"),
    "llc 1e999": _token("estimate__llc", "1e999"),
    "llc -0": _token("estimate__llc", "-0.0"),
    "huge integer": _token("estimate__grad_evals", "9" * 5000),
    "large integer": _token("estimate__dim", "9" * 400),
    "huge draws": _text(spec__settings__num_draws=10**18),
    "schema 2": _text(spec__schema=2),
    "wrong key": _text(key="0123456789abcdef"),
    "huge id": _text(spec__problem="dln/1000000000-3-3/r3-1", estimate__dim=0),
    "huge dense id": _text(spec__problem="dln/9000-9000/r1", estimate__dim=2),
    "nul in a name": _text(spec__sampler="a\0b"),
    "long name": _text(spec__sampler="a" * 5000),
    "mutated": _mutated,
    "hostile value": _shuffled,
}
# What has to be named: it is never taken for a run.
REFUSED = frozenset(RECORDS) - {
    "truth zero", "tempered zero", "llc -0", "huge draws", "huge id", "huge dense id", "mutated",
    "hostile value",
}  # fmt: skip

READERS = (
    ["score", "--store"],
    ["leaderboard", "--store"],
    ["report", "--out", "site", "--store"],
    ["export", "--out", "out.jsonl", "--store"],
    ["scaling", "--out", "plots", "--store"],
    ["compare", "--store"],
)


def damaged_record(index: int, folder: Path) -> list[Outcome]:
    rng, home = random.Random(index), sandbox.home_in(folder)
    name = list(RECORDS)[index % len(RECORDS)]
    content = RECORDS[name](plain_record(rng.randrange(40)), rng)
    try:
        stem = json.loads(content)["key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        stem = "0123456789abcdef"
    form = ("store", "jsonl", "gz")[index // len(RECORDS) % 3]
    if form == "store":
        (home / "runs").mkdir()
        (home / "runs" / f"{safe_name(str(stem))}.json").write_bytes(content)
        store = "."
    else:
        store = "x.jsonl" if form == "jsonl" else "x.jsonl.gz"
        (home / store).write_bytes(gzip.compress(content) if form == "gz" else content)
    outcomes = []
    for reader in rng.sample(READERS, 3):
        arguments = [*reader, store]
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        if not note and name in REFUSED and ended.code == 0:
            note = f"{reader[0]} takes a record with {name}"
        outcomes.append(Outcome("damaged or foreign record", bool(note), f"{name}, {form}: {note}"))
    return outcomes


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _bomb(path: Path) -> None:
    with gzip.open(path, "wb") as handle:
        for _ in range(1200):
            handle.write(bytes(2**20))


def _lines_bomb(path: Path) -> None:
    path.write_bytes(gzip.compress(SMOKE.read_bytes() * 300))


ODD_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": _fifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path.name),
    "torn": lambda path: path.write_bytes(gzip.compress(SMOKE.read_bytes())[:5000]),
    "wrong sum": lambda path: path.write_bytes(gzip.compress(SMOKE.read_bytes())[:-8] + bytes(8)),
    "wrong stream": lambda path: path.write_bytes(gzip.compress(b"x" * 99)[:11] + b"\xff" * 99),
    "no gzip": lambda path: path.write_bytes(SMOKE.read_bytes()),
    "empty": lambda path: path.write_bytes(b""),
    "one long line": _bomb,
    "repeated lines": _lines_bomb,
    "random": lambda path: path.write_bytes(random.Random(1).randbytes(5000)),
}


def odd_file(index: int, folder: Path) -> list[Outcome]:
    rng, home = random.Random(index), sandbox.home_in(folder)
    name = list(ODD_FILES)[index % len(ODD_FILES)]
    ODD_FILES[name](home / "x.jsonl.gz")
    outcomes = []
    for reader in rng.sample(READERS, 2):
        arguments = [*reader, "x.jsonl.gz"]
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        if not note and ended.code == 0:
            note = f"{reader[0]} reads it"
        outcomes.append(
            Outcome("odd file under the name of a store", bool(note), f"{name}: {note}")
        )
    # The same under the name of a record.
    (home / "runs").mkdir()
    (home / "runs" / "0123456789abcdef.json").symlink_to("../x.jsonl.gz")
    if name in ("pipe", "folder", "device", "loop", "dangling link"):
        arguments = ["score", "--store", "."]
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        note = note or ("it is taken for a run" if ended.code == 0 else "")
        outcomes.append(
            Outcome("odd file under the name of a record", bool(note), f"{name}: {note}")
        )
    return outcomes


SUITE = """title = "x"
version = 1
replicates = 1
[[group]]
problems = ["poly/x2"]
samplers = ["sgld"]
settings = {num_draws = 20, num_burnin = 2, num_chains = 2}
"""
SUITES = (
    b"x = " + DEEP, b"x = " + b"{a=" * 30_000, b"\xff\xfe", b"", b"a" * 10**6, SUITE[:60].encode(),
    SUITE.replace("replicates = 1", "replicates = 1000000000").encode(),
    SUITE.replace("replicates = 1", "replicates = " + "9" * 5000).encode(),
    SUITE.replace("replicates = 1", "replicates = -1").encode(),
    SUITE.replace("replicates = 1", "replicates = 1\nreplicates = 2").encode(),
    SUITE.replace("poly/x2", "../../../etc/passwd").encode(),
    SUITE.replace("poly/x2", "dln/100000-100000/r1").encode(),
    SUITE.replace("num_draws = 20", "num_draws = 1000000000000000").encode(),
    SUITE.replace("num_chains = 2", "num_chains = 1000000000000").encode(),
    SUITE.replace("num_draws = 20", "num_draws = nan").encode(),
    SUITE.replace('samplers = ["sgld"]',
    'samplers = ["sgld"]\ngrads = 1000000000000000000').encode(),
    SUITE.replace("sgld", "sgld[step_size=1e308]").encode(),
    SUITE.replace("[[group]]", "[group]").encode(),
)  # fmt: skip


def damaged_suite(index: int, folder: Path) -> list[Outcome]:
    home = sandbox.home_in(folder)
    (home / "s.toml").write_bytes(SUITES[index % len(SUITES)])
    outcomes = []
    for arguments in (["plan", "s.toml"], ["run", "s.toml", "--store", "store"],
                      ["heuristics", "run", "s.toml"]):  # fmt: skip
        ended = sandbox.run(arguments, home)
        note = sandbox.complaint(arguments, ended, folder)
        if not note and index % len(SUITES) != 16 and ended.code == 0:
            note = f"{arguments[0]} takes it"
        outcomes.append(
            Outcome("damaged suite", bool(note), f"suite {index % len(SUITES)}: {note}")
        )
    return outcomes


def damaged_certificate(index: int, folder: Path) -> list[Outcome]:
    """No change of a certificate crashes the checker; one that keeps the meaning may pass."""
    rng, home = random.Random(index), sandbox.home_in(folder)
    expression = ["x^2*y^4", "(y^2-x^3)^2", "x^4+y^4*x^2", "x^2*y^2+z^2"][index % 4]
    kind = ["rlct", "strata"][index // 4 % 2]
    made = sandbox.run(["theory", kind, expression, "--json", "--timeout", "5"], home)
    plain = json.loads(made.out)
    choices: list[bytes] = [
        b"[" * 100_000, b"[]", b"3", b'{"strata": 3}', b'{"strata": [{}]}',
        b'{"rule": 1, "data": 2}', made.out.replace('"1/', '"1e999999999/').encode(),
        made.out.replace("1", "9" * 5000).encode(),
        made.out.replace('"lower": "', '"lower": "1e999999999", "x": "').encode(),
        *(_mutated(plain, rng) for _ in range(3)), *(_shuffled(plain, rng) for _ in range(4)),
    ]  # fmt: skip
    outcomes = []
    for number, content in enumerate(rng.sample(choices, 4)):
        (home / f"{number}.json").write_bytes(content)
        arguments = ["theory", "verify", f"{number}.json"]
        note = sandbox.complaint(arguments, sandbox.run(arguments, home), folder)
        outcomes.append(Outcome("damaged certificate", bool(note), note))
    return outcomes


class _Code:
    def __reduce__(self) -> Any:
        return os.system, ("touch ../../escaped",)


def damaged_checkpoint(index: int, folder: Path) -> list[Outcome]:
    """A run goes on as if a damaged checkpoint were not there, and runs nothing that is in it."""
    import pickle

    rng, home = random.Random(index), sandbox.home_in(folder)
    (home / "s.toml").write_text(SUITE)
    run = ["run", "s.toml", "--no-progress", "--checkpoint-every", "1s", "--store"]
    sandbox.run([*run, "one"], home)
    (path,) = (home / "one" / "runs").glob("*.json")
    torn = io.BytesIO()
    with zipfile.ZipFile(torn, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Code()))
        archive.writestr("archive/version", "3\n")
    contents = [
        b"",
        rng.randbytes(3000),
        pickle.dumps(_Code()),
        torn.getvalue(),
        torn.getvalue()[:90],
    ]
    kept = home / "two" / "checkpoints" / f"{path.stem}.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(contents[index % len(contents)])
    arguments = [*run, "two"]
    ended = sandbox.run(arguments, home)
    note = sandbox.complaint(arguments, ended, folder)
    other = home / "two" / "runs" / path.name
    if not note and not other.exists():
        note = "the run is not made"
    elif not note:
        values = [json.loads(each.read_bytes())["estimate"]["llc"] for each in (path, other)]
        note = "" if values[0] == values[1] else f"other values: {values}"
    return [Outcome("damaged checkpoint", bool(note), f"kind {index % len(contents)}: {note}")]


FILES = (damaged_record, damaged_record, odd_file, damaged_suite, damaged_certificate,
         damaged_checkpoint)  # fmt: skip


def damaged_input(index: int, folder: Path) -> list[Outcome]:
    return FILES[index % len(FILES)](index // len(FILES) * 2 + index % 2, folder)


# ---- commands --------------------------------------------------------------------------------

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


def hostile_command(index: int, folder: Path) -> list[Outcome]:
    rng, home = random.Random(index), sandbox.home_in(folder)
    (home / "s.toml").write_text(SUITE)
    (home / "deep.toml").write_bytes(b"x = " + DEEP)
    (home / "deep.json").write_bytes(DEEP)
    for name in ("pipe", "pipe.jsonl", "pipe.toml"):
        os.mkfifo(home / name)
    (home / "folder.jsonl").mkdir()
    records = [msgspec.convert(plain_record(k), RunRecord) for k in range(6)]
    write({record.key: record for record in records}, home / "good.jsonl")
    (home / "torn.jsonl.gz").write_bytes(gzip.compress(SMOKE.read_bytes())[:4000])
    store = RunStore(home / "store")
    for record in records:
        store.save(record)
    arguments = written(rng, COMMANDS[index % len(COMMANDS)])
    note = sandbox.complaint(arguments, sandbox.run(arguments, home), folder)
    return [Outcome("hostile command", bool(note), note)]


# ---- names -----------------------------------------------------------------------------------

NAMES = (
    "../../victim/index", "/tmp/victim/index", "index", "..", ".", "../../canary", "con", "a" * 300,
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "=HYPERLINK(\"http://x\")",
    "+1+1", "@SUM(1)",
    "-2+3", "{{7*7}}", "${x}$ \\frac{", "a|b\\|c", "[x](javascript:alert(1))", "Mala", "mala ",
    "m\u00e4la",
    "\\input{/etc/passwd}", "%(x)s", "$(touch x)",
)  # fmt: skip
FIELDS = ("spec__sampler", "spec__problem", "spec__estimator", "environment", "estimate__message")
BARE = ("<script>", "<img", "javascript:alert(1))")


def injected(index: int, folder: Path) -> list[Outcome]:
    """A name in every field of a record, as the name of a file, and through every writer."""
    home, name = sandbox.home_in(folder), NAMES[index % len(NAMES)]
    (home / "named").mkdir()
    records = {}
    for number, field in enumerate(FIELDS):
        plain = plain_record(number % 2)
        plain["estimate"]["dim"] = 10 * number + 2
        if field == "estimate__message":
            plain["estimate"] |= {"status": "error", "llc": None}
        record = msgspec.convert(changed(plain, **{field: name}), RunRecord)
        records[record.key] = record
    # Two of a kind: the comparison and the plots have something to show.
    for number in (0, 1):
        for field in ("spec__sampler", "spec__variant"):
            value = name if field == "spec__sampler" else "default"
            record = msgspec.convert(changed(plain_record(number), **{field: value}), RunRecord)
            records[record.key] = record
    file = home / "named" / f"{name.replace('/', '_')[:200]}.jsonl"
    write(records, file)
    store = RunStore(home / "store")
    for record in records.values():
        store.save(record)
    store.runs.save(name, next(iter(records.values())))
    store.truths.save(name, next(r.truths for r in records.values() if r.truths))
    store.checkpoint(name).parent.mkdir(exist_ok=True)
    store.checkpoint(name).write_bytes(b"")
    store.forget(name)
    given = str(file.relative_to(home))
    notes = []
    for arguments in (
        ["report", "--store", given, "--store", "store", "--out", "site"],
        ["leaderboard", "--store", given, "--plots", "plots", "--latex", "--draws", "100"],
        ["scaling", "--store", given, "--out", "scaling"],
        ["export", "--store", given, "--out", "out.jsonl"],
        ["score", "--store", given, "--markdown"],
        ["score", "--store", given, "--csv"],
    ):
        ended = sandbox.run(arguments, home)
        notes.append(sandbox.complaint(arguments, ended, folder) or _shown(arguments, ended))
        if not notes[-1] and ended.code:
            notes[-1] = f"{arguments[0]}: {ended.err[:200]}"
    notes += [_markup(path) for path in (home / "site").rglob("*.html")]
    notes += [_formula(path) for path in home.rglob("*.csv")]
    note = next((note for note in notes if note), "")
    return [Outcome("hostile name through every writer", bool(note), f"{name!r}: {note}")]


def _shown(arguments: list[str], ended: sandbox.Ended) -> str:
    bad = [text for text in BARE if text in ended.out]
    plain = "--csv" in arguments or "--latex" in arguments
    return f"{arguments[-1]} shows {bad[0]!r}" if bad and not plain else ""


def _markup(path: Path) -> str:
    text = path.read_text()
    bad = [
        word for word in ("<script>alert", "<img src=x", 'href="javascript', "49</") if word in text
    ]
    return f"{path.name} holds {bad[0]!r}" if bad else ""


def _formula(path: Path) -> str:
    import csv

    with path.open(newline="") as handle:
        for row in csv.reader(handle):
            for cell in row:
                if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(cell):
                    return f"{path.name} holds the formula {cell[:40]!r}"
    return ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


EXPERIMENTS = [
    Experiment("damaged-inputs", "attack", 90, damaged_input, quick=1),
    Experiment("hostile-commands", "attack", 324, hostile_command, quick=3),
    Experiment("injections", "attack", 24, injected),
]
