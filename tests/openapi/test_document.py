"""The committed document, by public validators."""

import json

from conftest import DOCUMENT
from openapi_spec_validator import OpenAPIV31SpecValidator


def test_the_document_is_valid_openapi_3_1():
    OpenAPIV31SpecValidator(json.loads(DOCUMENT.read_text())).validate()


def test_the_validator_finds_errors():
    document = json.loads(DOCUMENT.read_text())
    document["paths"]["/table/create"]["post"]["parameters"][0]["in"] = "nowhere"
    assert not OpenAPIV31SpecValidator(document).is_valid()
