// Names of the API as words.

/** "DeployStack" → "Deploy stack", "auto_update" → "Auto update". Short words in capitals stay. */
export function words(name: string): string {
  const parts = name.replace(/(?<=.)_ids$/, "s").replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/_/g, " ").split(" ").filter(Boolean);
  return parts.map((part, i) => {
    const known = fixed[part.toLowerCase()];
    if (known !== undefined && (known || parts.length > 1)) return i === 0 && known ? known[0]!.toUpperCase() + known.slice(1) : known;
    const low = part.toLowerCase();
    return i === 0 ? low[0]!.toUpperCase() + low.slice(1) : low;
  }).filter(Boolean).join(" ");
}

const fixed: Record<string, string> = {
  cpu: "CPU", mem: "memory", url: "URL", api: "API", id: "", ids: "", ip: "IP", tls: "TLS", https: "HTTPS", http: "HTTP", env: "env",
  aws: "AWS", ami: "AMI", dir: "directory",
};

/** Built-in users have ids of zeros and a digit (spec api.md 11.3). */
const builtIn = ["System", "Procedure", "Action", "Git webhook", "Auto redeploy", "Resource sync", "Stack wizard", "Build manager", "Repo manager"];

export function operatorName(username: string): string {
  const digits = /^0{22}(\d\d)$/.exec(username);
  return (digits ? builtIn[Number(digits[1])] : undefined) ?? builtIn.find((name) => name.toLowerCase() === username.toLowerCase()) ?? username;
}
