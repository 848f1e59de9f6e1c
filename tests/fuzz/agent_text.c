/* What an engine may send into commands: words, lists, commands of several lines, [[NAME]]s; escaping that must undo itself. */
#include "agent/interp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct settings settings;
  if (!settings.doc) {
    yyjson_doc *doc;
    if (js_parse(STR("{\"secrets\":{\"A\":\"[[A]]\",\"B\":\"\"}}"), &doc, NULL) || settings_load(&settings, doc, NULL))
      abort();
  }
  struct arena a = {0};
  struct str text = str_make((const char *)data, size), got;
  struct text_pairs pairs;
  struct replacers used = {0};
  text_split_words(&a, text);
  text_multi_line(&a, text);
  text_path_name(&a, text);
  text_quoted(&a, text);
  if (text_parse_pairs(&a, text, &pairs, NULL) == OK)
    for (size_t i = 0; i < pairs.count; i++)
      if (pairs.pair[i].key.len + pairs.pair[i].value.len > size)
        abort();
  if (interp_text(&a, &settings, text, &used, &got, NULL) == OK && used.count > 1)
    abort();   /* the empty secret hides nothing and is not listed */
  if (size && !memchr(data, 0, size)) {   /* one escaped word is one word again (a zero byte cannot be in an argument) */
    struct text_words words = text_split_words(&a, text_escaped(&a, text));
    if (words.count != 1 || strlen(words.word[0]) != size || memcmp(words.word[0], data, size) != 0)
      abort();
  }
  replacers_release(&used);
  arena_release(&a);
  return 0;
}
