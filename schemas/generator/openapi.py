# SPDX-License-Identifier: Apache-2.0
"""OpenAPI 3.1: the document of all routes."""
import json
import re

from .declarations import Service
from .text import base64url_length

ID_PATTERN = "_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
AMOUNT_PATTERN = r"^(0|[1-9][0-9]*)(\.[0-9]{1,8})?$"
PLAIN_PATTERN = r"^(0|[1-9][0-9]*)(\.[0-9]{1,48})?$"
PLAIN_LENGTH = 90
WHOLE_PATTERN = "^(0|[1-9][0-9]*)$"
TEXT_PATTERN = r"^[^\x00-\x1F\x7F-\x9F\u202A-\u202E\u2066-\u2069]*$"
KEY_PATTERN = r'^([!#-~]+|"([ !#-\[\]-~]|\\["\\])+")$'
TAG_PATTERN = r'^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$'
EXAMPLE_ID = "01J8Z3N5V7Q9C2K4M6P8R0T1W3"
EXAMPLE_TIME = "2026-01-31T12:00:00Z"
U64_DIGITS, U128_DIGITS = 20, 39

# What can answer any operation, with its conditions, beyond the message's own refusals.
ALWAYS = ["bad_request", "malformed", "busy", "rate_limited", "expired", "unavailable", "unknown",
          "failed", "too_large", "uri_too_long", "header_too_large", "request_timeout",
          "unknown_field", "invalid_header", "no_place"]
SECURED = ["unauthenticated", "insufficient_scope", "forbidden"]
WITH_FIELDS = ["invalid_field", "missing_field", "duplicate_field"]
WITH_AMOUNTS = ["amount_too_precise", "amount_out_of_range"]
RULES = {"invalid_field": "must be an active ISO 4217 currency code, like \"USD\"",
         "unknown_field": "is not known here",
         "missing_field": "is required", "duplicate_field": "is given twice"}
WITH_BODY = ["invalid_json", "unsupported_media_type"]
WITH_KEY = ["invalid_key", "key_reused", "forbidden"]
WITH_MATCH = ["precondition"]
WRITING = ["store_full", "journal_quota"]
WITH_PATH = ["not_found"]

STATUS_TEXT = {
    400: "The request breaks a rule", 401: "No valid token", 403: "Not allowed",
    404: "No such thing, or not yours", 405: "Method not allowed", 408: "Too slow",
    409: "The present state forbids it", 412: "Not the current version", 413: "Too large",
    414: "The target is too long", 415: "The body is not JSON",
    422: "The request is understood and refused",
    423: "Locked", 428: "If-Match is needed", 429: "Too many requests",
    431: "The header is too large", 500: "A defect; nothing was changed", 501: "Not implemented",
    503: "Not now; try again",
}


