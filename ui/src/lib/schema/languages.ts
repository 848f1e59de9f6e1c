// The languages of texts in forms, as far as the page knows before an editor is loaded.

export type Language = "yaml" | "compose" | "toml" | "sync" | "lua" | "shell" | "dockerfile" | "keyvalue" | "json" | "text";

export interface LanguageInfo {
  label: string;
  /** Stands in an empty field. */
  hint: string;
  /** Indentation matters: lines have numbers, and Tab indents. In others Tab goes to the next field at once. */
  structured: boolean;
  /** Mistakes are found while one types, and told below the text. */
  checked: boolean;
}

export const languages: Record<Language, LanguageInfo> = {
  text: { label: "Text", hint: "", structured: false, checked: false },
  keyvalue: { label: "Key = value", hint: "KEY = value", structured: false, checked: false },
  shell: { label: "Shell", hint: "", structured: false, checked: false },
  dockerfile: { label: "Dockerfile", hint: "FROM debian:12-slim", structured: true, checked: false },
  lua: { label: "Lua", hint: "return komodo.servers.list()", structured: true, checked: false },
  json: { label: "JSON", hint: "{}", structured: true, checked: true },
  toml: { label: "TOML", hint: "key = \"value\"", structured: true, checked: true },
  sync: { label: "Resources as TOML", hint: "[[stack]]\nname = \"shop\"\n\n[stack.config]\nserver = \"fra-1\"", structured: true, checked: true },
  yaml: { label: "YAML", hint: "key: value", structured: true, checked: true },
  compose: { label: "Compose file", hint: "services:\n  web:\n    image: nginx:1.27", structured: true, checked: true },
};

/** The language of a file by its name. */
export function languageOfFile(path: string, within: "Stack" | "Build" | "ResourceSync" | string): Language {
  if (path.endsWith(".toml")) return within === "ResourceSync" ? "sync" : "toml";
  if (/\.ya?ml$/.test(path)) return within === "Stack" && /compose[^/]*$/.test(path) ? "compose" : "yaml";
  if (path.endsWith(".json")) return "json";
  if (/(?:^|\/)[^/]*dockerfile[^/]*$/i.test(path)) return "dockerfile";
  if (/\.env[^/]*$|(?:^|\/)env$/.test(path)) return "keyvalue";
  return path.endsWith(".sh") ? "shell" : path.endsWith(".lua") ? "lua" : "text";
}
