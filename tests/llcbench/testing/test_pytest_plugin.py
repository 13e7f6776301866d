"""The plugin in a session of its own: options, verdicts and their messages, store and report."""

import re
import shlex
import subprocess
import sys

import pytest
from command import here
from scipy.stats import norm
from short_runs import SHORT

# A localisation that a short chain feels, and a step that is stable: Euler-Langevin 13 % off.
BIASED = '"regular/d2", "sgld[step_size=2e-4]", gamma=100.0'


def test_import_is_light():
    """Every run of pytest loads the plugin: it must bring next to nothing with it."""
    script = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import llcbench.testing.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    # What pytest has brought from the standard library depends on its version.
    brought = done.stdout.split()
    assert [name for name in brought if name.split(".")[0] not in sys.stdlib_module_names] == [
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
            "*guard*discretisation failed in 2 of 2 runs*",
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
