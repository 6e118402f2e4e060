// Shows the API documents. Nothing is asked for or sent outside of this service.
"use strict";
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  tryItOutEnabled: true,
  // The badge would come from another site.
  validatorUrl: null,
});
