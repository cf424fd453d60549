#include "aws/ec2_token.h"

#include <string.h>

#include "base/digest.h"

struct ec2_token ec2_token(const char *const *words)
{
	struct sha256_stream s;
	sha256_begin(&s);
	for (size_t i = 0; words[i] != NULL; i++)
		sha256_add(&s, words[i], strlen(words[i]) + 1);
	struct sha256 digest = sha256_end(&s);
	struct ec2_token token;
	memcpy(token.text, sha256_text(&digest).text, sizeof(token.text));
	return token;
}

int ec2_change(struct aws *aws, struct query *q, bool dry_run, struct arena *a,
	struct xml_node **ret, struct err *e)
{
	*ret = NULL;
	if (!dry_run)
		return query_call(aws, q, a, ret, e);
	query_put(q, "true", "DryRun");
	struct aws_reply reply = { 0 };
	int rc = query_try(aws, q, a, ret, &reply, e);
	*ret = NULL;
	if (rc == 0 && reply.status >= 400 && strcmp(reply.code, "DryRunOperation") != 0)
		rc = aws_refused(&q->request, aws, &reply, e);
	aws_reply_free(&reply);
	return rc;
}
