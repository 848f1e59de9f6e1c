/* noise.h: every intermediate value of frames.md, and forgeries. */
#include "vectors.h"

#include "link/noise.h"

struct sides {
  struct noise dialer, listener;
};

static void start(struct sides *s, bool engine_dials)
{
  static const char *const prologues[2] = {LISTEN_PROLOGUE, "3f76a1e2aa6a7bf0d3b68b24e936ba2777693222ed559c836c2ec8ae175631f5"};
  unsigned char prologue[NOISE_HASH], e2[KEY_BYTES], e4[KEY_BYTES];
  struct key_pair engine = test_key(0x11), agent = test_key(0x33);
  memset(e2, 0x22, sizeof e2);
  memset(e4, 0x44, sizeof e4);
  assert_true(hex_decode(str_of(prologues[engine_dials]), prologue, sizeof prologue));
  struct str p = str_make((const char *)prologue, sizeof prologue);
  assert_int_equal(noise_init(&s->dialer, true, engine_dials ? &engine : &agent, p, engine_dials ? e2 : e4), OK);
  assert_int_equal(noise_init(&s->listener, false, engine_dials ? &agent : &engine, p, engine_dials ? e4 : e2), OK);
}

static void meets_the_vectors(void **state)
{
  (void)state;
  static const struct { bool engine_dials; const char *h0, *m[3], *h[3], *ck[3]; } rows[] = {
      {true, "5e82cc38a7ee171b38d3d7149122b76dbe2bf62b902ff75bd6df8e35da5a3202", {DIAL_M1, DIAL_M2, DIAL_M3},
       {"4026b1ea95d5963ece692066a314c265ac59cb9a9965bae47863a0cbcda1737a",
        "8b767b05a78644a5e5baa3aaf0602ca52bd9ace1e9941e51cd31adccb1f331e0",
        "d40430e21517e44eda8f4d8e02f4b1cd59ea9a816786dab3a81b8625116ed491"},
       {NULL, "fd00d1164055f830542571ed1d1b4abd091ae2e29aa3e9b963feffbec059a3ac",
        "8339ad91c0d742ac2c9f1f33ccd62f711f518d202891ffc8d8b1b0913557f608"}},
      {false, "a8ddae16bf3df29bdc2525af93d791c255c3aaffe2c2aaea100642828fb7faa7", {LISTEN_M1, LISTEN_M2, LISTEN_M3},
       {"778596ddb136168fc1f0a9b10199e32396e191dd99f6fc00e48c57e5cdec4224",
        "b244985c99db2a82c6ec768cf076ca26ce16052768795dee451e36a4b9b4ed9a",
        "2337af4b1fe980def2d3e3e64d4d83433170ffca57c044159b76dcebe78eab7a"},
       {NULL, "5a24773f4c9ef18e893336cff900051cad3daf67a6c1c64ff5a62440096c2224",
        "7f8b42c24fd16c359fb8eede95b4f11998868f13899844a98b11524570608d1e"}}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct sides s;
    start(&s, rows[i].engine_dials);
    assert_hex(s.dialer.h, NOISE_HASH, rows[i].h0);
    for (int m = 0; m < 3; m++) {
      struct noise *from = m == 1 ? &s.listener : &s.dialer, *to = m == 1 ? &s.dialer : &s.listener;
      unsigned char out[NOISE_MESSAGE_MAX];
      size_t len;
      assert_int_equal(noise_write(from, out, &len), OK);
      assert_hex(out, len, rows[i].m[m]);
      assert_int_equal(noise_read(to, str_make((const char *)out, len)), OK);
      assert_hex(from->h, NOISE_HASH, rows[i].h[m]);
      assert_hex(to->h, NOISE_HASH, rows[i].h[m]);
      if (rows[i].ck[m]) {
        assert_hex(from->ck, NOISE_HASH, rows[i].ck[m]);
        assert_hex(to->ck, NOISE_HASH, rows[i].ck[m]);
      }
    }
    assert_memory_equal(s.listener.remote, s.dialer.own.raw, KEY_BYTES);
    assert_memory_equal(s.dialer.remote, s.listener.own.raw, KEY_BYTES);
    unsigned char out[NOISE_MESSAGE_MAX];
    size_t len;
    assert_int_equal(noise_write(&s.listener, out, &len), ERR_PROTOCOL);   /* nothing follows */
  }
}

static void refuses_low_order_points(void **state)
{
  (void)state;
  static const char *const points[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
  for (size_t i = 0; i < ARRAY_LEN(points); i++) {
    struct sides s;
    unsigned char m1[KEY_BYTES], out[NOISE_MESSAGE_MAX];
    size_t len;
    start(&s, true);
    assert_true(hex_decode(str_of(points[i]), m1, sizeof m1));
    assert_int_equal(noise_read(&s.listener, str_make((const char *)m1, sizeof m1)), OK);
    assert_int_equal(noise_write(&s.listener, out, &len), ERR_PROTOCOL);
  }
}

static void refuses_forgeries(void **state)
{
  (void)state;
  for (size_t at = 0; at < 96; at++) {   /* any bit of m2 */
    struct sides s;
    unsigned char out[NOISE_MESSAGE_MAX];
    size_t len;
    start(&s, true);
    assert_int_equal(noise_write(&s.dialer, out, &len), OK);
    assert_int_equal(noise_read(&s.listener, str_make((const char *)out, len)), OK);
    assert_int_equal(noise_write(&s.listener, out, &len), OK);
    out[at] ^= 1;
    assert_int_equal(noise_read(&s.dialer, str_make((const char *)out, len)), ERR_PROTOCOL);
    assert_int_equal(noise_write(&s.dialer, out, &len), ERR_PROTOCOL);   /* it is over */
  }
}

static void refuses_other_lengths(void **state)
{
  (void)state;
  static const char text[128] = {9};
  for (size_t len = 0; len < sizeof text; len++) {   /* a payload would only make it longer */
    struct sides s;
    start(&s, true);
    assert_int_equal(noise_read(&s.listener, str_make(text, len)), len == 32 ? OK : ERR_PROTOCOL);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(meets_the_vectors), cmocka_unit_test(refuses_low_order_points),
                                     cmocka_unit_test(refuses_forgeries), cmocka_unit_test(refuses_other_lengths)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