def document(schema, version):
    """Of all together, or of the service whose own port the schema is a view of."""
    scopes = sorted({s for r in schema.routes
                     for s in (r.scope, r.any_owner_scope, r.adjust_scope) if s})
    used = {}
    paths = {}
    for r in schema.routes:
        paths.setdefault(r.path, {})[r.method.lower()] = _operation(schema, r, used)
    for r in schema.refused:
        paths.setdefault(r.path, {})[r.method.lower()] = _refused(schema, r)
    doc = {
        "openapi": "3.1.0",
        "info": {
            "title": (schema.port or PLATFORM).title,
            "version": version,
            "description": _introduction(schema),
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document comes from"}],
        "tags": _tags(schema),
        "paths": paths,
        "components": {
            "schemas": _schemas(schema, used),
            "examples": _problems(schema),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": _security(scopes),
        },
    }
    if not doc["tags"]:
        del doc["tags"]
    _drop_unused(doc)
    return json.dumps(doc, indent=1, ensure_ascii=False) + "\n"


def _drop_unused(doc):
    """Components that this document does not refer to: those of other ports' operations."""
    components = doc["components"]
    found, text = None, json.dumps(doc)
    while text != found:
        found = text
        for kind in ("schemas", "parameters", "headers", "examples"):
            components[kind] = {name: one for name, one in components[kind].items()
                                if f'"#/components/{kind}/{name}"' in found}
        text = json.dumps(doc)
    doc["components"] = {kind: named for kind, named in components.items() if named}


PLATFORM = Service("", "Payment Platform", "Wallets, payments and the ledger behind them.")

# Of a service's own port.
COMPAT = (
    "This port has the operations of this service alone, and shows what the platform that it "
    "replaces had as that did: those amounts are JSON numbers with the exact decimals (`10.50`), "
    "its lists are bare arrays, whose next page is in the header `Link`, and currency codes are "
    "taken in any case.\n\n")

INTRODUCTION = (
    "Amounts are decimal strings in major units, with at most as many decimals as ISO 4217 gives "
    "the currency: `\"10.50\"` USD are ten dollars and fifty cents. In requests a JSON number is "
    "taken by its literal text, in major units too: who comes from an API that counts minor units "
    "must divide first, because `1050` are 1,050.00 dollars. "
    "Times are RFC 3339, from 1970-01-01T00:00:00Z to 2554-07-21T23:34:33Z: answers have them in "
    "UTC, requests with any offset; digits after nanoseconds are cut, and a leap second is the "
    "last nanosecond before it. Lengths of texts are counted in bytes of UTF-8. Every refusal is "
    "an RFC 9457 problem with a stable `code`; it changes nothing. A POST that moves money needs "
    "an `Idempotency-Key`: the same key and body give the first answer again, however often they "
    "are sent. Fields may be added to answers; unknown fields in requests are refused. HEAD is "
    "answered wherever GET is, with the same header and no body; OPTIONS names the methods of a "
    "path.\n\n"
    "Requests carry an OAuth2 access token as `Authorization: Bearer`. A node started by `./run` "
    "gives one itself: `POST /oauth2/token` with `grant_type=client_credentials`, client `dev`, "
    "password `dev-secret`.")


def _introduction(schema):
    said = (schema.port or PLATFORM).doc + "\n\n"
    if schema.port and not schema.routes + schema.refused:
        return said + "No operation of it is built yet."
    return said + (COMPAT if schema.port else "") + INTRODUCTION


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": True,
    "description": "Names this request: repeated with the same key it is carried out once and "
                   "gives the same answer. Kept for at least 30 days. A key belongs to tenant, "
                   "client and subject of the token, for all operations: sent with another "
                   "request it is refused (422 `key_reused`; with more than one shard only where "
                   "both have their home in the same: that of the account, wallet or payment that "
                   "the request is about, of a transfer the one to debit). Whoever was answered by "
                   "the rights of an administrator and no longer has them is refused (403) instead "
                   "of being shown the answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
    "example": "order-4711-attempt-1",
}

