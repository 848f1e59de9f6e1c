/* agent/key_command.c: see key_command.h. */
#include "agent/key_command.h"

#include "base/mem.h"
#include "link/keys.h"

enum format { FORMAT_STANDARD, FORMAT_JSON, FORMAT_PRETTY };

static int wrong(const char *words)
{
  fprintf(stderr, "komodo-agent: %s; use: key generate|compute <private key> [-f standard|json|json-pretty]\n", words);
  return 2;
}

static bool is_one_of(const char *word, const char *const *names)
{
  for (; *names; names++)
    if (!strcmp(word, *names))
      return true;
  return false;
}

static bool parse_format(const char *word, enum format *ret)
{
  static const char *const names[] = {"standard", "json", "json-pretty"};
  for (size_t i = 0; word && i < ARRAY_LEN(names); i++)
    if (!strcmp(word, names[i])) {
      *ret = (enum format)i;
      return true;
    }
  return false;
}

static void print(const struct key_pair *pair, bool with_private, enum format format)
{
  char secret[KEY_PRIVATE_LEN + 1];
  key_format_private(pair, secret);
  if (format == FORMAT_STANDARD) {
    if (with_private)
      printf("\nPrivate Key: %s\nPublic  Key: %s\n", secret, pair->text);
    else
      printf("Public Key: %s\n", pair->text);
  } else if (format == FORMAT_JSON) {
    printf("{\"private_key\":\"%s\",\"public_key\":\"%s\"}\n", secret, pair->text);
  } else {
    printf("{\n  \"private_key\": \"%s\",\n  \"public_key\": \"%s\"\n}\n", secret, pair->text);
  }
  mem_wipe(secret, sizeof secret);
}

int key_command(int argc, char **argv)
{
  static const char *const key[] = {"key", "k", NULL}, *const generate[] = {"generate", "gen", "g", NULL},
                    *const compute[] = {"compute", "comp", "c", NULL}, *const format_flags[] = {"-f", "--format", NULL};
  enum format format = FORMAT_STANDARD;
  const char *verb = NULL, *given = NULL;
  if (!is_one_of(argv[0], key))
    return wrong("unknown command");
  for (int i = 1; i < argc; i++) {
    if (is_one_of(argv[i], format_flags)) {
      if (!parse_format(i + 1 < argc ? argv[++i] : NULL, &format))
        return wrong("unknown format");
    } else if (!verb) {
      verb = argv[i];
    } else if (!given) {
      given = argv[i];
    } else {
      return wrong("too many words");
    }
  }
  bool makes = verb && is_one_of(verb, generate);
  if (!makes && !(verb && is_one_of(verb, compute)))
    return wrong("what to do with a key is missing");
  if (makes == (given != NULL))
    return wrong(makes ? "too many words" : "the private key is missing");
  struct key_pair pair;
  struct diag d = {0};
  if (makes ? key_generate(&pair) : key_parse(str_of(given), &pair, &d)) {
    fprintf(stderr, "komodo-agent: %s\n", makes ? "cannot make a key" : d.message);
    return 1;
  }
  print(&pair, makes, format);
  key_pair_release(&pair);
  return 0;
}
