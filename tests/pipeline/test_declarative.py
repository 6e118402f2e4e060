"""declarative.groovy, which runs the Jenkinsfile in these tests, refuses what Jenkins would refuse."""

from conftest import ROOT, run_groovy

import pytest

PIPELINE = """
pipeline {
    agent none
    environment { PLACE = 'here' }
    options { disableConcurrentBuilds() }
    stages {
        stage('One') {
            agent { label 'any' }
            steps {
                sh 'true'
            }
            post {
                always { sh 'true' }
            }
        }
    }
}
"""


@pytest.fixture
def run(tmp_path):
    """Runs the text of a Jenkinsfile; returns the finished process."""

    def run(text):
        (tmp_path / "Jenkinsfile").write_text(text)
        (tmp_path / "scripts").mkdir()
        environment = {"PATH": "/usr/bin:/bin"}
        scenario = {"environment": environment, "credentials": {}, "workspace": str(tmp_path), "approve": True}
        return run_groovy(tmp_path / "Jenkinsfile", {**scenario, "scripts": str(tmp_path / "scripts")}, tmp_path)

    return run


def test_a_small_pipeline_runs(run):
    done = run(PIPELINE)
    assert done.returncode == 0, done.stderr
    assert '"result":"SUCCESS"' in done.stdout


@pytest.mark.parametrize(
    "old, new, message",
    [
        # On one line the two parse as a chain of method calls.
        ("            }\n            post {", "            } post {", "post() on null"),
        ("sh 'true'", "def x = 'true'", "expected a step in 'steps'"),
        ("sh 'true'", "if (true) { sh 'true' }", "expected a step in 'steps'"),
        ("always { sh 'true' }", "always { x = 1 }", "expected a step in 'always'"),
        ("always {", "sometimes {", "cannot have 'sometimes'"),
        ("always { sh 'true' }", "", "'post' of One is empty"),
        ("steps {", "step {", "cannot have 'step'"),
        ("agent { label 'any' }", "agent { label 'any' }\n agent { label 'other' }", "has 'agent' twice"),
        ("sh 'true'", "shell 'true'", "shell()"),
        ("'here'", '"${ELSEWHERE}"', "ELSEWHERE"),
        ("stages {", "stages {\n stage('Two') { agent { label 'any' } }", "must have either"),
        ("post {", "post {{", "startup failed"),
    ],
)
def test_an_invalid_pipeline_is_refused(run, old, new, message):
    assert old in PIPELINE
    done = run(PIPELINE.replace(old, new, 1))
    assert done.returncode != 0
    assert message in done.stderr


def test_a_step_without_an_agent_fails(run):
    done = run(PIPELINE.replace("agent { label 'any' }", ""))
    assert '"because":"sh needs an agent"' in done.stdout and '"result":"FAILURE"' in done.stdout


def test_the_jenkinsfile_is_refused_with_post_on_the_line_of_a_closing_brace(run):
    text = (ROOT / "Jenkinsfile").read_text()
    done = run(text.replace("}\n                    post {", "} post {"))
    assert done.returncode != 0 and "post() on null" in done.stderr