PARAMETERS = {
    "IdempotencyKey": IDEMPOTENCY_KEY,
    "IdempotencyKeyOptional": IDEMPOTENCY_KEY | {"required": False},
    "IfMatch": {
        "name": "If-Match", "in": "header", "required": False,
        "description": "The ETag last seen of what the path names, or a list of ETags; if none "
                       "of them is current, the request is refused with 412.",
        "schema": {"type": "string", "pattern": TAG_PATTERN}, "example": '"7"',
    },
    "IfNoneMatch": {
        "name": "If-None-Match", "in": "header", "required": False,
        "description": "The ETag last seen, or a list: if one is still current, the answer is "
                       "304 without a body. What changes something is refused with 412 then, and "
                       "with * always.",
        "schema": {"type": "string"}, "example": '"7"',
    },
    "XRequestId": {
        "name": "X-Request-Id", "in": "header", "required": False,
        "description": "Comes back in the answer and is in the log, if it has 1 to 128 letters, "
                       "digits, '-', '_' or '.'; else one is made.",
        "schema": {"type": "string"}, "example": "6f1c2a90",
    },
    "Traceparent": {
        "name": "traceparent", "in": "header", "required": False,
        "description": "W3C Trace Context; as if absent if it is none.",
        "schema": {"type": "string"},
        "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
}

HEADERS = {
    "ETag": {"description": "Version of the thing in the answer, for If-Match.",
             "schema": {"type": "string"}, "example": '"7"'},
    "XRequestId": {"description": "Of the request, or made here.",
                   "schema": {"type": "string"}, "example": "6f1c2a90"},
    "RateLimitPolicy": {"description": "Where clients are limited: q requests in w seconds.",
                        "schema": {"type": "string"}, "example": '"client";q=200;w=2'},
    "RateLimit": {"description": "Where clients are limited: r requests are left, all of them "
                                 "again in t seconds.",
                  "schema": {"type": "string"}, "example": '"client";r=150;t=1'},
    "RetryAfter": {"description": "Seconds to wait before trying again.",
                   "schema": {"type": "integer"}, "example": 1},
    "RowsLookedAt": {"description": "What the answer cost: rows that were looked at. Where no "
                                    "index serves a filter that is every row, given or not; a "
                                    "page looks at some 2,000 at most, so it may be short, even "
                                    "empty, while there is a next_cursor.",
                     "schema": {"type": "integer", "minimum": 0}, "example": 20},
    "StaleAsOf": {"description": "The store has no space left: the list may lack what was changed "
                                 "after this time. Absent, it has all that was acknowledged.",
                  "schema": {"type": "string", "format": "date-time"},
                  "example": "2026-01-31T12:00:00.000000001Z"},
    "JournalQuotaUsed": {"description": "Per cent of what the tenant may write in a day, from 80 "
                                        "on. At 100, what writes is refused for a while; at 200, "
                                        "what settles something too.",
                         "schema": {"type": "integer", "minimum": 80, "maximum": 200},
                         "example": 85},
    "Link": {"description": "The next page, with rel=\"next\"; absent on the last.",
             "schema": {"type": "string"},
             "example": "</wallets/wal_01J8Z3N5V7Q9C2K4M6P8R0T1W3/transactions?cursor=AAEC>; "
                        "rel=\"next\""},
    "TotalCount": {"description": "If count was asked for: how many there are on all pages; with "
                                  "a + behind it if there may be more, because 10,000 rows were "
                                  "looked at.",
                   "schema": {"type": "string", "pattern": r"^[0-9]+\+?$"}, "example": "17"},
    "IdempotencyReplayed": {"description": "true: this is the first answer of this key again.",
                           "schema": {"type": "string", "enum": ["true"]}},
}


def _security(scopes):
    listed = {s: _scope_text(s) for s in scopes}
    return {
        "oauth2": {"type": "oauth2", "description": "Client credentials, for programs.",
                   "flows": {"clientCredentials": {"tokenUrl": "/oauth2/token",
                                                   "scopes": listed}}},
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                   "description": "A token of the identity server, RS256 or ES256."},
    }


# Of scopes that know no owner.
SCOPES = {
    "ledger:read": "See all accounts and transfers of the tenant, those of wallets included",
    "ledger:write": "Open accounts and move money between all accounts of the tenant that no "
                    "wallet manages: for book-keeping services",
    "ledger:adjust": "With ledger:write and a reason, also from and to the accounts of wallets: "
                     "past their limits and freezes, never what they keep aside",
}


def _scope_text(scope):
    if scope in SCOPES:
        return SCOPES[scope]
    what, _, action = scope.partition(":")
    said = {"read": "See your own", "write": "Change your own", "admin": "See and change all"}
    return f"{said.get(action, action.capitalize() or 'Use')} {what}"


def _tags(schema):
    """In the order of their positions, which is that of the documents."""
    used = {r.tag for r in schema.routes + schema.refused}
    tags = sorted((position, name, doc) for name, (position, doc) in schema.tags.items())
    return [{"name": name, "description": doc} for _, name, doc in tags if name in used]


