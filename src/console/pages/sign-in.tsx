import { useState } from "preact/hooks";
import { BASE, createApi, RequestFailure } from "../api/request.ts";
import { useAction } from "../api/resource.ts";
import type { Session } from "../api/types.ts";
import { Button } from "../parts/button.tsx";
import { TextField } from "../parts/field.tsx";
import { Failure } from "../parts/state.tsx";

const api = createApi();

const NOT_KEPT = new RequestFailure(0, {
  title: "This browser did not keep the session",
  detail:
    "The session is a Secure cookie. Safari keeps none over http, not even on this computer: open the console over https, or in Chrome or Firefox. Or does this browser block all cookies?",
});

/** Signs in, and makes sure that the browser keeps the session. */
async function signIn(token: string): Promise<Session> {
  await api.send("/console/session", { method: "POST", body: { token: token.trim() } });
  try {
    return await api.send<Session>("/console/session");
  } catch (error) {
    throw error instanceof RequestFailure && error.status === 401 ? NOT_KEPT : error;
  }
}

export function SignIn({ onSignedIn }: { readonly onSignedIn: (session: Session) => void }) {
  const [token, setToken] = useState("");
  const action = useAction(async () => onSignedIn(await signIn(token)));
  return (
    <main class="alone">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          action.run();
        }}
      >
        <img src={`${BASE}/console/icon.svg`} alt="" width="44" height="44" />
        <h1>Sign in to Ringback</h1>
        <TextField
          label="Admin token or API key"
          type="password"
          required
          value={token}
          onChange={setToken}
          autocomplete="current-password"
          hint="The admin token sees every project. An API key sees its own project, as far as its scopes allow."
        />
        {action.failure && <Failure failure={action.failure} />}
        <Button kind="primary" submit busy={action.busy}>
          Sign in
        </Button>
        <p class="faint">
          A local run prints both in its <code>ready</code> line. A session lasts 12 hours.
        </p>
      </form>
    </main>
  );
}
