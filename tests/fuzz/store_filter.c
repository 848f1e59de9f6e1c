/* Filters come from API clients, documents from the database: "FILTER\nDOCUMENT" must neither crash nor contradict itself. */
#include "base/buf.h"
#include "base/mem.h"
#include "store/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct str rest = str_make((const char *)data, size), text;
  if (!size || !str_split(&rest, '\n', &text))
    return 0;
  struct filter *filter = NULL, *negated = NULL;
  struct diag d = {0};
  Err err = filter_parse(text, &filter, &d);
  if (err && !d.message[0])
    abort();
  if (err || !filter)
    return 0;
  yyjson_doc *doc = rest.len ? yyjson_read(rest.ptr, rest.len, YYJSON_READ_NOFLAG) : NULL;
  if (doc) {
    struct buf nor = BUF_INIT(FILTER_BYTES_MAX * 2);
    buf_printf(&nor, "{\"$nor\":[");
    buf_add_str(&nor, text);
    buf_add_text(&nor, "]}");
    bool yes = filter_match(filter, STR("66b0c0ffee66b0c0ffee0001"), yyjson_doc_get_root(doc));
    if (filter_parse(buf_str(&nor), &negated, NULL) == OK &&
        filter_match(negated, STR("66b0c0ffee66b0c0ffee0001"), yyjson_doc_get_root(doc)) == yes)
      abort();
    filter_free(negated);
    buf_release(&nor);
    yyjson_doc_free(doc);
  }
  filter_free(filter);
  return 0;
}
