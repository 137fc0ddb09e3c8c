/* Shows the OpenAPI document in the viewer; a key typed into "Authorize" stays in this tab. */
"use strict";

const reference = document.getElementById("reference");

window.SwaggerUIBundle({
  url: reference.dataset.schema,
  domNode: reference,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
