"""The API server accepts what the chart renders, with strict validation. Nothing is stored."""

import pytest
from release import CHART
from scenarios import SCENARIOS


@pytest.mark.parametrize("values", SCENARIOS.values(), ids=SCENARIOS)
def test_the_api_server_accepts_what_the_chart_renders(release, values):
    rendered = release.helm("template", "rollcall", CHART, "--validate", *release.values_arguments(values))
    assert rendered.returncode == 0, rendered.stderr
    ask = ("apply", "--dry-run=server", "--validate=strict", "--filename", "-")
    release.namespace.kubectl(*ask, stdin=rendered.stdout)
