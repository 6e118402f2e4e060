"""What the chart renders."""

from conftest import BUNDLED, CNPG, EXTERNAL, only

import pytest


@pytest.mark.parametrize("values", [BUNDLED, EXTERNAL, CNPG], ids=["bundled", "external", "cnpg"])
def test_the_pods_wait_for_the_schema_with_the_image_that_serves(render, values):
    pod = only(render(values), "Deployment")["spec"]["template"]["spec"]
    [wait] = pod["initContainers"]
    [serve] = pod["containers"]
    assert wait["args"][0] == "wait-for-schema"
    assert wait["image"] == serve["image"]
