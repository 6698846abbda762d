/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: the files of docs/ and the generated openapi.json, as the build embeds them, plain and
 * compressed (embed.py). */
#ifndef DOCS_DOCUMENTS_H
#define DOCS_DOCUMENTS_H

#include <stddef.h>

#define DOCUMENT_TAG_LEN 16

struct document {
    const unsigned char *data;
    size_t len;
    const unsigned char *gzip; /* the same in the coding gzip (RFC 1952) */
    size_t gzip_len;
    const char *tag; /* DOCUMENT_TAG_LEN characters that change with the content */
};

extern const struct document document_docs_html;
extern const struct document document_docs_css;
extern const struct document document_docs_js;
extern const struct document document_icon_svg;
extern const struct document document_openapi_json;

#endif
