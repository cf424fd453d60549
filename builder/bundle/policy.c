#include "bundle/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add(struct texts *t, const char *text, struct arena *a, struct err *e)
{
	if (text == NULL)
		return -1;
	const char **slot = arena_push(a, &t->list, &t->count, &t->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = text;
	return 0;
}

static void sort_unique(struct texts *t)
{
	size_t kept = 0;
	if (t->count > 0)
		qsort(t->list, t->count, sizeof(*t->list), by_text);
	for (size_t i = 0; i < t->count; i++)
		if (kept == 0 || strcmp(t->list[kept - 1], t->list[i]) != 0)
			t->list[kept++] = t->list[i];
	t->count = kept;
}

/* The folder of a name, and a star: a/b and a/b/STAR give a/STAR and a/STAR; a name alone, STAR. */
static const char *widen(const char *name, struct arena *a, struct err *e)
{
	size_t n = strlen(name);
	if (n >= 2 && strcmp(name + n - 2, "/*") == 0)
		n -= 2;
	while (n > 0 && name[n - 1] != '/')
		n--;
	return arena_printf(a, e, "%.*s*", (int)n, name);
}

/* Few enough names for a policy: folders in place of names where they are many. */
static int narrow(struct texts *t, struct arena *a, struct err *e)
{
	sort_unique(t);
	while (t->count > POLICY_KEYS_MAX) {
		for (size_t i = 0; i < t->count; i++) {
			t->list[i] = widen(t->list[i], a, e);
			if (t->list[i] == NULL)
				return -1;
		}
		sort_unique(t);
	}
	return 0;
}

static const char *arn(const char *service, const char *name, struct arena *a, struct err *e)
{
	if (text_starts(name, "arn:"))
		return name;
	bool secret = strcmp(service, "secretsmanager") == 0;
	size_t n = strlen(name);
	/* Secrets Manager adds a dash and six characters to a secret's name. */
	const char *tail = secret && (n == 0 || name[n - 1] != '*') ? "-??????" : "";
	return arena_printf(a, e,
		"arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s%s%s", service,
		secret ? "secret:" : "parameter", name, tail);
}

/* The names of all keys of a kind that the sites refer to. */
static int key_names(const struct deploy *d, enum psk_kind kind, struct arena *a, struct texts *ret,
	struct err *e)
{
	const struct psk_ref *last = NULL;
	for (size_t i = 0; i <= d->sites->count; i++) {
		const struct psk_ref *ref = i == d->sites->count
						    ? &d->sites->psk
						    : site_psk(d->sites, &d->sites->list[i]);
		if (ref == NULL || ref->kind != kind || ref == last)
			continue;
		last = ref;
		const char *name = ref->arg;
		if (kind == PSK_SSM && !text_starts(name, "arn:")) {
			/* A version or label behind a colon is no part of the parameter's ARN. */
			size_t n = strcspn(name, ":");
			name = arena_printf(
				a, e, "%s%.*s", name[0] == '/' ? "" : "/", (int)n, name);
		}
		if (add(ret, name, a, e) < 0)
			return -1;
	}
	return narrow(ret, a, e);
}

static struct statement *say(
	struct policy *p, const char *sid, const char *action, struct arena *a, struct err *e)
{
	struct statement *s = &p->list[p->count];
	*s = (struct statement){ .sid = sid };
	if (add(&s->actions, action, a, e) < 0)
		return NULL;
	p->count++;
	return s;
}

static struct texts *only_if(struct statement *s, const char *test, const char *key)
{
	struct condition *c = &s->conditions[s->condition_count++];
	*c = (struct condition){ .test = test, .key = key };
	return &c->values;
}

/* Keys of KMS, for what the service decrypts on the role's behalf: these things and no others. */
static int decrypt(struct policy *p, const char *sid, const char *service, const char *context,
	const struct texts *things, struct arena *a, struct err *e)
{
	struct statement *s = say(p, sid, "kms:Decrypt", a, e);
	if (s == NULL || add(&s->resources, "*", a, e) < 0)
		return -1;
	if (add(only_if(s, "StringLike", "kms:ViaService"),
		    arena_printf(a, e, "%s.${AWS::Region}.amazonaws.com", service), a, e) < 0)
		return -1;
	struct texts *values = only_if(s, "StringLike", context);
	for (size_t i = 0; i < things->count; i++)
		if (add(values, things->list[i], a, e) < 0)
			return -1;
	return 0;
}

static int keys(struct policy *p, const struct deploy *d, struct arena *a, struct err *e)
{
	static const struct {
		enum psk_kind kind;
		const char *service, *action, *sid, *decrypt_sid, *context;
	} stores[] = {
		{ PSK_SSM, "ssm", "ssm:GetParameters", "KeysInParameters", "DecryptParameters",
			"kms:EncryptionContext:PARAMETER_ARN" },
		{ PSK_SECRETSMANAGER, "secretsmanager", "secretsmanager:GetSecretValue",
			"KeysInSecrets", "DecryptSecrets", "kms:EncryptionContext:SecretARN" },
	};
	for (size_t k = 0; k < sizeof(stores) / sizeof(*stores); k++) {
		struct texts names = { 0 };
		if (key_names(d, stores[k].kind, a, &names, e) < 0)
			return -1;
		if (names.count == 0)
			continue;
		struct statement *s = say(p, stores[k].sid, stores[k].action, a, e);
		if (s == NULL)
			return -1;
		for (size_t i = 0; i < names.count; i++)
			if (add(&s->resources, arn(stores[k].service, names.list[i], a, e), a, e) <
				0)
				return -1;
		struct texts things = s->resources;
		if (decrypt(p, stores[k].decrypt_sid, stores[k].service, stores[k].context, &things,
			    a, e) < 0)
			return -1;
	}
	return 0;
}

static int objects(struct policy *p, const struct deploy *d, struct arena *a, struct err *e)
{
	struct texts things = { 0 }, arns = { 0 };
	bool versioned = false;
	const char *urls[] = { d->sites_url, d->overlay_url };
	for (size_t i = 0; i < 2; i++) {
		if (!text_starts(urls[i], "s3://"))
			continue;
		const char *place = urls[i] + strlen("s3://");
		const char *version = strstr(place, "?versionId=");
		size_t n = version != NULL ? (size_t)(version - place) : strlen(place);
		versioned = versioned || version != NULL;
		const char *object =
			arena_printf(a, e, "arn:${AWS::Partition}:s3:::%.*s", (int)n, place);
		const char *bucket = arena_printf(
			a, e, "arn:${AWS::Partition}:s3:::%.*s", (int)strcspn(place, "/"), place);
		/* With a bucket key, KMS is told the bucket and not the object. */
		if (add(&things, object, a, e) < 0 || add(&arns, object, a, e) < 0 ||
			add(&arns, bucket, a, e) < 0)
			return -1;
	}
	if (things.count == 0)
		return 0;
	sort_unique(&things);
	sort_unique(&arns);
	struct statement *s = say(p, "Objects", "s3:GetObject", a, e);
	if (s == NULL || (versioned && add(&s->actions, "s3:GetObjectVersion", a, e) < 0))
		return -1;
	s->resources = things;
	return decrypt(p, "DecryptObjects", "s3", "kms:EncryptionContext:aws:s3:arn", &arns, a, e);
}

static int record(struct policy *p, const struct deploy *d, struct arena *a, struct err *e)
{
	if (d->hosted_zone[0] == '\0')
		return 0;
	const char *slash = strrchr(d->hosted_zone, '/');
	const char *zone = arena_printf(a, e, "arn:${AWS::Partition}:route53:::hostedzone/%s",
		slash != NULL ? slash + 1 : d->hosted_zone);
	struct statement *s = say(p, "ReadRecords", "route53:ListResourceRecordSets", a, e);
	if (s == NULL || add(&s->resources, zone, a, e) < 0)
		return -1;
	s = say(p, "OwnRecord", "route53:ChangeResourceRecordSets", a, e);
	if (s == NULL || add(&s->resources, zone, a, e) < 0)
		return -1;
	char *name = arena_strdup(a, d->pool_name, e);
	if (name == NULL)
		return -1;
	for (char *c = name; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	struct texts *names = only_if(s, "ForAllValues:StringEquals",
		"route53:ChangeResourceRecordSetsNormalizedRecordNames");
	struct texts *types = only_if(
		s, "ForAllValues:StringEquals", "route53:ChangeResourceRecordSetsRecordTypes");
	struct texts *actions =
		only_if(s, "ForAllValues:StringEquals", "route53:ChangeResourceRecordSetsActions");
	if (add(names, name, a, e) < 0 || add(types, "A", a, e) < 0 ||
		add(actions, "DELETE", a, e) < 0 || add(actions, "UPSERT", a, e) < 0)
		return -1;
	return 0;
}

int policy_of(const struct deploy *d, struct arena *a, struct policy *ret, struct err *e)
{
	*ret = (struct policy){ 0 };
	if (keys(ret, d, a, e) < 0 || objects(ret, d, a, e) < 0)
		return -1;
	return record(ret, d, a, e);
}

const char *policy_plain(const char *text, const char *region, struct arena *a, struct err *e)
{
	static const char *const names[] = { "${AWS::Partition}", "${AWS::Region}",
		"${AWS::AccountId}" };
	const char *values[] = { "aws", region[0] != '\0' ? region : "*", "*" };
	const char *done = "";
	for (;;) {
		const char *dollar = strchr(text, '$');
		size_t k = 0;
		while (dollar != NULL && k < 3 && !text_starts(dollar, names[k]))
			k++;
		if (dollar == NULL || k == 3)
			return arena_printf(a, e, "%s%s", done, text);
		done = arena_printf(a, e, "%s%.*s%s", done, (int)(dollar - text), text, values[k]);
		if (done == NULL)
			return NULL;
		text = dollar + strlen(names[k]);
	}
}
