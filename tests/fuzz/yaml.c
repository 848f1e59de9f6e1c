/* Any bytes as YAML: no crash, and what is accepted is JSON that can be written. */
#include "conf/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  yyjson_mut_doc *doc = NULL;
  struct diag why = {0};
  if (yaml_parse(str_make((const char *)data, size), &doc, &why)) {
    if (doc || !why.message[0])
      abort();
    return 0;
  }
  char *json = yyjson_mut_write(doc, 0, NULL);
  if (!json)
    abort();
  free(json);
  yyjson_mut_doc_free(doc);
  return 0;
}
