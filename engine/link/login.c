/* link/login.c: see login.h.
 *
 * A login message is [contents][variant][status][00]; an error is [JSON][01][00]. A state names the one variant that may
 * come next, the words for its absence, and what to do with its contents. */
#include "link/login.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/codec.h"
#include "base/id.h"
#include "base/mem.h"
#include "link/frame.h"

enum { STATUS_OK = 0, STATUS_ERROR = 1, ERROR_TEXT_MAX = 8 * 1024 };

enum state {
  PASSKEY_FLOW, ONBOARDING_FLOW, NONCE, M2, SUCCESS, PASSKEY_SUCCESS, STORED,   /* the dialer waits for this */
  M1, M3, PASSKEY, PEER_ERROR, PUBLIC_KEY,                                      /* the listener waits for this */
  STORE, DONE,
};

static bool is_dialer(const struct login *l)
{
  return l->config.role == LOGIN_ENGINE_DIALS || l->config.role == LOGIN_AGENT_DIALS;
}

static void send_message(struct login *l, enum login_variant variant, struct str contents)
{
  char text[LOGIN_NONCE_BYTES + NOISE_MESSAGE_MAX + 4];
  CLEANUP(buf_release) struct buf heap = BUF_INIT(LOGIN_MESSAGE_MAX);   /* only a passkey may be long */
  char tail[3] = {(char)variant, STATUS_OK, FRAME_LOGIN};
  if (contents.len + sizeof tail <= sizeof text) {
    memcpy(text, contents.len ? contents.ptr : "", contents.len);
    memcpy(text + contents.len, tail, sizeof tail);
    l->config.send(str_make(text, contents.len + sizeof tail), l->config.data);
    return;
  }
  buf_add_str(&heap, contents);
  buf_add(&heap, tail, sizeof tail);
  if (!buf_err(&heap))   /* else the peer gets nothing and its 2 s run out */
    l->config.send(buf_str(&heap), l->config.data);
}

static void send_flag(struct login *l, enum login_variant variant, bool flag)
{
  send_message(l, variant, str_make(flag ? "\x01" : "\x00", 1));
}

static void send_error(struct login *l)
{
  CLEANUP(buf_release) struct buf text = BUF_INIT(ERROR_TEXT_MAX);
  char tail[2] = {STATUS_ERROR, FRAME_LOGIN};
  frame_error_encode(&text, &l->diag);
  if (buf_err(&text)) {
    buf_clear(&text);
    buf_add_text(&text, "{\"error\":\"login failed\",\"trace\":[]}");
  }
  buf_add(&text, tail, sizeof tail);
  if (!buf_err(&text))
    l->config.send(buf_str(&text), l->config.data);
}

static enum login_result wait_for(struct login *l, enum state state)
{
  l->state = state;
  return LOGIN_MORE;
}

static enum login_result done(struct login *l, enum login_result result)
{
  l->state = DONE;
  return result;
}

/* The reason is in l->diag. `remote`: the peer told it, so the peer listens for what comes next. */
static enum login_result fail(struct login *l, bool remote)
{
  send_error(l);
  if (l->fallback) {
    if (l->config.role == LOGIN_AGENT_DIALS)
      diag_cause(&l->first, "Second try with the onboarding key: %s", l->diag.message);
    l->diag = l->first;
    return done(l, LOGIN_FAILED);
  }
  if (!l->onboarding && l->config.role == LOGIN_ENGINE_LISTENS) {
    l->first = l->diag;
    l->fallback = l->onboarding = true;
    return wait_for(l, PEER_ERROR);
  }
  if (!l->onboarding && l->config.role == LOGIN_AGENT_DIALS && remote && l->config.onboarding_key) {
    l->first = l->diag;
    l->fallback = l->onboarding = true;
    return wait_for(l, NONCE);
  }
  return done(l, LOGIN_FAILED);
}

static enum login_result fail_words(struct login *l, Err err, const char *context, const char *words)
{
  diag_set(&l->diag, err, "%s", words);
  diag_context(&l->diag, "%s", context);
  return fail(l, /* remote= */ false);
}

