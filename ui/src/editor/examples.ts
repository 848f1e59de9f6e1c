// The examples of the project, compiled in: their first comment says what they are.

export interface Example { name: string; title: string; what: string; args: string; trigger: string; capabilities: string[]; text: string }

export function example(name: string, text: string): Example {
  const head: Record<string, string> = {};
  let title = "", key = "";
  for (const line of text.split("\n")) {
    if (!line.startsWith("--")) break;
    if (line.startsWith("---")) { title = line.slice(3).trim(); continue; }
    const found = /^-- (\w+):\s*(.*)$/.exec(line);
    if (found) head[key = found[1]!.toLowerCase()] = found[2]!;
    else if (key && /^--\s{2,}/.test(line)) head[key] += ` ${line.slice(2).trim()}`;
  }
  const capabilities = (head["capabilities"] ?? "").split(",").map((c) => c.trim()).filter((c) => c && c !== "none");
  return { name, title, what: head["what"] ?? "", args: head["args"] ?? "", trigger: head["trigger"] ?? "", capabilities, text };
}

const files = import.meta.glob<string>("../../../actions-examples/*.lua", { query: "?raw", import: "default", eager: true });
export const examples: readonly Example[] = Object.entries(files).map(([path, text]) => example(path.replace(/^.*\/|\.lua$/g, ""), text));
