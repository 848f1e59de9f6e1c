/* frame.h: the frames of frames.md 4, short and foreign ones, errors as JSON. */
#include "vectors.h"

#include "link/frame.h"

#define CHANNEL "00112233445546778899aabbccddeeff"

static void meets_the_vectors(void **state)
{
  (void)state;
  static const struct { const char *data, *tail; enum frame_kind kind; enum frame_status status; } rows[] = {
      {"{\"type\":\"GetVersion\",\"params\":{}}", CHANNEL "01", FRAME_REQUEST, FRAME_OK},
      {"", "02" CHANNEL "02", FRAME_RESPONSE, FRAME_PENDING},
      {"{\"version\":\"2.3.2\"}", "00" CHANNEL "02", FRAME_RESPONSE, FRAME_OK},
      {"{\"error\":\"no\",\"trace\":[]}", "01" CHANNEL "02", FRAME_RESPONSE, FRAME_ERROR},
      {"ls\n\x01", "00" CHANNEL "03", FRAME_TERMINAL, FRAME_OK},
      {"{\"rows\":24,\"cols\":80}\xff", "00" CHANNEL "03", FRAME_TERMINAL, FRAME_OK},
      {"{\"error\":\"pty exited\",\"trace\":[]}", "01" CHANNEL "03", FRAME_TERMINAL, FRAME_ERROR}};
  unsigned char channel[UUID_BYTES];
  assert_true(hex_decode(STR(CHANNEL), channel, sizeof channel));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CLEANUP(buf_release) struct buf whole = BUF_INIT(1000);
    unsigned char tail[FRAME_TAIL_MAX];
    size_t n = frame_tail(rows[i].kind, rows[i].status, str_make((char *)channel, sizeof channel), tail);
    assert_hex(tail, n, rows[i].tail);
    buf_add_text(&whole, rows[i].data);
    buf_add(&whole, tail, n);
    struct frame f;
    assert_int_equal(frame_decode(buf_str(&whole), &f), OK);
    assert_int_equal(f.kind, rows[i].kind);
    if (f.kind != FRAME_REQUEST)
      assert_int_equal(f.status, rows[i].status);
    assert_true(str_eqc(f.data, rows[i].data));
    assert_memory_equal(f.channel.ptr, channel, UUID_BYTES);
  }
}

static void sorts_out_bad_frames(void **state)
{
  (void)state;
  static const char c[] = "0123456789abcdef";
  struct frame f;
  assert_int_equal(frame_decode(STR_NONE, &f), ERR_PROTOCOL);
  assert_int_equal(frame_decode(STR("abc\x04"), &f), ERR_PROTOCOL);
  assert_int_equal(frame_decode(STR("abc\xff"), &f), ERR_PROTOCOL);
  assert_int_equal(frame_decode(STR("a\x02\x02"), &f), ERR_INVALID);
  assert_int_equal(frame_decode(STR("\x01"), &f), ERR_INVALID);
  assert_int_equal(frame_decode(STR("0123456789abcdef\x03"), &f), ERR_INVALID);   /* no status */
  assert_int_equal(frame_decode(str_make("\0\0", 2), &f), OK);
  assert_int_equal(f.kind, FRAME_LOGIN);
  assert_int_equal(frame_decode(STR("\x07" "0123456789abcdef\x02"), &f), OK);
  assert_int_equal(f.status, FRAME_PENDING);
  assert_int_equal(frame_decode(STR("\x07" "0123456789abcdef\x03"), &f), OK);
  assert_int_equal(f.status, FRAME_ERROR);
  assert_memory_equal(f.channel.ptr, c, UUID_BYTES);
}

static void carries_errors(void **state)
{
  (void)state;
  struct diag d = {0}, back = {0};
  CLEANUP(buf_release) struct buf text = BUF_INIT(1000);
  diag_set(&d, ERR_AUTH, "no \"way\"");
  diag_cause(&d, "a");
  diag_cause(&d, "b");
  frame_error_encode(&text, &d);
  assert_string_equal(text.ptr, "{\"error\":\"no \\\"way\\\"\",\"trace\":[\"a\",\"b\"]}");
  frame_error_decode(buf_str(&text), &back);
  assert_string_equal(back.message, "no \"way\"");
  assert_string_equal(back.trace, "a\nb");
  assert_int_equal(back.err, ERR_REMOTE);

  static const struct { const char *in, *message; } rows[] = {
      {"plain words", "plain words"}, {"[1]", "[1]"}, {"{\"error\":1}", "{\"error\":1}"}, {"", ""},
      {"\xff\xfe", "the other side sent an error that is not text"}, {"{\"error\":\"x\",\"trace\":7}", "x"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    frame_error_decode(str_of(rows[i].in), &back);
    assert_string_equal(back.message, rows[i].message);
    assert_string_equal(back.trace, "");
  }
  char *large = mem_new(1 << 20);
  memset(large, '[', 1 << 20);
  frame_error_decode(str_make(large, 1 << 20), &back);
  assert_int_equal(strlen(back.message), DIAG_MESSAGE_MAX - 1);
  mem_free(large);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(meets_the_vectors), cmocka_unit_test(sorts_out_bad_frames),
                                     cmocka_unit_test(carries_errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
