// The script inside the TOML that an Update keeps of a resource.

const ESCAPES: Record<string, string> = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" };

function unescape(text: string): string {
  return text.replace(/\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|([ \t]*\n\s*)|(.))/g, (whole, four: string | undefined, eight: string | undefined, fold: string | undefined, one: string | undefined) => {
    const code = four ?? eight;
    if (code) return String.fromCodePoint(Number.parseInt(code, 16));
    return fold !== undefined ? "" : ESCAPES[one ?? ""] ?? whole;
  });
}

/** Text of a field of the TOML of one resource, "" when it has its default. */
export function textField(toml: string, name: string): string {
  const start = new RegExp(`^(?:config\\.)?${name}\\s*=\\s*`, "m").exec(toml);
  if (!start) return "";
  const rest = toml.slice(start.index + start[0].length);
  const fence = /^("""|''')\n?/.exec(rest);
  if (fence) {
    const body = rest.slice(fence[0].length);
    const quote = fence[1]!;
    for (let at = body.indexOf(quote); at >= 0; at = body.indexOf(quote, at + 1)) {
      let slashes = 0;
      while (body[at - 1 - slashes] === "\\") slashes++;
      if (quote === '"""' && slashes % 2) continue;
      while (body[at + 3] === quote[0]) at++;   // quotes that belong to the text stand before the fence
      return quote === '"""' ? unescape(body.slice(0, at)) : body.slice(0, at);
    }
    return "";
  }
  const line = /^"((?:[^"\\\n]|\\.)*)"/.exec(rest);
  if (line) return unescape(line[1]!);
  return /^'([^'\n]*)'/.exec(rest)?.[1] ?? "";
}
