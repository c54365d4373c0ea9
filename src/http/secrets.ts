import { timestamp } from "../domain/view.ts";
import { readSigningSecret } from "../flow/secrets.ts";
import { answer } from "./respond.ts";
import { type Route, route } from "./route.ts";

const read = route({
  method: "GET",
  path: "/v1/signing-secret",
  operation: "readSigningSecret",
  summary: "Read the secret that signs the project's callbacks",
  tag: "Secrets",
  access: "key",
  scope: "secrets:read",
  answers: { 200: { shape: "SigningSecret" } },
  problems: ["not-found"],
  async handle({ c, invocation, caller }) {
    const { secret, previous } = await readSigningSecret(invocation, caller);
    const older = previous.map((one) => ({ secret: one.secret, expiresAt: timestamp(one.expiresAt) }));
    return answer(c, 200, { secret, previous: older });
  },
});

export const secretRoutes: readonly Route[] = [read];