static Err prologue(const struct login *l, unsigned char ret[NOISE_HASH])
{
  struct str parts[] = {STR("noise-wss-v1|"), l->host, STR("|"), l->config.query, STR("|"), l->accept, STR("|"),
                        str_make((const char *)l->nonce, sizeof l->nonce)};
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
  for (size_t i = 0; i < ARRAY_LEN(parts) && good; i++)
    good = EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1;
  good = good && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
  EVP_MD_CTX_free(ctx);
  return good ? OK : ERR_NOMEM;
}

static Err noise_begin(struct login *l)
{
  unsigned char hash[NOISE_HASH];
  bool with_onboarding_key = l->onboarding && l->config.role == LOGIN_AGENT_DIALS;
  Err err = prologue(l, hash);
  noise_release(&l->noise);
  return err ? err : noise_init(&l->noise, is_dialer(l), with_onboarding_key ? &l->onboarding_key : &l->key,
                                str_make((const char *)hash, sizeof hash),
                                l->config.fixed ? l->config.fixed->ephemeral : NULL);
}

static Err send_handshake(struct login *l)
{
  unsigned char out[NOISE_MESSAGE_MAX];
  size_t len;
  Err err = noise_write(&l->noise, out, &len);
  if (!err)
    send_message(l, LOGIN_HANDSHAKE, str_make((const char *)out, len));
  return err;
}

static enum login_result noise_listen(struct login *l)
{
  if (l->config.fixed)
    memcpy(l->nonce, l->config.fixed->nonce, sizeof l->nonce);
  else
    id_random(l->nonce, sizeof l->nonce);
  Err err = noise_begin(l);
  if (err)
    return fail_words(l, err, "Failed to start the handshake", err_words(err));
  send_message(l, LOGIN_NONCE, str_make((const char *)l->nonce, sizeof l->nonce));
  return wait_for(l, M1);
}

static Err check_peer(struct login *l)
{
  key_format_public(l->noise.remote, l->peer);
  bool theirs_onboards = l->onboarding && l->config.role == LOGIN_ENGINE_LISTENS;
  return l->config.check_key(str_of(l->peer), theirs_onboards, l->fallback, &l->diag, l->config.data);
}

/* ---- what comes in, by state ---- */

static enum login_result on_passkey_flow(struct login *l, struct str contents)
{
  if (contents.len != 1 || (unsigned char)contents.ptr[0] > 1)
    return fail_words(l, ERR_PROTOCOL, "Failed to receive Login V1PasskeyFlow message", "the flag is neither 0 nor 1");
  if (!contents.ptr[0])
    return wait_for(l, NONCE);
  if (!l->config.passkey.len) {
    diag_set(&l->diag, ERR_AUTH, "Periphery requires passkey auth");
    return fail(l, /* remote= */ false);
  }
  send_message(l, LOGIN_PASSKEY, l->config.passkey);
  return wait_for(l, PASSKEY_SUCCESS);
}

static enum login_result on_onboarding_flow(struct login *l, struct str contents)
{
  if (contents.len != 1 || (unsigned char)contents.ptr[0] > 1)
    return fail_words(l, ERR_PROTOCOL, "Failed to receive Login OnboardingFlow message", "the flag is neither 0 nor 1");
  l->onboarding = contents.ptr[0];
  if (!l->onboarding || l->config.onboarding_key)
    return wait_for(l, NONCE);
  diag_set(&l->diag, ERR_AUTH, "Core does not know this Server, and no 'onboarding_key' is configured (PERIPHERY_ONBOARDING_KEY)");
  return done(l, LOGIN_FAILED);
}

static enum login_result on_nonce(struct login *l, struct str contents)
{
  static const char context[] = "[Client] Failed to receive connection nonce";
  if (contents.len != sizeof l->nonce)
    return fail_words(l, ERR_PROTOCOL, context, "the nonce is not 32 bytes long");
  memcpy(l->nonce, contents.ptr, sizeof l->nonce);
  Err err = noise_begin(l);
  if (!err)
    err = send_handshake(l);
  return err ? fail_words(l, err, "[Client] Failed to write handshake_m1", err_words(err)) : wait_for(l, M2);
}

/* What a wrong host, a proxy that rewrites headers, or an impostor looks like. */
static const char mismatch[] = "decrypt error: host, query or WebSocket key differ between the two sides, or a key is invalid";

