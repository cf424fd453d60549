#include "recipe/crypto_proposal.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TOKEN_MAX 31
#define TOKENS    3

static const char IKE_FORM[] = "CIPHER-INTEG-GROUP such as aes256-sha256-modp2048, or "
			       "AEAD-prfHASH-GROUP such as aes256gcm16-prfsha384-ecp384";
static const char ESP_FORM[] = "CIPHER-INTEG such as aes256-sha256, or an AEAD such as aes256gcm16";

static const char *alg_name_at(const void *ctx, size_t i)
{
	(void)ctx;
	return ALGS[i].name;
}

static const struct alg *find(const char *name)
{
	for (size_t i = 0; i < ALG_COUNT; i++)
		if (strcmp(ALGS[i].name, name) == 0)
			return &ALGS[i];
	return NULL;
}

/* The same algorithm in another speaker's words: sha2_256, aes_gcm256, aes256-cbc's aes256. */
static const char *neutral_name(const char *word)
{
	static const char *const also[][2] = {
		{ "curve25519", "x25519" },
		{ "dh14", "modp2048" },
		{ "dh5", "modp1536" },
		{ "dh2", "modp1024" },
		{ "dh15", "modp3072" },
		{ "dh16", "modp4096" },
		{ "sha2", "sha256" },
		{ "sha", "sha1" },
		{ "aes", "aes128" },
	};
	for (size_t i = 0; i < sizeof(also) / sizeof(also[0]); i++)
		if (strcmp(also[i][0], word) == 0)
			return also[i][1];
	for (size_t i = 0; i < ALG_COUNT; i++)
		for (size_t k = 0; k < DAEMON_COUNT; k++)
			if (ALGS[i].daemons[k] != NULL && strcmp(ALGS[i].daemons[k], word) == 0)
				return ALGS[i].name;
	return text_nearest(word, alg_name_at, NULL, ALG_COUNT);
}

static void unknown(const struct proposal *p, const char *token, const char *form, struct diag *d)
{
	char lower[TOKEN_MAX + 1];
	size_t n = strlen(token);
	for (size_t i = 0; i <= n; i++)
		lower[i] = (char)(token[i] >= 'A' && token[i] <= 'Z' ? token[i] + 32 : token[i]);
	const char *near = neutral_name(lower);
	if (near != NULL)
		diag_add(d, p->pos, "proposal \"%s\": unknown algorithm \"%s\": did you mean %s?",
			diag_show(p->text).text, token, near);
	else
		diag_add(d, p->pos, "proposal \"%s\": unknown algorithm \"%s\": write %s",
			diag_show(p->text).text, token, form);
}

/* Split at the dashes; false when there are more tokens or longer ones than a proposal has. */
static bool split(const char *text, char tokens[TOKENS][TOKEN_MAX + 1], size_t *ret_count)
{
	size_t count = 0;
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, "-");
		if (n == 0 || n > TOKEN_MAX || count == TOKENS)
			return false;
		memcpy(tokens[count], p, n);
		tokens[count++][n] = '\0';
		p += n;
		if (*p == '\0')
			break;
	}
	*ret_count = count;
	return true;
}

/* Whether the kinds of the parts make a proposal; puts them in their places. */
static bool assemble(struct proposal *p, bool ike, const struct alg *const *parts, size_t count)
{
	bool aead = parts[0]->kind == ALG_AEAD;
	p->cipher = parts[0];
	p->integ = count > 1 ? parts[1] : NULL;
	p->group = count > 2 ? parts[2] : NULL;
	if (parts[0]->kind != ALG_CIPHER && !aead)
		return false;
	if (!ike)
		return aead ? count == 1 : count == 2 && parts[1]->kind == ALG_INTEG;
	return count == 3 && parts[1]->kind == (aead ? ALG_PRF : ALG_INTEG) &&
	       parts[2]->kind == ALG_GROUP;
}

static bool fits(const struct proposal *p, bool ike, const struct crypto *c, struct diag *d)
{
	const struct alg *parts[] = { p->cipher, p->integ, p->group };
	bool ok = true;
	for (size_t i = 0; i < 3; i++) {
		const struct alg *alg = parts[i];
		if (alg == NULL)
			continue;
		if (alg->weak != NULL) {
			diag_add(d, p->pos, "proposal \"%s\": %s is too weak: %s", p->text,
				alg->name, alg->weak);
			ok = false;
		} else if (c->router != NULL && (ike ? alg->rtx_ike : alg->rtx_esp) == NULL) {
			diag_add(d, p->pos, "proposal \"%s\": %s does not speak %s: %s", p->text,
				c->router, alg->name,
				ike ? "aes256 or aes128, sha256 or sha1, modp2048 or modp1536"
				    : "aes256-sha256 or aes128-sha1");
			ok = false;
		} else if (ike && c->ike_version == 1 && alg->kind == ALG_AEAD) {
			diag_add(d, p->pos,
				"proposal \"%s\": IKEv1 has no authenticated encryption in phase "
				"1: write CIPHER-INTEG-GROUP, or set ike_version 2",
				p->text);
			ok = false;
		} else if (ike && c->ike_version == 1 && strcmp(alg->name, "x25519") == 0) {
			diag_add(d, p->pos,
				"proposal \"%s\": x25519 is a group of IKEv2 only (RFC 8031): use "
				"ecp256 or modp2048, or set ike_version 2",
				p->text);
			ok = false;
		}
	}
	return ok;
}

bool proposal_parse(struct proposal *p, bool ike, const struct crypto *c, struct diag *d)
{
	const char *form = ike ? IKE_FORM : ESP_FORM;
	char tokens[TOKENS][TOKEN_MAX + 1];
	const struct alg *parts[TOKENS];
	size_t count;
	if (!split(diag_show(p->text).text, tokens, &count)) {
		diag_add(d, p->pos, "proposal \"%s\": write %s", diag_show(p->text).text, form);
		return false;
	}
	bool ok = true;
	for (size_t i = 0; i < count; i++) {
		parts[i] = find(tokens[i]);
		if (parts[i] == NULL) {
			unknown(p, tokens[i], form, d);
			ok = false;
		}
	}
	if (!ok)
		return false;
	if (!assemble(p, ike, parts, count)) {
		bool pfs = !ike && parts[count - 1]->kind == ALG_GROUP;
		diag_add(d, p->pos, "proposal \"%s\": write %s%s", p->text, form,
			pfs ? "; the group of PFS is that of IKE" : "");
		return false;
	}
	return fits(p, ike, c, d);
}
