import json
import re
import shlex
import subprocess
import sys

import pytest
from _pytest.pytester import SysModulesSnapshot
from command import here
from scipy.stats import norm

from llcbench import Exact, MeanEnergy
from llcbench.run.store import RunStore
from llcbench.testing.session import Session

# The plugin of hypothesis is imported anew, and slowly, in every inner session.
ARGUMENTS = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
SHORT = "nbeta=1e3, num_chains=32, num_draws=600, num_burnin=300, replicates=2"
FEW = "nbeta=1e3, num_chains=16, num_draws=100, num_burnin=1, replicates=2"
# A localisation that a short chain feels, and a step that is stable: Euler-Langevin 13 % off.
BIASED = '"regular/d2", "sgld[step_size=2e-4]", gamma=100.0'


@pytest.fixture
def run_tests(monkeypatch, request, tmp_path_factory):
    # Of the modules that an inner session imports, pytester must forget the tests alone: torch
    # cannot be imported twice, and other tests hold classes of ours.
    base = str(tmp_path_factory.getbasetemp())

    def kept(name):
        return not str(getattr(sys.modules[name], "__file__", "")).startswith(base)

    monkeypatch.setattr(
        "_pytest.pytester.SysModulesSnapshot", lambda preserve: SysModulesSnapshot(preserve=kept)
    )
    pytester = request.getfixturevalue("pytester")

    def run(source, *options, **ini):
        if ini:
            lines = "\n".join(f"{name} = {value}" for name, value in ini.items())
            pytester.makeini(f"[pytest]\n{lines}")
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess(*ARGUMENTS, *options)

    return run


def test_import_is_light():
    """Every run of pytest loads the plugin: it must bring next to nothing with it."""
    script = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import llcbench.testing.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == [
        "llcbench", "llcbench.testing", "llcbench.testing.pytest_plugin",
    ], done.stderr  # fmt: skip


def test_plugin_is_active_and_documented(run_tests):
    help_ = run_tests("", "--help").stdout.str()
    for option in ("replicates", "seed", "time-budget", "max-dim", "store", "report"):
        assert f"--llc-{option}" in help_
    assert "llc_false_alarm" in help_
    markers = run_tests("", "--markers").stdout.str()
    assert "llc_accuracy" in markers
    assert "slow" in markers


def test_gate_passes(run_tests):
    result = run_tests(
        f"""
        def test_mala(llc_run, llc_gate):
            score = llc_run("regular/d2", "mala[adapt=300]", {SHORT})
            assert score.replicates == 2
            llc_gate(score)
            llc_gate(score, against="local", z=20)
        """,
        "-W",
        "error::UserWarning",
    )
    result.assert_outcomes(passed=1)


