// An OpenID Connect provider (oidc-provider) that gives access tokens for one resource server; prints its port.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [port, audience] = process.argv.slice(2);
const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
const secret = "the secret of the app at its provider";
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "external-app",
      client_secret: secret,
      grant_types: ["client_credentials"],
      id_token_signed_response_alg: "ES256",
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  jwks: { keys: [{ ...jwk, kid: "provider-1", alg: "ES256", use: "sig" }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: async () => ({
        scope: "system/Observation.rs system/Patient.rs",
        audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
provider.on("server_error", (_context, error) => console.error(error));
provider.listen(Number(port), "127.0.0.1", () => console.log(port));
