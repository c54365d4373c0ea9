import * as z from "zod/mini";
import { defineTask, TaskError } from "../../src/task.ts"; // for you: "ringback"

const offerSchema = z.object({ supplier: z.string(), price: z.number(), days: z.int() });

/** An offer as a supplier makes it: cents, and days until delivery. */
export type Offer = z.output<typeof offerSchema>;

/**
 * Asks each supplier for an offer, one after the other: they take ten seconds each, so 18 of them take three minutes. The
 * progress after each supplier is what the agent shows to its user.
 *
 * @param suppliers their address: set by the deployer, so it is called by the plain `fetch`, not by the guarded one
 */
export const collectOffers = (suppliers: string) =>
  defineTask({
    type: "offers.collect",
    summary: "Asks suppliers for an offer, and compares the offers.",
    input: z.strictObject({
      article: z.string().check(z.minLength(1), z.maxLength(200)),
      suppliers: z.int().check(z.gte(1), z.lte(50)),
    }),
    timeout: 10 * 60_000,
    retries: 5,
    async handler({ input, signal, progress }) {
      const offers: Offer[] = [];
      for (let number = 1; number <= input.suppliers; number += 1) {
        offers.push(await askSupplier(suppliers, number, input.article, signal));
        progress({
          percent: Math.floor((100 * number) / input.suppliers),
          message: `${number} of ${input.suppliers} suppliers have answered`,
        });
      }
      offers.sort((one, other) => one.price - other.price || one.days - other.days);
      return { article: input.article, asked: offers.length, best: offers.slice(0, 3) };
    },
  });

async function askSupplier(
  url: string,
  number: number,
  article: string,
  signal: AbortSignal,
): Promise<Offer> {
  const address = new URL(`/suppliers/${number}/offer`, url);
  address.searchParams.set("article", article);
  const response = await fetch(address, { signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new TaskError("supplier-unavailable", `Supplier ${number} could not be reached.`, { cause });
  });
  const offer = offerSchema.safeParse(response.ok ? await response.json() : await response.body?.cancel());
  if (offer.success) return offer.data;
  throw new TaskError("supplier-unavailable", `Supplier ${number} made no offer (${response.status}).`);
}