static enum login_result on_m2(struct login *l, struct str contents)
{
  Err err = noise_read(&l->noise, contents);
  if (err)
    return fail_words(l, err, "[Client] Failed to read handshake_m2", mismatch);
  if (check_peer(l))
    return fail(l, /* remote= */ false);
  err = send_handshake(l);
  return err ? fail_words(l, err, "[Client] Failed to write handshake_m3", err_words(err)) : wait_for(l, SUCCESS);
}

static enum login_result on_success(struct login *l, struct str contents)
{
  (void)contents;
  if (!l->onboarding)
    return done(l, LOGIN_SESSION);
  send_message(l, LOGIN_PUBLIC_KEY, str_of(l->key.text));
  return wait_for(l, STORED);
}

static enum login_result on_passkey_success(struct login *l, struct str contents)
{
  (void)contents;
  return done(l, LOGIN_SESSION);
}

static enum login_result on_stored(struct login *l, struct str contents)
{
  (void)contents;
  return done(l, LOGIN_ONBOARDED);
}

static enum login_result on_m1(struct login *l, struct str contents)
{
  Err err = noise_read(&l->noise, contents);
  if (err)
    return fail_words(l, err, "[Server] Failed to read handshake_m1", "the message is not a valid ephemeral key");
  err = send_handshake(l);
  return err ? fail_words(l, err, "[Server] Failed to write handshake_m2", err_words(err)) : wait_for(l, M3);
}

static enum login_result on_m3(struct login *l, struct str contents)
{
  Err err = noise_read(&l->noise, contents);
  if (err)
    return fail_words(l, err, "[Server] Failed to read handshake_m3", mismatch);
  if (check_peer(l))
    return fail(l, /* remote= */ false);
  send_message(l, LOGIN_SUCCESS, STR_NONE);
  return l->onboarding ? wait_for(l, PUBLIC_KEY) : done(l, LOGIN_SESSION);
}

static enum login_result on_passkey(struct login *l, struct str contents)
{
  bool good = false;
  for (const char *const *known = l->config.passkeys; *known; known++)
    good |= str_eq_secret(str_of(*known), contents) && contents.len;
  if (good) {
    send_message(l, LOGIN_SUCCESS, STR_NONE);
    return done(l, LOGIN_SESSION);
  }
  diag_set(&l->diag, ERR_AUTH, "Invalid passkey");
  send_error(l);   /* twice: peers in the field count on the second before the Close (spec 18.13) */
  return fail(l, /* remote= */ false);
}

static enum login_result on_public_key(struct login *l, struct str contents)
{
  /* Kept in its canonical form; text that is no key could never log in. */
  if (key_parse_public(contents, l->agent_key, &l->diag)) {
    diag_context(&l->diag, "Failed to read Login PublicKey message");
    return fail(l, /* remote= */ false);
  }
  l->state = STORE;
  return LOGIN_STORING;
}

static const struct step {
  enum login_variant want;
  enum login_result (*run)(struct login *l, struct str contents);
  const char *context;
} steps[] = {
    [PASSKEY_FLOW] = {LOGIN_PASSKEY_FLOW, on_passkey_flow, "Failed to receive Login V1PasskeyFlow message"},
    [ONBOARDING_FLOW] = {LOGIN_ONBOARDING_FLOW, on_onboarding_flow, "Failed to receive Login OnboardingFlow message"},
    [NONCE] = {LOGIN_NONCE, on_nonce, "[Client] Failed to receive connection nonce"},
    [M2] = {LOGIN_HANDSHAKE, on_m2, "[Client] Failed to get handshake_m2"},
    [SUCCESS] = {LOGIN_SUCCESS, on_success, "[Client] Failed to receive Login Success message"},
    [PASSKEY_SUCCESS] = {LOGIN_SUCCESS, on_passkey_success, "[Client] Failed to receive Login Success message"},
    [STORED] = {LOGIN_SUCCESS, on_stored, "[Client] Failed to receive Login Success message"},
    [M1] = {LOGIN_HANDSHAKE, on_m1, "[Server] Failed to get handshake_m1"},
    [M3] = {LOGIN_HANDSHAKE, on_m3, "[Server] Failed to get handshake_m3"},
    [PASSKEY] = {LOGIN_PASSKEY, on_passkey, "Failed to receive Login V1Passkey message"},
    [PUBLIC_KEY] = {LOGIN_PUBLIC_KEY, on_public_key, "Failed to receive Login PublicKey message"},
};

