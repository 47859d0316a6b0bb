// Checks HAR files of Carnet with har-validator. Usage: har.mjs FOLDER [CHANGE]. Prints how many files hold, or what does not.
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, change] = process.argv.slice(2);
const require = createRequire(join(process.env.CARNET_PEERS, "npm/har/package.json"));
const { har } = require("har-validator");
let n = 0;
for (const name of readdirSync(folder).sort()) {
  const document = JSON.parse(readFileSync(join(folder, name), "utf8"));
  if (change === "version") delete document.log.version;
  if (change === "time") document.log.entries[0].startedDateTime = "yesterday";
  if (change === "timings") document.log.entries[0].timings.wait = "long";
  try {
    await har(document);
    n += 1;
  } catch (e) {
    console.log(`not har: ${(e.errors ?? [e]).map((x) => `${x.dataPath} ${x.message}`).join("; ")}`);
    process.exit(1);
  }
}
console.log(n);
