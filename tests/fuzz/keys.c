/* Key texts: private and public forms; what is accepted must come out the same when written and read again. */
#include <stdlib.h>
#include <string.h>

#include "link/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct str text = str_make((const char *)data, size);
  struct key_pair pair, again;
  struct diag d;
  if (key_parse(text, &pair, &d) == OK) {
    char form[KEY_PRIVATE_LEN + 1];
    key_format_private(&pair, form);
    if (key_parse(str_of(form), &again, &d) || memcmp(&pair, &again, sizeof pair) != 0)
      abort();
  }
  char public_text[KEY_PUBLIC_LEN + 1], twice[KEY_PUBLIC_LEN + 1];
  if (key_parse_public(text, public_text, &d) == OK)
    if (key_parse_public(str_of(public_text), twice, &d) || strcmp(public_text, twice) != 0)
      abort();
  return 0;
}
