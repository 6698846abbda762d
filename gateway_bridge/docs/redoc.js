/* SPDX-License-Identifier: Apache-2.0 */
/* Redoc makes its styles while it runs: the page's policy lets those with the nonce in. Its search
 * would start a worker from a blob, which the policy does not allow. */
"use strict";

Redoc.init("openapi.json", {
  nonce: document.querySelector("style").nonce,
  disableSearch: true,
}, document.getElementById("redoc"));
