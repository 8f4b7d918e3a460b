// Validates files against a schema with ajv: node ajv.mjs SCHEMA FILE...
import { readFileSync } from "node:fs";

import Ajv from "ajv/dist/2020.js";
import { parse } from "yaml";

const [schema, ...files] = process.argv.slice(2);
const ajv = new Ajv.default({ allErrors: true, strict: false });
const validate = ajv.compile(JSON.parse(readFileSync(schema, "utf8")));
let wrong = 0;
for (const file of files) {
  if (!validate(parse(readFileSync(file, "utf8")))) {
    console.error(file, validate.errors);
    wrong += 1;
  }
}
console.log(`${files.length - wrong} of ${files.length} files are valid`);
process.exitCode = wrong === 0 ? 0 : 1;
