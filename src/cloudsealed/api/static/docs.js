"use strict";
// The page asks the installation where it is itself, however it is reached: a browser at another
// name of it would be kept from the public URL. No validator: it would send the document to another
// host.
(async () => {
  const here = new URL(".", location.href).href.replace(/\/$/, "");
  const answer = await fetch(`${here}/openapi.json`);
  const spec = await answer.json();
  spec.servers = [{ url: here, description: "This installation" }];
  SwaggerUIBundle({
    spec,
    dom_id: "#docs",
    deepLinking: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    presets: [SwaggerUIBundle.presets.apis],
  });
})();
