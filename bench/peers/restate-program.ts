import process from "node:process";
import * as restate from "@restatedev/restate-sdk";

/*
 * A Restate service. The call of the callback URL is a durable step: it is repeated until it succeeds, and not repeated
 * afterwards.
 *
 * @see https://docs.restate.dev/develop/ts/durable-steps
 */

interface Task {
  readonly input: unknown;
  readonly callbackUrl: string;
}

const echo = restate.service({
  name: "tasks",
  handlers: {
    echo: async (context: restate.Context, task: Task) => {
      await context.run("callback", async () => {
        const answer = await fetch(task.callbackUrl, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            id: context.request().id.toString(),
            status: "succeeded",
            result: task.input,
          }),
        });
        if (!answer.ok) throw new Error(`the callback was answered ${answer.status}`);
      });
      return task.input;
    },
  },
});

await restate.serve({ services: [echo], port: Number(process.env["PORT"]) });
console.log("ready");