def _refused(schema, r):
    """Of an operation that everyone is refused: what there is instead."""
    parameters = [{"name": name, "in": "path", "required": True, "description": "Any.",
                   "schema": {"type": "string"}} for name in re.findall(r"\{(\w+)\}", r.path)]
    parameters += [{"$ref": "#/components/parameters/XRequestId"},
                   {"$ref": "#/components/parameters/Traceparent"}]
    answers = {r.status: [schema.error(r.error)]}
    for name in ALWAYS:
        answers.setdefault(schema.error(name).status, []).append(schema.error(name))
    return {"operationId": re.sub(r"\W+", "_", f"{r.method} {r.path}".lower()).strip("_"),
            "tags": [r.tag], "summary": r.doc.split(". ")[0].rstrip("."),
            "description": f"{r.doc} {schema.error(r.error).detail}", "deprecated": True,
            "security": [], "parameters": parameters,
            "responses": _refusals(answers, {
                "X-Request-Id": {"$ref": "#/components/headers/XRequestId"}})}


def _operation(schema, r, used):
    m = schema.messages[r.message]
    summary = r.doc.split(". ")[0].rstrip(".")
    operation = {"operationId": m.name, "tags": [r.tag], "summary": summary,
                 "description": m.doc if m.doc.rstrip(".") != summary else r.doc,
                 "security": [{"oauth2": [r.scope]}, {"bearer": []}] if r.scope else []}
    if r.any_owner_scope and r.any_owner_scope != r.scope:
        operation["description"] += (f" With the scope `{r.any_owner_scope}` also for things of "
                                     "other owners of the same tenant.")
    if r.adjust_scope:
        operation["description"] += (f" With the scope `{r.adjust_scope}` and a reason also from "
                                     "and to accounts that wallets manage.")
    if r.scope:
        operation["description"] += f" Needs the scope `{r.scope}`."
    parameters = _parameters(schema, r, m)
    if parameters:
        operation["parameters"] = parameters
    body_fields = [f for f in m.json_fields if f.json_name not in r.path_fields]
    if r.body and body_fields:
        name = f"{m.name}_request"
        used[name] = (m, r.path_fields)
        content = {"schema": {"$ref": f"#/components/schemas/{name}"}}
        content["example"] = route_example(schema, r, m)
        operation["requestBody"] = {
            "required": any(not f.optional for f in body_fields),
            "content": {"application/json": content}}
    operation["responses"] = _responses(schema, r, m, used)
    return operation


def route_example(schema, r, m):
    """The body that the documents show: the declared one, or one made up."""
    if r.example is None:
        return _example(schema, m, r.path_fields)
    if not isinstance(r.example, str):
        r.source.fail("example must be JSON in a text")
    try:
        example = json.loads(r.example)
    except ValueError as e:
        r.source.fail(f"example is not JSON: {e}")
    for name in example if isinstance(example, dict) else ["it"]:
        if name not in [f.json_name for f in m.json_fields] or name in r.path_fields:
            r.source.fail(f"example: {name} is no field of the body")
    return example


def whole_example(schema, r):
    """All of a route's message as one object: what the parameters show and the body."""
    m = schema.messages[r.message]
    path = {f.json_name: _field_example(schema, f) for f in m.json_fields
            if f.json_name in r.path_fields}
    return json.dumps(path | route_example(schema, r, m), ensure_ascii=False)


def _parameters(schema, r, m):
    fields = {f.json_name: f for f in m.json_fields}
    out = []
    for where, names in (("path", r.path_fields), ("query", r.query_fields)):
        for name in names:
            f = fields[name]
            shape = _shape(schema, f, True)
            doc = f.doc or name.replace("_", " ")
            if where == "query" and r.body:
                doc += " Here or in the body; if it is in both, the body's counts."
            parameter = {"name": name, "in": where,
                         "required": where == "path" or not f.optional,
                         "description": doc, "schema": shape}
            if f.type == "flags":
                parameter.update(style="form", explode=False)
            if f.type == "metadata":
                parameter.update(style="deepObject", explode=True)
                shape["maxProperties"] = 1
            example = _field_example(schema, f)
            if f.type not in ("flags",) and not (f.optional and f.example is None):
                parameter["example"] = example
            out.append(parameter)
    if m.mutates:
        key = "IdempotencyKey" if r.idempotency else "IdempotencyKeyOptional"
        out.append({"$ref": f"#/components/parameters/{key}"})
    if r.etag and r.path_fields:
        out.append({"$ref": "#/components/parameters/IfMatch"})
    if m.mutates or (r.etag and not r.body):
        out.append({"$ref": "#/components/parameters/IfNoneMatch"})
    out.append({"$ref": "#/components/parameters/XRequestId"})
    out.append({"$ref": "#/components/parameters/Traceparent"})
    return out


