import { describe, expect, it } from "vitest";
import { ownVariables } from "../../src/cli/dev/own-variables.ts";

describe("the variables of a project's own", () => {
  it("are all that its files name, with the value of the first file", () => {
    const devVars = `SHOP_URL="http://127.0.0.1:9000"\nTOKEN='a: b # c'\n`;
    const env = "TOKEN=other\n# a comment\nREGION=eu\nEMPTY=\n";
    expect(ownVariables([devVars, env], {})).toEqual({
      SHOP_URL: "http://127.0.0.1:9000",
      TOKEN: "a: b # c",
      REGION: "eu",
      EMPTY: "",
    });
  });

  it("have the value of the shell, which adds no variable by itself", () => {
    expect(ownVariables(["A=file\nB=file\n"], { A: "shell", PATH: "/bin" })).toEqual({
      A: "shell",
      B: "file",
    });
  });

  it("are without those of the command line, which a gateway would warn about", () => {
    expect(ownVariables(["RINGBACK_URL=https://a.example\nRINGBACK_API_KEY=rb_a\nX=1\n"], {})).toEqual({
      X: "1",
    });
  });

  it("are none where there is no file", () => {
    expect(ownVariables([], { A: "shell" })).toEqual({});
  });
});
