/* SPDX-License-Identifier: Apache-2.0 */
/* Swagger UI on the port's own document. Tokens come from the same port: what is filled in already
 * is the client of the development issuer, which everybody may know; another identity server's token
 * is pasted under "bearer". Nothing is asked of another origin. */
"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#ui",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
}).initOAuth({clientId: "dev", clientSecret: "dev-secret"});
