--- Tags, variables, and accounts of git providers and image registries.

local S = require("komodo.schema.dsl")

local colors = {}
for _, hue in ipairs({ "Slate", "Red", "Orange", "Amber", "Yellow", "Lime", "Green", "Emerald", "Teal", "Cyan", "Sky", "Blue",
  "Indigo", "Violet", "Purple", "Fuchsia", "Pink", "Rose" }) do
  for _, shade in ipairs({ "Light", "", "Dark" }) do
    colors[#colors + 1] = shade .. hue
  end
end

return {
  S.enum("TagColor", "Color of a tag.", colors),
  S.struct("Tag", "A label for resources.", {
    S.skip("_id", "MongoId", "Id."),
    S.must("name", "string", "Name, unique."),
    S.text("owner", "", "Id of the user who made it."),
    S.with("color", "TagColor", "Slate", "Color."),
  }),
  S.struct("Variable", "A value that configs may use as `[[NAME]]`.", {
    S.must("name", "string", "Name, unique."),
    S.text("description", "", "What it is for.", { skip_empty = true }),
    S.text("value", "", "The value; masked for users who may not see a secret one."),
    S.flag("is_secret", false, "Mask it in logs and for non-admins."),
  }),
  S.struct("GitProviderAccount", "An account of a git provider.", {
    S.skip("_id", "MongoId", "Id."),
    S.text("domain", "github.com", "Domain of the provider."),
    S.flag("https", true, "Reach it over https."),
    S.text("username", "", "Account."),
    S.text("token", "", "Token."),
  }),
  S.struct("ImageRegistryAccount", "An account of an image registry.", {
    S.skip("_id", "MongoId", "Id."),
    S.text("domain", "docker.io", "Domain of the registry."),
    S.text("username", "", "Account."),
    S.text("token", "", "Token or password."),
  }),
  S.struct("ProviderAccount", "An account from a config file.", {
    S.must("username", "string", "Account."),
    S.skip("token", "string", "Token; never in answers."),
  }),
  S.struct("GitProvider", "A git provider from a config file.", {
    S.must("domain", "string", "Domain."),
    S.flag("https", true, "Reach it over https."),
    S.must("accounts", { "list", "ProviderAccount" }, "Its accounts.", { aliases = { "account" } }),
  }),
  S.struct("ImageRegistry", "An image registry from a config file.", {
    S.must("domain", "string", "Domain."),
    S.must("accounts", { "list", "ProviderAccount" }, "Its accounts.", { aliases = { "account" } }),
    S.list("organizations", "string", "Organizations to push under.", { aliases = { "organization" } }),
  }),
}
