"""The suites of peers ask the questions of the leaderboard, so that answers are paired."""

from llcbench.compare.entries import case_of
from llcbench.run.execute import truth_key
from llcbench.run.plan import expand
from llcbench.run.suite import load

PEERS = {
    "devinterp_sgld", "devinterp_rmsprop", "devinterp_sgnht",
    "posteriors_sgld", "posteriors_sghmc", "posteriors_sgnht", "posteriors_baoa",
}  # fmt: skip


def specs(suite, samplers, variant):
    found = expand(load(suite), replicates=1)
    return [s for s in found if s.sampler in samplers and s.variant == variant]


def asked(result):
    """Return everything that decides question and data of a run, and its length."""
    return {(case_of(s), s.seed, truth_key(s), s.settings) for s in result}


def test_peers_answer_the_questions_of_the_leaderboard():
    """On the same data, with chains as long; ``sghmc`` is one that answers all of them."""
    for variant in ("default", "tuned"):
        questions = asked(specs("accuracy", {"sghmc"}, variant))
        assert len(questions) == 41
        for name in PEERS:
            assert asked(specs("peers", {name}, variant)) == questions


def test_the_standard_gets_the_same_gradients_and_no_tuning():
    found = specs("peers", {"nuts"}, "default")
    assert {s.parameters["grads"] for s in found} == {2000}
    questions = {case_of(s) for s in specs("accuracy", {"sghmc"}, "default")}
    assert {case_of(s) for s in found} == questions
    assert not specs("peers", {"nuts"}, "tuned")


def test_its_own_loop_is_run_on_questions_of_the_leaderboard():
    """With the step of the same kernel in our loop: tunings do not know estimators."""
    known = {case_of(s) for s in specs("accuracy", {"sghmc"}, "tuned")}
    chosen = specs("devinterp", {"devinterp_sgld"}, "tuned")
    assert {case_of(s) for s in chosen} < known
    assert {s.estimator for s in chosen} == {
        "mean_energy", "devinterp", "devinterp[baseline=exact]",
    }  # fmt: skip