def test_failing_gate_says_everything(run_tests):
    result = run_tests(
        f"""
        def test_biased(llc_run, llc_gate):
            llc_gate(llc_run({BIASED}, {SHORT}))
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "sgld?step_size=0.0002? on regular/d2: the estimate is off the tempered value",
            "*estimate*+-*2 replicates, 32 chains x 600 draws after 300*",
            "*setting*nbeta 1000, gamma 100*",
            "*tempered*+-*Gaussian closed form*",
            "*local*1 (multiplicity 1)",
            "*global*1",
            "*R-hat*ESS*",
            "*guard*stability failed in 2 of 2 runs*",
            "*bias*+0.*z = *limit 5.43, against the tempered value (false alarm 1e-06, 62 degrees*",
            "*reproduce*llcbench run smoke*--set nbeta=1000.0*llcbench score*",
        ]
    )
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    "call",
    [
        f"{BIASED}, {SHORT}",
        '"regular/d2/n200", "sgld[step_size=1e-3]", replicates=2, batch_size=20, start="prior",'
        " num_draws=100, num_burnin=50",
    ],
)
def test_command_in_the_message_makes_the_same_runs(run_tests, tmp_path, call):
    result = run_tests(
        f"""
        def test_biased(llc_run, llc_gate):
            llc_gate(llc_run({call}), z=0.0)
        """,
        "--llc-store",
        str(tmp_path / "mine"),
        "--llc-seed",
        "3",
    )
    # On a CI machine pytest prints the whole message a second time, in its summary.
    (line,) = {x.strip() for x in result.outlines if x.strip().startswith("reproduce")}
    command = line.split("reproduce", 1)[1].split("&&")[0].replace("build/gate", str(tmp_path))
    done = here(*shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr
    names = [{p.name for p in (x / "runs").iterdir()} for x in (tmp_path, tmp_path / "mine")]
    assert names[0] == names[1]
    assert len(names[0]) == 2


def test_names_registered_in_a_test_file_are_run_anew(run_tests, tmp_path, monkeypatch):
    monkeypatch.setattr("llcbench.registry._LOCAL_SAMPLERS", {})
    source = f"""
    import torch
    import llcbench

    @llcbench.sampler("mine")
    def mine(theta, target, rng, *, step_size=2e-5):
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        return theta - 0.5 * step_size * grad + step_size**0.5 * noise, FACTOR * loss

    def test_it(llc_run, llc_gate):
        score = llc_run("poly/x2", "mine[step_size=1e-4]", {SHORT})
        print("mean", score.mean.value)
        llc_gate(score, z=1e6)
    """
    means = []
    for factor in ("1.0", "2.0"):
        text = source.replace("FACTOR", factor)
        result = run_tests(text, "-s", "--llc-store", str(tmp_path))
        result.assert_outcomes(passed=1, warnings=1)
        means += re.findall(r"mean ([0-9.e-]+)", result.stdout.str())
    assert float(means[1]) == pytest.approx(2 * float(means[0]))


def test_workers_share_a_store(run_tests, tmp_path):
    pytest.importorskip("xdist")
    page = tmp_path / "page"
    result = run_tests(
        f"""
        import pytest
        @pytest.mark.parametrize("sampler", ["mala", "exact"])
        def test_it(sampler, llc_run, llc_gate):
            llc_gate(llc_run("poly/x2", sampler, {SHORT}))
        """,
        "-n",
        "2",
        "--llc-report",
        str(page),
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["llcbench report written to *"])
    assert "exact" in (page / "scores.csv").read_text()


def test_passing_gate_warns_of_failed_guards(run_tests):
    result = run_tests(
        """
        def test_short(llc_run, llc_gate):
            score = llc_run("regular/d2", "mala", num_chains=4, num_draws=40, num_burnin=600)
            llc_gate(score, z=100)
        """
    )
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*passed, but with failed guards*", "*guard*ess_bulk failed*"])


def test_objects_and_functions_run_without_a_name(run_tests, tmp_path):
    source = f"""
    import torch, pytest
    import llcbench

    def mine(theta, target, rng, *, step_size=2e-5):
        _, grad, loss = target.potential_and_grad(theta)
        noise = torch.empty_like(theta).normal_(generator=rng)
        return theta - 0.5 * step_size * grad + step_size**0.5 * noise, loss

    def raises(theta, target, rng, *, step_size=2e-5):
        raise KeyError("oops")

    def test_object(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", llcbench.MALA(adapt=300), {SHORT}))

    def test_function(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", mine, {SHORT}), z=1e6)

    def test_error(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", raises, {SHORT}))

    def test_declined(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", "gibbs", {SHORT}))
    """
    result = run_tests(source, "--llc-store", str(tmp_path))
    result.assert_outcomes(passed=2, failed=2, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "*2 of 2 runs failed (error: KeyError: 'oops' (*.py:*))",
            "*reproduce*pytest*::test_error --llc-seed 0 --llc-replicates 2",
            "*2 of 2 runs failed (skipped: gibbs needs a linear network*",
        ]
    )
    specs = [json.loads(p.read_text())["spec"] for p in (tmp_path / "runs").glob("*.json")]
    results = {spec["sampler"]: spec["parameters"] for spec in specs}
    assert results["object.mine"] == {"step_size": 2e-5}
    assert set(results) == {"object.mala", "object.mine", "object.raises", "gibbs"}


def test_gate_refuses_what_it_cannot_judge(run_tests):
    result = run_tests(
        f"""
        import msgspec, pytest
        import llcbench.testing.session as session

        @pytest.fixture
        def score(llc_run, monkeypatch, request):
            real = session.compute_truths
            def altered(spec):
                truths = real(spec)
                change = request.param(truths.tempered)
                return msgspec.structs.replace(truths, tempered=change)
            monkeypatch.setattr(session, "compute_truths", altered)
            monkeypatch.setattr("llcbench.run.store.Store.load", lambda *_: None)
            return llc_run("poly/x2", __import__("llcbench").MALA(), {SHORT})

        absent = lambda tempered: None
        doubtful = lambda tempered: msgspec.structs.replace(tempered, certified=False)

        @pytest.mark.parametrize("score", [absent, doubtful], indirect=True)
        def test_gate(score, llc_gate):
            llc_gate(score)

        @pytest.mark.parametrize("score", [absent], indirect=True)
        def test_local(score, llc_gate):
            llc_gate(score, against="local", z=20)

        def test_word(llc_run, llc_gate):
            score = llc_run("poly/x2", "mala", {SHORT})
            with pytest.raises(ValueError, match="'tempered' or 'local'"):
                llc_gate(score, against="global")
        """
    )
    result.assert_outcomes(failed=2, passed=2)
    result.stdout.fnmatch_lines(
        ["*there is no tempered value to compare with*", "*is not certified*"]
    )


def test_store_is_reused_and_report_written(run_tests, tmp_path):
    source = f"""
    def test_it(llc_run, llc_gate, llc_store):
        llc_gate(llc_run("poly/x2", "mala", {SHORT}))
        assert len(llc_store.contents().records) == 2
    """
    store, page = tmp_path / "store", tmp_path / "page"
    options = ("--llc-store", str(store), "--llc-report", str(page))
    run_tests(source, *options).assert_outcomes(passed=1)
    before = {p: p.stat().st_mtime_ns for p in (store / "runs").iterdir()}
    result = run_tests(source, *options)
    result.assert_outcomes(passed=1)
    assert before == {p: p.stat().st_mtime_ns for p in (store / "runs").iterdir()}
    result.stdout.fnmatch_lines(["llcbench report written to *"])
    assert any(page.iterdir())


def test_options_limit_what_is_run(run_tests):
    source = f"""
    def test_small(llc_run):
        assert llc_run("poly/x2", "mala", {SHORT}).replicates == 1

    def test_large(llc_run):
        llc_run("regular/d5", "mala", {SHORT})
    """
    result = run_tests(source, "--llc-max-dim", "4", "--llc-replicates", "1", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*regular/d5 has 5 parameters, --llc-max-dim is 4*"])


@pytest.mark.parametrize("sampler", ['"mala"', "__import__('llcbench').MALA()"])
def test_time_budget_skips(run_tests, sampler):
    source = f"""
    def test_first(llc_run):
        llc_run("regular/d2", {sampler}, num_draws=10**6)

    def test_second(llc_run):
        llc_run("regular/d2", {sampler}, num_draws=10)
    """
    result = run_tests(source, "--llc-time-budget", "0.3s", "-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*--llc-time-budget of 0.3 s*"])


def test_bad_options_are_named(run_tests):
    source = "def test_it(llc_run): pass"
    for options, ini, message in [
        (("--llc-time-budget", "soon"), {}, "*'soon' is not a time*"),
        (("--llc-replicates", "0"), {}, "*--llc-replicates must be at least 1*"),
        ((), {"llc_false_alarm": "2"}, "*llc_false_alarm must be between 0 and 1*"),
    ]:
        result = run_tests(source, *options, **ini)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([message])


def test_limit_follows_the_false_alarm(run_tests):
    source = f"""
    def test_it(llc_run, _llc_session):
        score = llc_run("poly/x2", "mala", {SHORT})
        print("limit", _llc_session.verdict(score, "tempered", None, "x").message)
    """
    strict = run_tests(source, "-s")
    lax = run_tests(source, "-s", llc_false_alarm="0.1", llc_gates="1")
    limits = [
        float(line.split("limit ")[1].split(",")[0])
        for result in (lax, strict)
        for line in result.outlines
        if line.strip().startswith("bias")
    ]
    assert norm.isf(0.05) < limits[0] < 1.1 * norm.isf(0.05)
    assert norm.isf(0.5e-6) < limits[1] < 1.3 * norm.isf(0.5e-6)


def test_generator_depends_on_the_test_only(run_tests):
    source = """
    import torch
    def test_one(llc_rng): print("one", torch.rand(1, generator=llc_rng).item())
    def test_two(llc_rng): print("two", torch.rand(1, generator=llc_rng).item())
    """
    seen = [
        dict(re.findall(r"(one|two) (0[.][0-9]+)", run_tests(source, "-s", *options).stdout.str()))
        for options in ((), ("-k", "two"))
    ]
    assert seen[0]["one"] != seen[0]["two"]
    assert seen[1] == {"two": seen[0]["two"]}


def test_any_number_with_an_error_is_gated(run_tests):
    """On poly/x2 the local coefficient is 1/2; the tempered one is below it."""
    source = """
    import pytest

    @pytest.mark.parametrize("value", [0.5, 0.54, 0.46])
    def test_passes(llc_gate, value):
        llc_gate(value, 0.01, problem="poly/x2", against="local")

    @pytest.mark.parametrize("value", [0.55, 0.45])
    def test_fails(llc_gate, value):
        llc_gate(value, 0.01, problem="poly/x2", against="local")

    @pytest.mark.parametrize("value", [0.55, 0.45])
    def test_few_repetitions_allow_more(llc_gate, value):
        llc_gate(value, 0.01, problem="poly/x2", against="local", dof=7)

    def test_tempered(llc_gate):
        import llcbench
        truth = llcbench.problem("poly/x2").tempered(100.0, 50.0)
        llc_gate(truth.value + 0.04, 0.01, problem="poly/x2", nbeta=100.0, gamma=50.0)
        with pytest.raises(pytest.fail.Exception, match="off the tempered value"):
            llc_gate(truth.value + 0.06, 0.01, problem="poly/x2", nbeta=100.0, gamma=50.0)
        with pytest.raises(pytest.fail.Exception, match="off the tempered value"):
            llc_gate(truth.value, 0.001, problem="poly/x2", nbeta=100.0)

    def test_defaults_are_those_of_llc_run(llc_run, llc_gate):
        score = llc_run("poly/x2", "exact", num_draws=8, num_burnin=1, replicates=1)
        value = score.tempered.value
        llc_gate(value, 1e-9 + 10 * score.tempered.stderr, problem="poly/x2")

    def test_data(llc_gate):
        import llcbench
        problem = llcbench.problem("regular/d2/n50")
        data = problem.sample_data(llcbench.Seeds(5).generator("data"))
        truth = problem.tempered(20.0, 1.0, data)
        setting = {"problem": "regular/d2/n50", "nbeta": 20.0}
        llc_gate(truth.value, 0.001, data=data, **setting)
        with pytest.raises(ValueError, match="depends on its data set: give data="):
            llc_gate(truth.value, 0.001, **setting)
        llc_gate(1.0, 0.001, against="local", **setting)
    """
    result = run_tests(source)
    result.assert_outcomes(passed=8, failed=2)
    result.stdout.fnmatch_lines(
        [
            "0.55 on poly/x2: the estimate is off the local value",
            "*estimate*0.55 +- 0.01 (given)",
            "*local*1/2 (multiplicity 1)",
            "*global*1/2",
            "*bias*+0.05 +- 0.01, z = 5.00, limit 4.89, against the local value (false alarm 1e-06,"
            " normal error)",
            "*reproduce*pytest *test_fails*",
        ]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("float('nan'), 0.1, problem='poly/x2'", "value must be a finite number, got nan"),
        ("float('inf'), 0.1, problem='poly/x2'", "value must be a finite number, got inf"),
        ("None, 0.1, problem='poly/x2'", "value must be a number, got None"),
        ("0.5, -0.1, problem='poly/x2'", "stderr must be above 0, got -0.1"),
        ("0.5, 0.0, problem='poly/x2'", "stderr must be above 0, got 0.0"),
        ("0.5, float('nan'), problem='poly/x2'", "stderr must be a finite number, got nan"),
        ("0.5, 0.1, problem='poly/nothing'", "poly/nothing"),
        ("0.5, 0.1, problem='noly/x2'", "unknown problem 'noly/x2'"),
        ("0.5, 0.1, problem='poly/x2', dof=0", "dof must be above 0, got 0"),
        ("0.5, 0.1, problem='poly/x2', nbeta=-1.0", "nbeta must be above 0"),
        ("0.5, 0.1, problem='poly/x2', gamma=-1.0", "gamma must be at least 0"),
        ("0.5, 0.1, problem='poly/x2', against='global'", "'tempered' or 'local'"),
        ("0.5, 0.1, problem='poly/x2', z=-1.0", "z must be a number of standard errors"),
        ("0.5, 0.1", "llc_gate takes a score of llc_run, or a number with an error and a problem"),
        ("0.5, problem='poly/x2'", "missing 1 required positional argument: 'stderr'"),
    ],
)
def test_numbers_that_cannot_be_gated_are_refused(tmp_path, call, message):
    session = Session(store=RunStore(tmp_path))
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        eval(f"session.gate('test', {call})", {"session": session})


def test_estimators_run_by_name_and_as_objects(run_tests, tmp_path):
    source = f"""
    from dataclasses import dataclass, field
    import pytest
    import llcbench
    from llcbench import Exact, RunContext, Settings

    SHORT = Settings(nbeta=1e3, num_chains=16, num_draws=100, num_burnin=1)

    def test_name(llc_run, llc_gate):
        score = llc_run("poly/x2", "exact", estimator="two_temperatures", {FEW})
        assert score.estimator == "two_temperatures"
        llc_gate(score)

    def test_sampler_object(llc_run, llc_gate):
        score = llc_run("poly/x2", Exact(), estimator="two_temperatures[ratio=1.5]", {FEW})
        assert score.estimator == "two_temperatures[ratio=1.5]"
        llc_gate(score)

    def test_object(llc_run, llc_gate):
        score = llc_run("poly/x2", estimator=llcbench.TwoTemperatures(Exact(), SHORT))
        assert (score.estimator, score.replicates) == ("object.twotemperatures", 3)
        assert score.tempered_method == "slope of Mellin-Barnes"
        llc_gate(score)

    @dataclass(frozen=True)
    class Mine:
        factor: float = 1.0
        sampler: Exact = Exact()
        settings: Settings = SHORT
        def estimate(self, problem, context=RunContext()):
            import msgspec
            made = llcbench.MeanEnergy(self.sampler, self.settings).estimate(problem, context)
            chains = [self.factor * value for value in made.llc_per_chain]
            llc = self.factor * made.llc
            return msgspec.structs.replace(made, llc=llc, llc_per_chain=chains)

    def test_own(llc_run, llc_gate):
        score = llc_run("poly/x2", estimator=Mine(), replicates=2)
        assert (score.estimator, score.sampler) == (
            "object.mine", "object.exact[estimator=object.mine,resolution=0.001]")
        llc_gate(score)

    def test_own_wrong(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", estimator=Mine(1.4), replicates=2))

    class Bare:
        def estimate(self, problem, context=RunContext()):
            return llcbench.MeanEnergy(Exact(), SHORT).estimate(problem, context)

    def test_bare(llc_run, llc_gate):
        score = llc_run("poly/x2", estimator=Bare(), {FEW})
        assert score.sampler == "none[estimator=object.bare]"
        llc_gate(score)

    class Raises:
        def estimate(self, problem, context=RunContext()):
            raise KeyError("oops")

    def test_raises(llc_run, llc_gate):
        llc_gate(llc_run("poly/x2", estimator=Raises(), replicates=1))
    """
    result = run_tests(source, "--llc-store", str(tmp_path))
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*object.mine* on poly/x2: the estimate is off the tempered value",
            "*reproduce*pytest *::test_own_wrong --llc-seed 0 --llc-replicates 2",
            "*1 of 1 runs failed (error: KeyError: 'oops'*",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": "mala", "estimator": "nothing"}, "unknown estimator 'nothing'"),
        ({"sampler": "mala", "estimator": "regression[rings=3]"}, "no option 'rings'"),
        ({"estimator": "regression"}, "estimator 'regression' needs a sampler"),
        ({"sampler": "mala", "estimator": 3}, "3 is no estimator"),
        ({"estimator": MeanEnergy}, "is no estimator: give a name such as 'regression[rungs=6]'"),
        ({"estimator": MeanEnergy(Exact()), "sampler": "mala"}, "holds its sampler: give no other"),
        ({"estimator": MeanEnergy(Exact()), "gamma": 3.0}, "settings of its own: give gamma to"),
        ({"sampler": "mala", "num_chain": 3}, "llc_run has no setting 'num_chain'"),
        ({}, "estimator 'mean_energy' needs a sampler"),
    ],
)
def test_estimators_that_cannot_be_run_are_refused(tmp_path, arguments, message):
    session = Session(store=RunStore(tmp_path))
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        session.run("poly/x2", **arguments)