enum login_result login_feed(struct login *l, struct str message)
{
  if (l->state == PEER_ERROR)
    return noise_listen(l);   /* whatever it was: the peer's side of the failure, already known */
  if (l->state >= ARRAY_LEN(steps) || !steps[l->state].run)
    return l->state == STORE ? LOGIN_STORING : LOGIN_FAILED;
  const struct step *step = &steps[l->state];
  size_t len = message.len;
  if (len > LOGIN_MESSAGE_MAX || len < 2 || message.ptr[len - 1] != FRAME_LOGIN)
    return fail_words(l, ERR_PROTOCOL, step->context, "Expected a Login message");
  unsigned char status = (unsigned char)message.ptr[len - 2];
  if (status == STATUS_ERROR) {
    struct diag theirs;
    frame_error_decode(str_sub(message, 0, len - 2), &theirs);
    diag_context(&theirs, "Decoded error message over Core-Periphery communication channel");
    diag_context(&theirs, "%s", step->context);
    l->diag = theirs;
    return fail(l, /* remote= */ true);
  }
  if (status != STATUS_OK || len < 3)
    return fail_words(l, ERR_PROTOCOL, step->context, "The Login message has no known status");
  if ((unsigned char)message.ptr[len - 3] != step->want)
    return fail_words(l, ERR_PROTOCOL, step->context, "Received another Login message than expected");
  return step->run(l, str_sub(message, 0, len - 3));
}

enum login_result login_timeout(struct login *l)
{
  if (l->state == PEER_ERROR)
    return noise_listen(l);
  if (l->state >= ARRAY_LEN(steps) || !steps[l->state].run)
    return l->state == STORE ? LOGIN_STORING : LOGIN_FAILED;
  return fail_words(l, ERR_TIMEOUT, steps[l->state].context, "Timed out waiting for message.");
}

enum login_result login_stored(struct login *l, Err err, const struct diag *d)
{
  if (l->state != STORE)
    return LOGIN_FAILED;
  if (!err) {
    send_message(l, LOGIN_SUCCESS, STR_NONE);
    l->diag = l->first;
    return done(l, LOGIN_ONBOARDED);
  }
  if (d)
    l->diag = *d;
  else
    diag_set(&l->diag, err, "%s", err_words(err));
  return fail(l, /* remote= */ false);
}

enum login_result login_start(struct login *l, const struct login_config *config, struct str host, struct str accept)
{
  *l = (struct login){.config = *config, .host = host, .accept = accept, .key = *config->key,
                      .onboarding = config->onboarding && config->role == LOGIN_ENGINE_LISTENS};
  if (config->onboarding_key)
    l->onboarding_key = *config->onboarding_key;
  switch (config->role) {
  case LOGIN_ENGINE_DIALS: return wait_for(l, PASSKEY_FLOW);
  case LOGIN_AGENT_DIALS: return wait_for(l, ONBOARDING_FLOW);
  case LOGIN_ENGINE_LISTENS:
    send_flag(l, LOGIN_ONBOARDING_FLOW, l->onboarding);
    return noise_listen(l);
  case LOGIN_AGENT_LISTENS:
    send_flag(l, LOGIN_PASSKEY_FLOW, config->passkeys);
    return config->passkeys ? wait_for(l, PASSKEY) : noise_listen(l);
  }
  return LOGIN_FAILED;
}

void login_release(struct login *l)
{
  mem_wipe(&l->key, sizeof l->key);
  mem_wipe(&l->onboarding_key, sizeof l->onboarding_key);
  noise_release(&l->noise);
}

bool login_wants_drop(const struct login *l)
{
  /* The engine after F, and an agent that was refused; the others say goodbye. */
  return l->fallback || (l->config.role == LOGIN_AGENT_DIALS && !l->onboarding) ||
         (l->config.role == LOGIN_AGENT_DIALS && !l->config.onboarding_key);
}
