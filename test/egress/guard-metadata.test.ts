import ip from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { createGuard } from "../../src/adapters/egress/guard.ts";

/** What clouds serve to their own machines: credentials, user data, agents. */
const IPV4 = [
  "169.254.169.254",
  "169.254.169.253",
  "169.254.170.2",
  "169.254.0.23",
  "169.254.42.42",
  "100.100.100.200",
  "192.0.0.192",
  "168.63.129.16",
];
const IPV6 = ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe"];

/** An IPv4 address in every form of IPv6 that carries it. */
function carried(address: string): readonly string[] {
  const bytes = ip.IPv4.parse(address).toByteArray();
  const pairs = (values: readonly number[]): string =>
    [0, 2].map((at) => (((values[at] ?? 0) << 8) | (values[at + 1] ?? 0)).toString(16)).join(":");
  const hex = pairs(bytes);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const group = (high: number, low: number) => ((high << 8) | low).toString(16);
  return [
    `::ffff:${hex}`,
    `::ffff:${address}`,
    `::${hex}`,
    `::ffff:0:${hex}`,
    `64:ff9b::${hex}`,
    `64:ff9b:1::${hex}`,
    `64:ff9b:1:${group(a, b)}:${group(0, c)}:${group(d, 0)}::`,
    `64:ff9b:1:${group(0, a)}:${group(0, b)}:${group(c, d)}::`,
    `64:ff9b:1:0:${group(0, a)}:${group(b, c)}:${group(d, 0)}:0`,
    `2002:${hex}::`,
    `2001:0:1:2:3:4:${pairs(bytes.map((byte) => byte ^ 0xff))}`,
    `2606:4700::5efe:${hex}`,
    `2606:4700::200:5efe:${hex}`,
  ];
}

/** An IPv4 address as the URL parser takes it, too. */
function spelt(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = ip.IPv4.parse(address).toByteArray();
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  return [
    address,
    `${address}.`,
    `${number}`,
    `0x${number.toString(16)}`,
    `0${number.toString(8)}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `0x${a.toString(16)}.0${b.toString(8)}.${c}.${d}`,
  ];
}

const forms = [...IPV4.flatMap(carried), ...IPV6];
const hosts = [...IPV4.flatMap(spelt), ...forms.map((form) => `[${form}]`)];
const METADATA = "The address is link-local or a metadata service of a cloud, which is never called.";

describe("metadata services are never called, although the deployer lists them", () => {
  const allow = [...IPV4, ...forms.map((form) => `[${form}]`), ":80"];
  for (const mode of ["strict", "local"] as const) {
    const guard = createGuard({ mode, allow, ownHosts: [], upstashHosts: [] });

    it.each(hosts)(`%s as a host, policy ${mode}`, (host) => {
      expect(guard.checkUrl(`https://${host}/`)?.detail).toBe(METADATA);
      expect(guard.checkUrl(`http://${host}/`)).toBeDefined();
    });

    it.each([...IPV4, ...forms])(`%s as what a name resolves to, policy ${mode}`, (address) => {
      expect(guard.checkAddress(address)?.detail).toBe(METADATA);
    });
  }

  it("their neighbours may be listed", () => {
    const guard = createGuard({
      mode: "strict",
      allow: ["100.100.100.201", "192.0.0.191", "168.63.129.17", "[fd00:ec3::254]"],
      ownHosts: [],
      upstashHosts: [],
    });
    for (const host of ["100.100.100.201", "192.0.0.191", "168.63.129.17", "[fd00:ec3::254]"]) {
      expect(guard.checkUrl(`https://${host}/`), host).toBeUndefined();
    }
  });

  it.each([
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.tencentyun.com",
    "METADATA.Google.Internal.",
  ])("%s as a name", (name) => {
    const host = name.toLowerCase().replace(/\.$/, "");
    for (const mode of ["strict", "local"] as const) {
      const guard = createGuard({ mode, allow: [host], ownHosts: [], upstashHosts: [] });
      expect(guard.checkUrl(`https://${name}/`)?.detail).toContain("metadata service");
    }
  });
});
