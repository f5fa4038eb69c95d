// Makes a copy of an OpenAPI document that takes no members of a body but those it names, so that a misspelt one is
// found. Schemas of answers are left out: Twilio's own examples, which Prism answers with, do not all fit them.
import { readFileSync, writeFileSync } from "node:fs";

function close(schema) {
  if (schema === null || typeof schema !== "object") return;
  if (schema.type === "object" && schema.properties && schema.additionalProperties === undefined) {
    schema.additionalProperties = false;
  }
  Object.values(schema).forEach(close);
}

// A list in a form is its name repeated. OpenAPI has that as the default, and Prism wants to be told.
function repeat(body, schemas) {
  const media = body?.content?.["application/x-www-form-urlencoded"];
  const schema = media?.schema?.$ref ? schemas[media.schema.$ref.split("/").pop()] : media?.schema;
  for (const [name, property] of Object.entries(schema?.properties ?? {})) {
    if (property.type === "array") media.encoding = { [name]: { style: "form", explode: true }, ...media.encoding };
  }
}

const [from, to] = process.argv.slice(2);
const document = JSON.parse(readFileSync(from, "utf8"));
for (const path of Object.values(document.paths)) {
  for (const operation of Object.values(path)) {
    close(operation?.requestBody);
    repeat(operation?.requestBody, document.components?.schemas ?? {});
    for (const response of Object.values(operation?.responses ?? {})) {
      Object.values(response.content ?? {}).forEach((media) => delete media.schema);
    }
  }
}
close(document.components?.schemas);
writeFileSync(to, JSON.stringify(document));
