/** An environment with every variable that a deployment must have. */
export const environment: Readonly<Record<string, string>> = {
  UPSTASH_REDIS_REST_URL: "https://redis.example.com",
  UPSTASH_REDIS_REST_TOKEN: "redis-token",
  QSTASH_TOKEN: "qstash-token",
  QSTASH_CURRENT_SIGNING_KEY: "sig_a",
  QSTASH_NEXT_SIGNING_KEY: "sig_b",
  RINGBACK_PUBLIC_URL: "https://ringback.example.com",
  RINGBACK_MASTER_SECRET: "a master secret for tests",
  RINGBACK_ADMIN_TOKEN: "an admin token for tests",
};
