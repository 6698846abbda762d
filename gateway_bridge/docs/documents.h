/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: the files of docs/, those that assets.py fetches and the generated openapi.json, as
 * the build embeds them, plain and compressed (embed.py). */
#ifndef DOCS_DOCUMENTS_H
#define DOCS_DOCUMENTS_H

#include <stddef.h>

#define DOCUMENT_TAG_LEN 16

struct document {
    const unsigned char *data; /* text */
    size_t len;
    const unsigned char *gzip; /* the same in the coding gzip (RFC 1952) */
    size_t gzip_len;
    const char *tag; /* DOCUMENT_TAG_LEN characters that change with the content */
};

extern const struct document document_docs_html;
extern const struct document document_docs_css;
extern const struct document document_docs_js;
extern const struct document document_icon_svg;
extern const struct document document_swagger_html;
extern const struct document document_swagger_js;
extern const struct document document_redoc_html; /* with NONCE, for a new one each time */
extern const struct document document_redoc_js;
/* Empty where the build could not fetch them. */
extern const struct document document_swagger_ui_css;
extern const struct document document_swagger_ui_bundle_js;
extern const struct document document_redoc_standalone_js;
/* Of all services together, and of each. */
extern const struct document document_openapi_json;
extern const struct document document_openapi_forex_json;
extern const struct document document_openapi_ledger_json;
extern const struct document document_openapi_payment_json;
extern const struct document document_openapi_profile_json;
extern const struct document document_openapi_rule_engine_json;
extern const struct document document_openapi_wallet_json;

#endif
