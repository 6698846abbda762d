/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: the files of docs/ and the generated openapi.json, as the build
 * embeds them (embed.py). */
#ifndef DOCS_DOCUMENTS_H
#define DOCS_DOCUMENTS_H

#include <stddef.h>

struct document {
    const unsigned char *data;
    size_t len;
};

extern const struct document document_docs_html;
extern const struct document document_docs_css;
extern const struct document document_docs_js;
extern const struct document document_icon_svg;
extern const struct document document_openapi_json;

#endif