def _takes_amounts(schema, m):
    return any(f.type in ("decimal", "amount") and not f.plain for f in m.json_fields) or \
        any(_takes_amounts(schema, part) for part in schema.uses(m))


def refusals(schema, r, m):
    """Names of all errors that can answer this operation."""
    names = list(ALWAYS)
    names += SECURED if r.scope else []
    names += WITH_FIELDS if m.json_fields else []
    names += WITH_AMOUNTS if _takes_amounts(schema, m) else []
    names += WITH_BODY if r.body else []
    names += WITH_KEY if m.mutates else []
    names += ["key_missing"] if r.idempotency else []
    names += WITH_MATCH if m.mutates or (r.etag and r.path_fields) else []
    names += WRITING if m.mutates else []
    names += WITH_PATH if r.path_fields else []
    names += ["invalid_cursor", "cursor_of_other_list"] if "cursor" in r.query_fields else []
    names += [m.lacking] if m.together else []
    names += [f.unknown for f in m.json_fields if f.unknown]
    known = []
    for name in names + m.refusals:
        if schema.error(name) is not None and name not in known:
            known.append(name)
    return known


def _responses(schema, r, m, used):
    headers = {"X-Request-Id": {"$ref": "#/components/headers/XRequestId"}}
    if r.scope:
        headers["RateLimit-Policy"] = {"$ref": "#/components/headers/RateLimitPolicy"}
        headers["RateLimit"] = {"$ref": "#/components/headers/RateLimit"}
    success = dict(headers)
    if r.etag and any(f.json_name == "version" for f in schema.messages[m.reply].json_fields):
        success["ETag"] = {"$ref": "#/components/headers/ETag"}
    if m.mutates:
        success["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
        success["X-Journal-Quota-Used"] = {"$ref": "#/components/headers/JournalQuotaUsed"}
    if m.view:
        success["X-Rows-Looked-At"] = {"$ref": "#/components/headers/RowsLookedAt"}
        success["X-Stale-As-Of"] = {"$ref": "#/components/headers/StaleAsOf"}
    if r.location:
        success["Location"] = {
            "description": "Path of what was made.", "example": _location_example(schema, r),
            "schema": {"type": "string", "format": "uri-reference"}}
    if m.reply and (r.csv or _bare(schema, schema.messages[m.reply])):
        success["Link"] = {"$ref": "#/components/headers/Link"}
        success["X-Total-Count"] = {"$ref": "#/components/headers/TotalCount"}
    good = {"description": schema.messages[m.reply].doc if m.reply else "Done.",
            "headers": success}
    if m.reply and r.status != 204:
        used[m.reply] = (schema.messages[m.reply], [])
        good["content"] = {"application/json": {
            "schema": {"$ref": f"#/components/schemas/{m.reply}"},
            "example": _example(schema, schema.messages[m.reply])}}
    if r.csv:
        good["content"]["text/csv"] = {"schema": {"type": "string", "description": CSV},
                                       "example": _csv_example(schema, r, m)}
    responses = {str(r.status): good}
    if r.goes_on:
        responses["202"] = {**good, "description": "The work goes on; this is what there is of it "
                            "so far. The same request with the same key is told how it ended.",
                            "headers": {**success,
                                        "Retry-After": {"$ref": "#/components/headers/RetryAfter"}}}
    if r.etag and not r.body and not m.mutates:
        responses["304"] = {"description": "Not changed since the version in If-None-Match.",
                            "headers": dict(success)}
    grouped = {}
    for name in refusals(schema, r, m):
        error = schema.error(name)
        grouped.setdefault(error.status, []).append(error)
    return responses | _refusals(grouped, headers)


def _refusals(grouped, headers):
    """The answers of errors, grouped by status."""
    responses = {}
    for status in sorted(grouped):
        errors = grouped[status]
        bad = {"description": STATUS_TEXT.get(status, errors[0].title) + ": " +
               ", ".join(f"`{e.name}`" for e in errors) + ".",
               "headers": dict(headers),
               "content": {"application/problem+json": {
                   "schema": {"$ref": "#/components/schemas/problem"},
                   "examples": {e.name: _example_of(e, status) for e in errors}}}}
        if status in (429, 503):
            bad["headers"]["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        responses[str(status)] = bad
    return responses


CSV = ("Asked for with `Accept: text/csv`: the list alone as a table (RFC 4180), whose first line "
       "has the names of the columns. The next page is in the header `Link`. A text that a "
       "spreadsheet would take for a formula has an apostrophe before it.")


def _csv_example(schema, r, m):
    [lines] = [f for f in schema.messages[m.reply].fields if f.json_name == r.csv]
    line = schema.messages[lines.argument]
    shown = _example(schema, line)
    names = [f.json_name for f in line.json_fields]
    return "".join(",".join(str(cell) for cell in cells) + "\r\n"
                   for cells in (names, [shown.get(name, "") for name in names]))


def _example_of(error, status):
    """The shared example, unless an operation has a status of its own for it."""
    if status == error.status:
        return {"$ref": f"#/components/examples/{error.name}"}
    return {"summary": error.title, "value": _problem(error) | {"status": status}}


def _location_example(schema, r):
    """With the ids that the example of the reply has."""
    reply = _example(schema, schema.messages[schema.messages[r.message].reply])
    return re.sub(r"\{(\w+)\}", lambda name: reply[name[1]], r.location)


def _problems(schema):
    """An example of every refusal that some operation names."""
    named = {name for r in schema.routes
             for name in refusals(schema, r, schema.messages[r.message])}
    named |= {name for r in schema.refused for name in ALWAYS + [r.error]}
    return {e.name: {"summary": e.title, "value": _problem(e)}
            for e in schema.errors if e.name in named}


def _problem(error):
    problem = {"type": error.type or f"/docs#error-{error.name}", "title": error.title,
               "status": error.status, "detail": error.detail, "code": error.name}
    if error.name in RULES:
        problem["errors"] = [{"field": "currency", "rule": RULES[error.name]}]
    elif error.fields:
        problem["errors"] = [{"field": error.fields[0], "rule": error.detail}]
    if error.name == "managed":
        problem["managed_by"] = "pay_01J8Z3Q4R5S6T7V8W9XAYBZC00"
        problem["use"] = "POST /payments/{payment_id}/refund"
    if error.name == "rate_limited":
        problem["violated-policies"] = ["client"]
    return problem


PROBLEM = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference",
                 "description": "Where the documents explain the code, or a registered type."},
        "title": {"type": "string", "description": "For people; the same for each kind."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "For people; of this occurrence."},
        "code": {"type": "string", "description": "For programs; stable."},
        "instance": {"type": "string", "description": "The path asked for."},
        "errors": {
            "type": "array", "description": "What broke which rule; of a body all that did.",
            "items": {"type": "object", "required": ["field", "rule"], "properties": {
                "field": {"type": "string", "description": "Like transfers[3].amount; empty: the "
                                                           "whole body."},
                "rule": {"type": "string", "description": "The rule it broke."}}}},
        "request_id": {"type": "string", "description": "As in X-Request-Id."},
        "wallet_id": {"type": "string", "description": "The wallet that exists, with "
                                                       "`wallet_exists`."},
        "payment_id": {"type": "string", "description": "The payment that was recorded as failed, "
                                                        "where one was declined."},
        "failed_leg": {"type": "integer", "description": "Place of the refused leg, from 0, where "
                                                         "one of several was refused."},
        "managed_by": {"type": "string", "description": "What made it and alone resolves it, with "
                                                        "`managed`."},
        "use": {"type": "string", "description": "The operation that does it, with `managed`."},
        "violated-policies": {"type": "array", "items": {"type": "string"},
                              "description": "Names in RateLimit-Policy, with `rate_limited`."},
    },
}


