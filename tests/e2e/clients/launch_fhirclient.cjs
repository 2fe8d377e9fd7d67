// fhirclient.js launched standalone against a sandbox, with PKCE: the person allows, the app reads. Prints `ok`.
const assert = require("node:assert");
const http = require("node:http");
const smart = require("fhirclient");

const [base, patient, redirect] = process.argv.slice(2);
const kept = {};
const storage = {
  get: async (key) => kept[key],
  set: async (key, value) => (kept[key] = value),
  unset: async (key) => delete kept[key],
};
const scope = "openid fhirUser offline_access launch/patient patient/*.rs";

async function allow(address) {
  assert.equal(new URL(address).searchParams.get("code_challenge_method"), "S256");
  const page = await (await fetch(address)).text();
  const ticket = page.match(/name="ticket" value="([^"]+)"/)[1];
  const body = new URLSearchParams({ ticket, patient, decision: "allow" });
  const answer = await fetch(address.split("?")[0], { method: "POST", body, redirect: "manual" });
  return answer.headers.get("location");
}

const server = http.createServer(async (request, response) => {
  try {
    const app = smart(request, response, storage);
    if (request.url.startsWith("/launch")) {
      await app.authorize({ clientId: "app", iss: base, redirectUri: redirect, scope, pkceMode: "required" });
      return;
    }
    const client = await app.ready();
    assert.equal(client.patient.id, patient);
    assert.equal((await client.patient.read()).id, patient);
    const found = await client.patient.request("Observation?_count=4", { pageLimit: 0, flat: true });
    assert.equal(found.length, 10);
    assert.ok(client.getFhirUser().endsWith(`Patient/${patient}`));
    await client.refresh();
    assert.equal((await client.request(`Patient/${patient}`)).id, patient);
    response.end("ok");
  } catch (error) {
    response.end(String(error.stack));
  }
});

server.listen(Number(new URL(redirect).port), "127.0.0.1", async () => {
  const own = new URL(redirect).origin;
  const launched = await fetch(`${own}/launch`, { redirect: "manual" });
  const back = await allow(launched.headers.get("location"));
  const told = await (await fetch(back)).text();
  process.stdout.write(`${told}\n`, () => process.exit(told === "ok" ? 0 : 1));
});
