/** The least that a Worker can be: it answers 202, and knows nothing. */
export default { fetch: (): Response => new Response(null, { status: 202 }) };