# What a request may have for an amount; an answer has the string.
AMOUNT = {
    "description": "A decimal in major units, as a string; a number is taken by its literal text, "
                   "without exponent: 1050 is 1,050.00 and not 10.50.",
    "oneOf": [{"type": "string", "pattern": AMOUNT_PATTERN, "maxLength": U128_DIGITS + 1},
              {"type": "number", "minimum": 0}],
}


def _schemas(schema, used):
    out = {"problem": PROBLEM}
    todo = [(name, m, without, name.endswith("_request")) for name, (m, without) in used.items()]
    while todo:
        name, m, without, asked = todo.pop(0)
        if name in out:
            continue
        out[name] = _object(schema, m, without, asked)
        todo += [(part.name, part, [], asked) for part in schema.uses(m)]
        out.update(_words(schema, m))
        if asked and _takes_amounts(schema, m):
            out["amount"] = AMOUNT
    for r in schema.routes:
        out.update(_words(schema, schema.messages[r.message]))
    return {name: out[name] for name in sorted(out)}


def _words(schema, m):
    """The enums and flags of a message, by name: generated clients have one type of each."""
    used = [(schema.enums | schema.flags)[f.argument] for f in m.json_fields
            if f.type in ("enum", "flags")]
    return {v.name: {"type": "string", "description": v.doc, "enum": list(v.values)}
            for v in used}


