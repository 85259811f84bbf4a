"""Holds the OpenAPI document at a URL to the specification, and says all that is wrong with it."""

import json
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

with urllib.request.urlopen(sys.argv[1], timeout=20) as answer:
    document = json.load(answer)
assert document["openapi"].startswith("3.1."), document["openapi"]
flaws = list(OpenAPIV31SpecValidator(document).iter_errors())
for flaw in flaws:
    print("/".join(map(str, flaw.absolute_path)), flaw.message, file=sys.stderr)
sys.exit(1 if flaws else 0)
