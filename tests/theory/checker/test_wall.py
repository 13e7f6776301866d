"""The checker runs where the solver was never loaded."""

import json
import subprocess
import sys
from pathlib import Path

from mutation_examples import GERMS, SPLITS, proofs

from theory import rlct

SCRIPT = """
import json, sys
import theory.checker.verify
certificates = json.load(open(sys.argv[1]))
verdicts = [theory.checker.verify.verify(c) for c in certificates]
rooms = ("theory.solver", "theory.stratification")
loaded = sorted(name for name in sys.modules if name.startswith(rooms))
print(json.dumps([verdicts, loaded]))
"""


def test_a_stored_proof_is_verified_without_the_solver(tmp_path: Path) -> None:
    nodes = [rlct(K, **options).certificate for K, options in GERMS]
    nodes += [*proofs().values(), *(make() for make in SPLITS.values())]
    stored = [node.to_json() for node in nodes if node is not None]
    # The last one is false: the interpreter below must be able to say no.
    stored.append({**stored[0], "lower": "1/97", "upper": "1/97"})
    path = tmp_path / "certificates.json"
    path.write_text(json.dumps(stored), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    verdicts, loaded = json.loads(done.stdout)
    assert loaded == []
    assert verdicts == [True] * (len(stored) - 1) + [False]