def _bare(schema, m):
    """The list that is all of this page here, or None."""
    return m.bare if schema.port else None


def _object(schema, m, without, asked):
    """Of a request (asked) or of a part of one, else of an answer."""
    if not asked and _bare(schema, m):
        return _property(schema, m.bare, False) | {"description": m.doc}
    fields = [f for f in m.json_fields if f.json_name not in without]
    out = {"type": "object", "description": m.doc}
    required = [f.json_name for f in fields if not f.optional]
    if required:
        out["required"] = required
    out["properties"] = {f.json_name: _property(schema, f, asked) for f in fields}
    if asked:
        out["additionalProperties"] = False
        needed = [_needed(schema, m, f) for f in fields if f.unless_flags]
        out |= {"allOf": needed} if needed else {}
    return out


def _needed(schema, m, f):
    """A field that only certain flags make optional."""
    [flags] = [other for other in m.fields if other.name == "flags"]
    some = {"type": "array", "contains": {"anyOf": [{"const": name} for name in f.unless_flags]}}
    return {"anyOf": [
        {"required": [f.json_name], "properties": {f.json_name: _property(schema, f, True)}},
        {"required": [flags.json_name], "properties": {flags.json_name: some}}]}


def _property(schema, f, asked):
    amount = asked and f.type in ("decimal", "amount") and not f.plain
    shape = {"$ref": "#/components/schemas/amount"} if amount else _shape(schema, f, asked)
    if asked and f.type in ("u64", "u128"):
        number = {"type": "integer", "minimum": 0}
        shape = {"oneOf": [shape, number | ({"maximum": 2**64 - 1} if f.type == "u64" else {})]}
    if f.doc:
        shape["description"] = f.doc
    if f.example is not None:
        shape["examples"] = [_field_example(schema, f)]
    return shape


def _whole(digits, low=1):
    return {"type": "string", "pattern": WHOLE_PATTERN, "minLength": low, "maxLength": digits}


