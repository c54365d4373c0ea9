import { SERVICE } from "../world.ts";
import { cancel, ENDS, type Means } from "./plan.ts";
import { submitted } from "./submits.ts";

/* Services that the queue calls itself. */

/** The queue's report on a service's answer can get lost, too: then the deadline ends the task. */
const SERVED = "40s";

/** A service that is called by the queue itself. */
export function calledByQueue(means: Means): Promise<void> {
  const input = { service: SERVICE, method: "POST", path: "/service/work", body: { said: "hello" } };
  return submitted(means, "http.request", input, { deadline: SERVED });
}

/** The very request for that service, by the proxy. */
export async function passedOn(means: Means): Promise<void> {
  const story = means.story("http.request", ENDS);
  const own = { "callback-url": means.callbackUrl(story), "ringback-deadline": SERVED };
  const { told } = await means.client.insist(
    story,
    {
      ...{
        act: "submit",
        method: "POST",
        path: `/v1/proxy/${SERVICE}/service/work`,
        body: { said: "hello" },
      },
      headers: { prefer: "respond-async", "idempotency-key": story.ref, ...own },
    },
    "reuse",
  );
  if (told.task && means.random.chance(0.3)) await cancel(means, story, told.task.id);
}