def _shape(schema, f, asked):
    """JSON Schema of a field's value, in a request (asked) or in an answer."""
    kind = f.type
    if kind == "bool":
        return {"type": "boolean"}
    if kind in ("u8", "u16", "u32"):
        return {"type": "integer", "minimum": f.min, "maximum": f.max}
    if kind in ("u64", "u128"):
        return _whole(U64_DIGITS if kind == "u64" else U128_DIGITS)
    if kind in ("decimal", "amount") and schema.port and f.compat == "number":
        return {"type": "number", "minimum": 0}
    if f.plain:
        return {"oneOf": [{"type": "string", "pattern": PLAIN_PATTERN, "maxLength": PLAIN_LENGTH},
                          {"type": "number", "minimum": 0}]}
    if kind in ("decimal", "amount"):
        return {"type": "string", "pattern": AMOUNT_PATTERN, "maxLength": U128_DIGITS + 1}
    if kind == "id":
        prefix = f"({f.argument}|{f.also})" if f.also and asked else f.argument
        return {"type": "string", "pattern": f"^{prefix}{ID_PATTERN}"}
    if kind == "raw_id":
        return {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    if kind == "currency" and schema.port and asked:
        return {"type": "string", "pattern": "^[A-Za-z]{3}$"}
    if kind == "currency":
        return {"type": "string", "pattern": "^[A-Z]{3}$"}
    if f.words:
        return {"type": "array", "maxItems": f.max // 2 + 1, "items": {
            "type": "string", "pattern": TEXT_PATTERN, "maxLength": f.max}}
    if kind == "text":
        return {"type": "string", "pattern": TEXT_PATTERN, "minLength": f.min, "maxLength": f.max}
    if kind == "bytes":
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]*$",
                "minLength": base64url_length(f.min), "maxLength": base64url_length(f.max)}
    if kind == "time":
        return {"type": "string", "format": "date-time"}
    if kind == "result":
        return {"type": "string"}
    if kind == "enum":
        return {"$ref": f"#/components/schemas/{f.argument}"}
    if kind == "flags":
        return {"type": "array", "uniqueItems": True,
                "items": {"$ref": f"#/components/schemas/{f.argument}"}}
    if kind == "metadata":
        return {"type": "object", "maxProperties": 16,
                "propertyNames": {"pattern": TEXT_PATTERN, "minLength": 1, "maxLength": 64},
                "additionalProperties": {"type": "string", "pattern": TEXT_PATTERN,
                                         "maxLength": 256}}
    if kind == "message":
        return {"$ref": f"#/components/schemas/{f.argument}"}
    shape = {"type": "array", "maxItems": f.max,
             "items": {"$ref": f"#/components/schemas/{f.argument}"}}
    if f.min:
        shape["minItems"] = f.min
    return shape


def _field_example(schema, f):
    if schema.port and f.compat == "number":
        return float(f.example or "10.50")
    if f.words:
        return f.example.split()
    if f.example is not None:
        return f.example
    kind = f.type
    if kind == "text":
        text = re.sub(r"[_-]", " ", f.json_name).capitalize()[:f.max]
        return text + "x" * (f.min - len(text))
    if kind == "bytes":
        return "AAECAwQF"[:base64url_length(f.max)].ljust(base64url_length(f.min), "A")
    if kind == "enum":
        return schema.enums[f.argument].values[0]
    if kind == "message":
        return _example(schema, schema.messages[f.argument])
    if kind == "list":
        return [_example(schema, schema.messages[f.argument])] * max(1, f.min)
    if kind in ("u8", "u16", "u32"):
        return max(1, f.min)
    return {"bool": False, "u64": "1", "u128": "1",
            "decimal": "1.5", "amount": "10.50", "id": f"{f.argument}_{EXAMPLE_ID}",
            "raw_id": "0123456789abcdef0123456789abcdef", "currency": "USD",
            "time": EXAMPLE_TIME, "result": "ok", "flags": [],
            "metadata": {"order": "4711"}}[kind]


def _example(schema, m, without=()):
    """Required fields, and optional ones that say how they look."""
    if _bare(schema, m):
        return _field_example(schema, m.bare)
    return {f.json_name: _field_example(schema, f) for f in m.json_fields
            if f.json_name not in without and (not f.optional or f.example is not None)}
